import pytest

from runtime.settings import SettingsError, load

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_without_a_secret_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGHAUL_WEBHOOK_SECRET", raising=False)
    assert load().webhook_secrets is None


def test_secrets_are_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_WEBHOOK_SECRET", f"{SECRET},{SECRET}")
    settings = load()
    assert settings.webhook_secrets is not None
    assert len(settings.webhook_secrets.keys) == 2
    assert "MfKQ" not in str(settings.redacted())


def test_what_is_no_secret_stops_the_start_and_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_WEBHOOK_SECRET", "hunter2")
    with pytest.raises(SettingsError, match="LONGHAUL_WEBHOOK_SECRET") as caught:
        load()
    assert "hunter2" not in str(caught.value)
