"""Hypothesis profiles: few and always the same examples in `make test`; `--hypothesis-profile=long` looks further."""

from hypothesis import HealthCheck, settings

_SLOW_ON_BUSY_MACHINES = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "short",
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=_SLOW_ON_BUSY_MACHINES,
)
settings.register_profile(
    "long", max_examples=2000, stateful_step_count=120, deadline=None, suppress_health_check=_SLOW_ON_BUSY_MACHINES
)
if settings.get_current_profile_name() != "long":
    settings.load_profile("short")
