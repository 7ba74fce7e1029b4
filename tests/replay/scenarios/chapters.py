"""All scenarios by name."""

from tests.replay.scenarios import calls, ends, operations, people, planning, steps, tools
from tests.replay.scenarios.scenario import Scenario, registered

SCENARIOS: dict[str, Scenario] = registered(planning, steps, people, ends, tools, calls, operations)
