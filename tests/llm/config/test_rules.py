"""Addresses and headers of providers: what would leak a credential or reach where nobody may is refused."""

import pytest

from services.llm.config.base_urls import address_problems, is_this_machines
from services.llm.config.rules import provider_problems
from tests.llm.config.stage import provider


def codes(url: str, *, allow_private: bool = False) -> list[str]:
    found = address_problems(url, "/base_url", allow_private=allow_private)
    assert all(problem.path == "/base_url" for problem in found)
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://127.0.0.1:8090/v1",
        "http://localhost/v1",
        "http://gpu.localhost:1/",
        "http://[::1]:1/v1",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://bücher.example/v1",
        "http://ollama:11434/v1",
    ],
)
def test_public_addresses_and_this_machine_are_taken(url: str) -> None:
    assert codes(url) == []


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8090/v1", True),
        ("http://LOCALHOST./v1", True),
        ("http://gpu.localhost:1/", True),
        ("http://[::1]:1/v1", True),
        ("http://0x7f.1/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://ollama:11434/v1", False),
        ("http://localhost.example/", False),
        ("http://10.0.0.7/v1", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_spelling_alone(url: str, *, own: bool) -> None:
    assert is_this_machines(url) == own


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
        "http://0.0.0.0:8080/",
        "http://[::]/",
        "http://224.0.0.1/",
    ],
)
def test_metadata_services_and_the_like_are_never_taken(url: str) -> None:
    assert codes(url) == codes(url, allow_private=True) == ["address_refused"]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.7/v1", "http://192.168.1.1", "http://172.16.0.1", "http://[fd12::1]/", "http://gpu.internal"]
)
def test_private_networks_must_be_allowed(url: str) -> None:
    assert (codes(url), codes(url, allow_private=True)) == (["address_refused"], [])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "file:///etc/passwd",
        "host/v1",
        "http://",
        "http:///v1",
        "http://user:pass@host/",
        "http://key@host/",
        "http://host/v1?key=1",
        "http://host/#x",
        "http://host:99999/",
        "http://host:0/",
        "http://[::1/",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    assert codes(url, allow_private=True) == ["bad_url"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Authorization", "Bearer x", "secret_header"),
        ("x-api-key", "x", "secret_header"),
        ("X-Goog-Api-Key", "x", "secret_header"),
        ("Host", "elsewhere", "bad_header"),
        ("Content-Length", "0", "bad_header"),
        ("a b", "x", "bad_header"),
        ("", "x", "bad_header"),
        ("X-A", "a\r\nX-B: b", "bad_header"),
        ("X-A", "é", "bad_header"),
    ],
)
def test_headers_hold_no_credentials_and_break_nothing(name: str, value: str, code: str) -> None:
    found = provider_problems(provider(headers={"X-Fine": "1", name: value}))
    assert [(problem.code, problem.path) for problem in found] == [(code, f"/headers/{name}")]


def test_a_slash_in_a_headers_name_is_escaped_in_its_place() -> None:
    assert [problem.path for problem in provider_problems(provider(headers={"a/b": "x"}))] == ["/headers/a~1b"]
