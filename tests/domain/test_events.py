from domain import events
from domain.events import EventType


def test_every_type_is_described() -> None:
    described = events.__doc__ or ""
    assert [kind for kind in EventType if kind.value not in described] == []
