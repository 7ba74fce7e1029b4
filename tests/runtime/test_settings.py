"""Settings: good values are read, bad ones are named, secrets are not shown."""

from pathlib import Path

import pytest

from domain.live_settings import LogLevel
from domain.placement import Placement
from runtime.settings import PROJECT_ROOT, Settings, SettingsError, load, variable


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in Settings.model_fields:
        monkeypatch.delenv(variable(key), raising=False)


def test_defaults_need_no_environment() -> None:
    settings = load()
    assert settings.api_host == "127.0.0.1"
    assert settings.placement is Placement.AUTO
    assert settings.state_dir == PROJECT_ROOT / ".longhaul"
    assert not settings.cache_dir.is_relative_to(PROJECT_ROOT)


def test_every_key_is_documented() -> None:
    assert [key for key, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LONGHAUL_API_PORT", "eighty", "LONGHAUL_API_PORT: Input should be a valid integer"),
        ("LONGHAUL_API_PORT", "70000", "LONGHAUL_API_PORT: Input should be less than or equal to 65535"),
        ("LONGHAUL_PLACEMENT", "moon", "LONGHAUL_PLACEMENT: Input should be 'auto', 'child' or 'inline'"),
        ("LONGHAUL_OPENAI_BASE_URL", "example", "LONGHAUL_OPENAI_BASE_URL: Input should be a valid URL"),
        ("LONGHAUL_OPENAI_BASE_URL", "http://a:b@host/v1", "LONGHAUL_OPENAI_BASE_URL: put the key in"),
        ("LONGHAUL_OPENAI_MODEL", "gpt", "LONGHAUL_OPENAI_BASE_URL is missing"),
        ("TEMPORAL_ADDRESS", "localhost", "TEMPORAL_ADDRESS: must be host:port"),
        ("DATABASE_URL", "mysql://host/db", "DATABASE_URL: must be a PostgreSQL address"),
    ],
)
def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=complaint.replace("(", r"\(")):
        load()


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_API_PORT", "x")
    monkeypatch.setenv("LONGHAUL_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match=r"LONGHAUL_API_PORT: .*; LONGHAUL_LOG_LEVEL: "):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://me:hunter2@host/db"),
        ("LONGHAUL_OPENAI_BASE_URL", "a:hunter2@b"),
        ("LONGHAUL_PUBLIC_URL", "a:hunter2@b"),
        ("LONGHAUL_ALLOWED_ORIGINS", "https://me:hunter2@host"),
    ],
)
def test_a_complaint_shows_no_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as complaint:
        load()
    assert "hunter2" not in str(complaint.value)
    assert name in str(complaint.value)


def test_redacted_masks_secrets_and_shows_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LONGHAUL_OPENAI_API_KEY", "hunter2")
    monkeypatch.setenv("LONGHAUL_OPENAI_MODEL", "small")
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter2@host/db")
    shown = load().redacted()
    assert "hunter2" not in str(shown)
    assert shown["openai_model"] == "small"
    assert shown["message"] == ""


def test_any_postgresql_address_becomes_one_for_asyncpg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me@host/db")
    url = load().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql+asyncpg://me@host/db"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_API_PORT", "")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    assert load().api_port == 8080
    assert load().temporal_address is None


def test_level_in_any_case_and_switches_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_LOG_LEVEL", "debug")
    monkeypatch.setenv("LONGHAUL_SEARCH_ATTRIBUTES", "off")
    settings = load()
    assert settings.log_level is LogLevel.DEBUG
    assert settings.search_attributes is False


def test_relative_folders_start_at_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LONGHAUL_STATE_DIR", "state")
    monkeypatch.setenv("LONGHAUL_CACHE_DIR", str(tmp_path))
    settings = load()
    assert settings.state_dir == PROJECT_ROOT / "state"
    assert settings.cache_dir == tmp_path
