"""The friendly form of providers.yaml: what it means, and where each mistake stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.budget import Price
from domain.errors import InvalidInput
from domain.model_pool import Capability, Dialect, Limit, LimitKind, Route, Strategy
from services.llm.config.providers_yaml import parse
from services.llm.config.takeover import Wanted

ROOT = Path(__file__).parents[3]
SECRET = "sk-s3cr3t-Value"
TWO_ACCOUNTS = """
providers:
  openai:
    base_url: https://api.openai.com/v1
    accounts:
      main: {api_key: "${KEY}", limits: {rpm: 500, tpm: 200000, rpd: 9, tpd: 8, concurrency: 20, day_budget_usd: 12.5}}
      spare: {weight: 2, limits: {more: [{kind: requests, amount: 60, window_s: 6}]}}
    models:
      gpt-4o: {context: 128000, max_output: 16384, timeout_s: 300, first_token_s: 20, capabilities: [tools, vision],
               price: {input: 2.5, cached_input: 1.25, output: 10}}
      "vendor/Model:1": {model: "vendor/model-1-preview"}
"""


def read(text: str, variables: Mapping[str, str] = {"KEY": SECRET}) -> Wanted:
    return parse(text.encode(), "providers.yaml", variables)


def problems(text: str, variables: Mapping[str, str] = {}) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as error:
        read(text, variables)
    assert SECRET not in str(error.value) + repr(error.value.problems)
    assert str(error.value).startswith("providers.yaml")
    return [(problem.code, problem.path) for problem in error.value.problems]


def routes(wanted: Wanted) -> dict[str, Route]:
    return {f"{route.name}@{route.version}".rstrip("@"): route for route in wanted.routes}


def targets(route: Route) -> list[str]:
    return [target.deployment_id for target in route.targets]


def test_providers_accounts_and_models_become_the_pools_own() -> None:
    wanted = read(TWO_ACCOUNTS)
    (provider,) = wanted.providers
    assert (provider.id, provider.dialect) == ("openai", Dialect.OPENAI)
    main, spare = wanted.accounts
    assert (main.id, main.provider_id, spare.id, spare.weight) == ("openai.main", "openai", "openai.spare", 2)
    assert list(main.limits) == [
        Limit(kind=LimitKind.REQUESTS, amount=500, window_s=60),
        Limit(kind=LimitKind.REQUESTS, amount=9, window_s=86_400),
        Limit(kind=LimitKind.TOKENS, amount=200_000, window_s=60),
        Limit(kind=LimitKind.TOKENS, amount=8, window_s=86_400),
        Limit(kind=LimitKind.CONCURRENCY, amount=20),
        Limit(kind=LimitKind.COST_MICROS, amount=12_500_000, window_s=86_400),
    ]
    assert spare.limits == (Limit(kind=LimitKind.REQUESTS, amount=60, window_s=6),)
    assert {id_: key.get_secret_value() for id_, key in wanted.credentials.items()} == {"openai.main": SECRET}
    assert SECRET not in repr(wanted)


def test_a_model_is_a_deployment_on_each_account() -> None:
    made = {each.id: each for each in read(TWO_ACCOUNTS).deployments}
    gpt = made["openai.main.gpt-4o"]
    assert (gpt.account_id, gpt.model, gpt.context_tokens, gpt.max_output_tokens) == (
        "openai.main",
        "gpt-4o",
        128_000,
        16_384,
    )
    assert gpt.price == Price(input_micros=2_500_000, cached_input_micros=1_250_000, output_micros=10_000_000)
    assert gpt.capabilities == frozenset({Capability.TOOLS, Capability.VISION})
    assert (gpt.timeout_s, gpt.first_token_s) == (300, 20)
    assert len(made) == 4
    odd = [each for each in made.values() if each.model == "vendor/model-1-preview"]
    assert len({each.id for each in odd}) == 2
    assert all(each.price is None for each in odd)


def test_each_model_has_a_route_of_its_name_unless_one_is_given() -> None:
    text = TWO_ACCOUNTS + "routes: {gpt-4o: {to: openai/spare/gpt-4o}}"
    found = routes(read(text))
    assert targets(found["gpt-4o"]) == ["openai.spare.gpt-4o"]
    assert len(targets(found["vendor/Model:1"])) == 2
    assert found["vendor/Model:1"].strategy is Strategy.ROUND_ROBIN


def test_a_route_says_where_it_leads_and_how() -> None:
    text = (
        TWO_ACCOUNTS
        + """
