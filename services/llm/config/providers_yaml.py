"""Reading providers.yaml: from the friendly form to the pool's own values, with a JSON pointer for every mistake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from domain.drafts import problems_of
from domain.errors import InvalidInput, Problem
from domain.model_pool import POOL_ID, Account, Deployment, Provider, Route, RouteTarget, Strategy
from domain.templates import escape
from domain.value import Value
from domain.variables import Expansion
from services.llm.config.file_form import FileAccount, FileModel, FileProvider, FileRoute, FileTarget
from services.llm.config.object_ids import TARGETS_LIMIT, deployment_id
from services.llm.config.rules import account_problems, provider_problems, route_problems
from services.llm.config.takeover import Wanted
from services.llm.config.yaml_text import load

PROBLEMS_LIMIT = 50

_SECTIONS = ("providers", "routes")
V = TypeVar("V", bound=Value)


def parse(content: bytes, name: str, variables: Mapping[str, str]) -> Wanted:
    """Read a file. Whether its fallbacks are there is for its reader to check: other routes may be meant.

    Args:
        content: YAML in UTF-8.
        name: The file's name, for messages.
        variables: What `${NAME}` stands for.

    Raises:
        InvalidInput: It is not YAML, or not such a file; `problems` say where. No value is quoted.
    """
    expansion = Expansion(variables)
    document = expansion.expand(load(content, name))
    reader = _Reader(expansion.problems)
    sections = reader.sections(document)
    if not reader.problems:
        for key, raw in sections["providers"].items():
            reader.provider(key, raw)
        for key, raw in sections["routes"].items():
            reader.route(key, raw)
    wanted = reader.wanted()
    if reader.problems:
        first = reader.problems[0]
        raise InvalidInput(f"{name}{first.path}: {first.message}", tuple(reader.problems[:PROBLEMS_LIMIT]))
    return wanted


@dataclass
class _Reader:
    """Collects values and problems."""

    problems: list[Problem]
    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])
    accounts: dict[str, tuple[Account, FileAccount]] = field(default_factory=dict[str, tuple[Account, FileAccount]])
    deployments: dict[str, Deployment] = field(default_factory=dict[str, Deployment])
    routes: dict[tuple[str, str], Route] = field(default_factory=dict[tuple[str, str], Route])
    on: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict[tuple[str, str], dict[str, str]])
    """Deployments by account's name, of each (provider, model)."""

    def wrong(self, code: str, path: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(code=code, path=path, message=message))

    def sections(self, document: Any) -> dict[str, dict[str, Any]]:
        """Return the file's sections, each by name."""
        found = {name: dict[str, Any]() for name in _SECTIONS}
        if document is not None and not isinstance(document, dict):
            self.wrong("invalid", "", "the file has the keys providers and routes")
            return found
        for key, section in cast("dict[object, object]", document or {}).items():
            if key not in _SECTIONS:
                self.wrong(
                    "unknown_key", f"/{escape(str(key))}", "the file has the keys providers and routes, no other"
                )
            elif section is not None and not isinstance(section, dict):
                self.wrong("invalid", f"/{key}", "this is an object of names")
            else:
                found[key] = self._named(cast("dict[object, object]", section or {}), f"/{key}")
        return found

    def _named(self, section: dict[object, object], path: str) -> dict[str, Any]:
        for key in section:
            if not isinstance(key, str):
                self.wrong("invalid", f"{path}/{escape(str(key))}", "a name is a text: put it in quotes")
        return {key: value for key, value in section.items() if isinstance(key, str)}

    def provider(self, name: str, raw: Any) -> None:
        """Read a provider with its accounts and models."""
        path = f"/providers/{escape(name)}"
        if not POOL_ID.match(name):
            message = "a provider's name has lower-case letters, digits, dots, - and _, at most 80"
            self.wrong("bad_name", path, message)
            return
        form = self.read(raw, FileProvider, path)
        made = None if form is None else self.made(lambda: _provider(name, form), path)
        if form is None or made is None:
            return
        self.providers[name] = made
        self.problems += provider_problems(made, path)
        for account_name, account in form.each_account().items():
            self._account(name, account_name, account, path)
        for model, said in form.models.items():
            self._model(name, model, said, form)

    def _account(self, provider: str, name: str, form: FileAccount, path: str) -> None:
        id_ = f"{provider}.{name}"
        place = f"{path}/accounts/{escape(name)}"
        limits = form.limits.limits()
        fields = {"limits": limits, "weight": form.weight, "disabled": form.disabled}
        made = self.made(lambda: Account.model_validate({"id": id_, "provider_id": provider, **fields}), place)
        if made is not None:
            self.accounts[id_] = (made, form)
            self.problems += account_problems(made, place)

    def _model(self, provider: str, name: str, said: FileModel, form: FileProvider) -> None:
        on = self.on.setdefault((provider, name), {})
        for account_name in form.each_account():
            account_id = f"{provider}.{account_name}"
            if account_id not in self.accounts:
                continue
            id_ = deployment_id(account_id, name)
            on[account_name] = id_
            self.deployments[id_] = Deployment(
                id=id_,
                account_id=account_id,
                model=said.model or name,
                price=None if said.price is None else said.price.price(),
                capabilities=said.capabilities,
                context_tokens=said.context,
                max_output_tokens=said.max_output,
                timeout_s=said.timeout_s,
                first_token_s=said.first_token_s,
                weight=said.weight,
            )

    def route(self, key: str, raw: Any) -> None:
        """Read a route. `name@version` names a version."""
        path = f"/routes/{escape(key)}"
        form = self.read(raw, FileRoute, path)
        if form is None:
            return
        name, at, version = key.rpartition("@")
        targets = [target for index, said in enumerate(form.to) for target in self._targets(said, f"{path}/to/{index}")]
        fields = {field: getattr(form, field) for field in FileRoute.model_fields if field != "to"}
        fields |= {"name": name if at else key, "version": version if at else "", "targets": targets}
        made = self.made(lambda: Route.model_validate(fields), path)
        if made is not None:
            self.routes[made.name, made.version] = made
            self.problems += route_problems(made, path)

    def _targets(self, said: FileTarget, path: str) -> list[RouteTarget]:
        provider, _, rest = said.to.partition("/")
        found = list(self.on.get((provider, rest), {}).values())
        if not found:
            account, _, model = rest.partition("/")
            found = [id_ for name, id_ in self.on.get((provider, model), {}).items() if name == account]
        if not found:
            message = "this is provider/model or provider/account/model of the providers above"
            self.wrong("unknown_target", path, message)
        more = said.model_dump(exclude={"to"})
        return [RouteTarget(deployment_id=id_, **more) for id_ in found]

    def read(self, raw: Any, form: type[V], path: str) -> V | None:
        """Read a part of the file; None: it is wrong, which is noted."""
        return self.made(lambda: form.model_validate(raw), path)

    def made(self, make: Callable[[], V], path: str) -> V | None:
        """Return a value; None: it cannot be made, which is noted."""
        try:
            return make()
        except ValidationError as error:
            self.problems += problems_of(error, path)
            return None

    def wanted(self) -> Wanted:
        """Return the whole configuration, with a route for each model that no route is called like."""
        routes = dict(self.routes)
        for model in dict.fromkeys(model for _, model in self.on):
            if (model, "") not in routes:
                routes[model, ""] = self._own_route(model)
        keys = {id_: form.api_key for id_, (_, form) in self.accounts.items()}
        return Wanted(
            providers=tuple(self.providers.values()),
            accounts=tuple(account for account, _ in self.accounts.values()),
            credentials={id_: key for id_, key in keys.items() if key is not None},
            deployments=tuple(self.deployments.values()),
            routes=tuple(routes.values()),
        )

    def _own_route(self, model: str) -> Route:
        ids = [id_ for (_, name), on in self.on.items() if name == model for id_ in on.values()]
        if len(ids) > TARGETS_LIMIT:
            message = f"a route has at most {TARGETS_LIMIT} targets: say which ones this one has"
            self.wrong("too_many_targets", f"/routes/{escape(model)}", message)
        strategy = Strategy.ROUND_ROBIN if len(ids) > 1 else Strategy.ORDERED
        targets = tuple(RouteTarget(deployment_id=id_) for id_ in ids[:TARGETS_LIMIT])
        return Route(name=model, targets=targets, strategy=strategy)


def _provider(name: str, form: FileProvider) -> Provider:
    fields = ("dialect", "base_url", "headers", "simulated", "allow_private", "connect_s", "silence_s", "disabled")
    return Provider.model_validate({"id": name, **{field: getattr(form, field) for field in fields}})
