"""Production starts with no secret that others may know, and no process shows one."""

import asyncio
import base64
import os
import secrets
import sys

import pytest
from pydantic import HttpUrl, SecretStr

from runtime.local.ports import free_port
from runtime.production import refusals
from runtime.settings import PROJECT_ROOT, Settings, load

MASTER = base64.b64encode(secrets.token_bytes(32)).decode()
SIGNING = base64.b64encode(secrets.token_bytes(32)).decode()
ADMIN = secrets.token_urlsafe(32)
HIDDEN = (MASTER, SIGNING, ADMIN, "k3pt-fr0m-0thers", "sk-hidden-key", "hidden-too", "somebody")
SAFE = {
    "LONGHAUL_MODE": "production",
    "LONGHAUL_MASTER_KEYS": f"k1:{MASTER}",
    "LONGHAUL_WEBHOOK_SECRET": f"whsec_{SIGNING}",
    "LONGHAUL_ADMIN_KEY": f"lh_{secrets.token_hex(8)}_{ADMIN}",
    "LONGHAUL_PUBLIC_URL": "https://longhaul.example",
    "LONGHAUL_OPENAI_BASE_URL": "https://models.example/v1?key=hidden-too",
    "LONGHAUL_OPENAI_API_KEY": "sk-hidden-key",
    "LONGHAUL_OPENAI_MODEL": "small",
    "DATABASE_URL": "postgresql://longhaul:k3pt-fr0m-0thers@127.0.0.1:1/longhaul",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "MESSAGE": "a prompt of somebody's",
}


def of(monkeypatch: pytest.MonkeyPatch, **changes: object) -> Settings:
    for name in [name for name in os.environ if name.startswith("LONGHAUL_")]:
        monkeypatch.delenv(name)
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    return load().model_copy(update=changes)


def test_production_starts_with_secrets_that_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusals(of(monkeypatch)) == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("master_keys", None, "LONGHAUL_MASTER_KEYS is not set"),
        ("master_keys", SecretStr("a:" + base64.b64encode(bytes(32)).decode()), "a key that is not random"),
        ("master_keys", SecretStr("a:" + base64.b64encode(b"this-is-my-master-key-0123456789").decode()), "random"),
        ("admin_key", SecretStr(f"lh_{'0' * 16}_{'A' * 43}"), "LONGHAUL_ADMIN_KEY is not random"),
        ("webhook_secret", SecretStr("whsec_" + base64.b64encode(b"0123456789" * 3).decode()), "WEBHOOK_SECRET"),
        ("database_url", SecretStr("postgresql://me:Postgres@host/db"), "everybody tries first"),
        ("database_url", SecretStr("postgresql://me:me@host/db"), "everybody tries first"),
        ("database_url", SecretStr("postgresql://me:p%6Fstgres@host/db"), "everybody tries first"),
        ("database_url", SecretStr("postgresql://host/db?user=me&password=secret"), "everybody tries first"),
        ("database_url", SecretStr("postgresql://me@host/db?password=me"), "everybody tries first"),
        ("database_url", None, "DATABASE_URL is not set"),
        ("temporal_address", None, "TEMPORAL_ADDRESS is not set"),
        ("provider_label", "simulated", "a simulated provider answers"),
        ("failpoints", PROJECT_ROOT, "LONGHAUL_FAILPOINTS is set"),
        ("public_url", HttpUrl("http://longhaul.example"), "is not https"),
        ("trusted_proxies", "10.0.0.0/8, 0.0.0.0/0", "LONGHAUL_TRUSTED_PROXIES is everybody"),
        ("trusted_proxies", "::/0", "LONGHAUL_TRUSTED_PROXIES is everybody"),
    ],
)
def test_production_refuses(monkeypatch: pytest.MonkeyPatch, key: str, value: object, said: str) -> None:
    (refused,) = refusals(of(monkeypatch, **{key: value}))
    assert said in refused
    assert refusals(of(monkeypatch, mode="development", **{key: value})) == ()


def test_production_wants_tls_before_what_is_open_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for public in (None, HttpUrl("http://127.0.0.1:8080")):
        (refused,) = refusals(of(monkeypatch, public_url=public, api_host="0.0.0.0"))  # noqa: S104  what is refused
        assert "a proxy with TLS" in refused
        assert refusals(of(monkeypatch, public_url=public)) == ()
    assert refusals(of(monkeypatch, public_url=HttpUrl("http://[::1]:8080"))) == ()


def test_what_cannot_be_read_is_refused_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {"master_keys": SecretStr("a:é"), "database_url": SecretStr("postgresql://[::/x")}
    assert refusals(of(monkeypatch, **odd)) == ()


async def run(module: str, variables: dict[str, str]) -> tuple[int | None, str, str]:
    """Run a process to its end, or for as long as it takes to show its settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LONGHAUL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        cwd=PROJECT_ROOT,
        env={**plain, **variables, "LONGHAUL_API_PORT": str(free_port())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            shown = b""
            while line := await process.stdout.readline():
                shown += line
                if line.startswith(b"MESSAGE "):
                    process.terminate()
            said = await process.stderr.read()
            return await process.wait(), shown.decode(), said.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("module", ["api", "worker", "server"])
async def test_a_process_refuses_to_start_and_says_all_that_is_wrong(module: str) -> None:
    wrong = {
        "LONGHAUL_MODE": "production",
        "LONGHAUL_PROVIDER_LABEL": "simulated",
        "DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1:1/x",
    }
    code, shown, said = await run(module, wrong)
    assert (code, shown) == (2, "")
    for variable in ("LONGHAUL_MASTER_KEYS", "DATABASE_URL", "TEMPORAL_ADDRESS", "LONGHAUL_PROVIDER_LABEL"):
        assert f"- {variable} " in said


@pytest.mark.parametrize("module", ["api", "worker", "server"])
async def test_a_process_shows_its_settings_and_no_secret(module: str) -> None:
    _, shown, said = await run(module, SAFE)
    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines()}
    assert lines["LONGHAUL_MODE"] == ["production"]
    assert lines["LONGHAUL_MASTER_KEYS"] == ["•••"]
    assert lines["DATABASE_URL"] == ["postgresql+asyncpg://•••@127.0.0.1:1/longhaul"]
    assert lines["LONGHAUL_PURGE_EVERY_S"] == ["3600", "(default)"]
    assert lines["MESSAGE"] == ["•••"]
    for hidden in HIDDEN:
        assert hidden not in shown
        assert hidden not in said