routes:
  best@2:
    to: [openai/gpt-4o, {to: "openai/main/vendor/Model:1", weight: 3, min_input_tokens: 10, max_input_tokens: 20}]
    strategy: fastest
    fallbacks: [gpt-4o]
    sticky_s: 1
    cache_ttl_s: 2
    timeout_s: 3
    max_attempts: 4
    wait_s: 5
    owners: [anna]
"""
    )
    best = routes(read(text))["best@2"]
    assert targets(best)[:2] == ["openai.main.gpt-4o", "openai.spare.gpt-4o"]
    assert (best.targets[2].weight, best.targets[2].min_input_tokens, best.targets[2].max_input_tokens) == (3, 10, 20)
    assert (best.strategy, best.fallbacks, best.owners) == (Strategy.FASTEST, ("gpt-4o",), frozenset({"anna"}))
    assert (best.sticky_s, best.cache_ttl_s, best.timeout_s, best.max_attempts, best.wait_s) == (1, 2, 3, 4, 5)


def test_a_provider_without_accounts_has_one() -> None:
    text = "providers: {ollama: {base_url: 'http://127.0.0.1:11434/v1', limits: {concurrency: 2}, models: [a, b]}}"
    wanted = read(text)
    (account,) = wanted.accounts
    assert (account.id, account.limits) == ("ollama.main", (Limit(kind=LimitKind.CONCURRENCY, amount=2),))
    assert sorted(routes(wanted)) == ["a", "b"]


def test_models_of_one_name_at_two_providers_share_a_route() -> None:
    text = """
providers:
  a: {base_url: "http://127.0.0.1:1/v1", models: [m]}
  b: {base_url: "http://127.0.0.1:2/v1", models: {m: }}
"""
    assert targets(routes(read(text))["m"]) == ["a.main.m", "b.main.m"]


def test_names_that_are_spelled_alike_stay_apart() -> None:
    text = "providers: {a: {base_url: 'http://h/v1', models: ['M/1', 'm-1', 'm/1', '" + "x" * 200 + "']}}"
    ids = [each.id for each in read(text).deployments]
    assert len(set(ids)) == 4
    assert all(len(id_) <= 80 for id_ in ids)


def test_an_empty_variable_is_no_credential() -> None:
    text = "providers: {a: {base_url: 'http://h/v1', api_key: '${NONE:-}'}}"
    assert read(text).credentials == {}


@pytest.mark.parametrize("text", ["", "# nothing\n", "providers:\nroutes:\n", "{}"])
def test_an_empty_file_wants_nothing(text: str) -> None:
    assert read(text) == Wanted()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", [("invalid", "")]),
        ("just text", [("invalid", "")]),
        ("provider: {}", [("unknown_key", "/provider")]),
        ("providers: [a]", [("invalid", "/providers")]),
        ("providers: {1: {base_url: 'http://h'}}", [("invalid", "/providers/1")]),
        ("providers: {Open AI: {base_url: 'http://h'}}", [("bad_name", "/providers/Open AI")]),
        ("providers: {a: }", [("invalid", "/providers/a")]),
        ("providers: {a: {}}", [("invalid", "/providers/a/base_url")]),
        ("providers: {a: {base_url: 'http://h', colour: red}}", [("invalid", "/providers/a/colour")]),
        ("providers: {a: {base_url: 'http://h', dialect: cobol}}", [("invalid", "/providers/a/dialect")]),
        ("providers: {a: {base_url: 'ftp://h'}}", [("invalid", "/providers/a/base_url")]),
        ("providers: {a: {base_url: 'http://10.0.0.1/v1'}}", [("address_refused", "/providers/a/base_url")]),
        (
            "providers: {a: {base_url: 'http://169.254.169.254/', allow_private: true}}",
            [("address_refused", "/providers/a/base_url")],
        ),
        (
            "providers: {a: {base_url: 'http://h', headers: {Authorization: x}}}",
            [("secret_header", "/providers/a/headers/Authorization")],
        ),
        (
            "providers: {a: {base_url: 'http://h', accounts: {m: {api_key: '${NOPE}'}}}}",
            [("variable_missing", "/providers/a/accounts/m/api_key")],
        ),
        (
            "providers: {a: {base_url: 'http://h', accounts: {m: {api_key: 'two words'}}}}",
            [("invalid", "/providers/a/accounts/m/api_key")],
        ),
        (
            "providers: {a: {base_url: 'http://h', accounts: {m: {limits: {rpm: -1}}}}}",
            [("invalid", "/providers/a/accounts/m/limits/rpm")],
        ),
        (
            """providers: {a: {base_url: 'http://h', accounts: {m: {limits:
            {rpm: 1, more: [{kind: requests, amount: 2, window_s: 60}]}}}}}""",
            [("duplicate_limit", "/providers/a/accounts/m/limits/1")],
        ),
        (
            "providers: {a: {base_url: 'http://h', api_key: x, accounts: {m: {}}}}",
            [("invalid", "/providers/a")],
        ),
        (
            "providers: {a: {base_url: 'http://h', models: {m: {price: {input: -1}}}}}",
            [("invalid", "/providers/a/models/m/price/input")],
        ),
        ("routes: {r: {to: nowhere/m}}", [("unknown_target", "/routes/r/to/0")]),
        ("routes: {r: {to: []}}", [("invalid", "/routes/r/to")]),
        ("routes: {r: {to: 7}}", [("invalid", "/routes/r/to/0"), ("invalid", "/routes/r/to")]),
        ("routes: {r: }", [("invalid", "/routes/r")]),
        (
            "providers: {a: {base_url: 'http://h', models: [m]}}\nroutes: {'a*b': {to: a/m}}",
            [("bad_wildcard", "/routes/a*b/name")],
        ),
        (
            "providers: {a: {base_url: 'http://h', models: [m]}}\nroutes: {r: {to: [a/m, a/other/m, a/n]}}",
            [("unknown_target", "/routes/r/to/1"), ("unknown_target", "/routes/r/to/2")],
        ),
    ],
)
def test_every_mistake_has_its_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert problems(text) == expected


def test_mistakes_of_many_objects_are_told_together() -> None:
    text = "providers: {a: {base_url: 'ftp://h'}, b: {base_url: 'http://h', accounts: {m: {weight: 0}}}}"
    assert [path for _, path in problems(text)] == ["/providers/a/base_url", "/providers/b/accounts/m/weight"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "providers.yaml, line 1, column 5: it is not valid YAML"),
        ("providers:\n  a: {}\n  a: {}", "providers.yaml, line 3, column 3: a key stands twice"),
        ("providers: !!python/object/apply:os.system [ls]", "providers.yaml, line 1, column 12: it is not valid YAML"),
        ("providers: {? [a] : b}", "providers.yaml, line 1, column 15: it is not valid YAML"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read(text)
    assert str(error.value) == message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x00", b"{" * 100_000])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse(content, "providers.yaml", {})


def test_a_file_that_unfolds_into_millions_is_refused() -> None:
    lines = ["a0: &a0 [" + ",".join(["x"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    assert ("too_large", "") not in problems("\n".join(lines))
    assert problems("\n".join(lines))[0][0] == "too_large"


def test_a_model_with_more_accounts_than_a_route_takes_must_say_which() -> None:
    accounts = "".join(f"      a{n}: {{api_key: k{n}}}\n" for n in range(201))
    text = f"providers:\n  p:\n    base_url: http://h/v1\n    accounts:\n{accounts}    models: [m]\n"
    assert problems(text) == [("too_many_targets", "/routes/m")]
    assert len(read(text + "routes: {m: {to: p/a200/m}}").accounts) == 201


def test_the_example_can_be_used() -> None:
    text = (ROOT / "providers.example.yaml").read_text()
    keys = {"OPENAI_API_KEY": "1", "OPENAI_API_KEY_2": "2", "ANTHROPIC_API_KEY": "3", "GEMINI_API_KEY": "4"}
    wanted = read(text, keys)
    assert {provider.dialect for provider in wanted.providers} == set(Dialect)
    assert len(wanted.routes) > 3


def test_the_example_of_the_documentation_can_be_used() -> None:
    text = (ROOT / "docs" / "pool.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    wanted = read(text, {"OPENAI_API_KEY": "1"})
    assert sorted(routes(wanted)) == ["gpt-4o", "gpt-4o-mini", "smart"]
