"""What a new key may be: never more than who makes it has, nor, made with a key, than that key.

What is left open follows the key's user where the maker has as much, and is written down where the maker has less.
"""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, Field

from domain.caller import Caller
from domain.caller_errors import Forbidden
from domain.grant_scopes import PATTERNS_AT_MOST, Pattern, left_of, may_use_all, reaches_within
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.identity.guards import must_have
from services.identity.records import KeyRecord, Layer, Network, UserRecord
from services.identity.tenants import WalletId

NETWORKS_AT_MOST: Final = 100


def _network(text: str) -> str:
    return str(ip_network(text))


NetworkText = Annotated[str, Field(max_length=64), AfterValidator(_network)]
"""An address or a network, such as `203.0.113.7` or `10.0.0.0/8`; bits beyond its length are refused."""
_Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=PATTERNS_AT_MOST)]
_Shown = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class KeyFields(Value):
    """What can be said of a key.

    Attributes:
        permissions: What it narrows its user's to; None: to nothing less.
        grants: The same of what is granted by name: by kind, patterns.
        networks: From where it may be used; empty: from everywhere.
        expires_at: From then on it is refused; None: never.
        wallet: What its calls are charged to; None: its tenant's.
    """

    name: _Shown
    permissions: Annotated[tuple[Permission, ...] | None, Field(max_length=len(Permission))] = None
    grants: dict[GrantKind, _Patterns] = {}
    networks: Annotated[tuple[NetworkText, ...], Field(max_length=NETWORKS_AT_MOST)] = ()
    expires_at: AwareDatetime | None = None
    wallet: WalletId | None = None


@dataclass(frozen=True)
class Scope:
    """What a key is to be, after its maker's bounds."""

    permissions: frozenset[Permission] | None
    layer: Layer
    networks: tuple[str, ...]
    expires_at: datetime | None
    wallet: str | None


@dataclass(frozen=True)
class Maker:
    """Who makes a key, and with which one.

    Attributes:
        expires_at: That key's.
        ceilings: The permissions that lift what that key has of its own: hard budgets, limits.
    """

    caller: Caller
    key: KeyRecord | None = None
    expires_at: datetime | None = None
    ceilings: frozenset[Permission] = frozenset()


def bounded(maker: Maker, user: UserRecord, wanted: KeyFields) -> Scope:
    """Return what a key of a user is to be.

    Raises:
        Forbidden: It would have more than its maker.
    """
    return Scope(
        permissions=_permissions(maker, user, wanted),
        layer=_layer(maker, user, wanted),
        networks=_networks(maker, wanted),
        expires_at=_expiry(maker, wanted),
        wallet=_wallet(maker, wanted),
    )


def must_cover(maker: Maker, key: KeyRecord, expires_at: datetime | None) -> None:
    """Go on only if a key gives no more than its maker has, so that they may use it, or see its new secret.

    Raises:
        Forbidden: It gives more.
    """
    if maker.key is not None and maker.key.id == key.id:
        return
    allowed = key.user.permissions if key.permissions is None else key.user.permissions & key.permissions
    must_have(maker.caller, allowed)
    for kind in GrantKind:
        for pattern in key.layer.get(kind, key.user.layer[kind]):
            _must_reach(maker.caller, kind, pattern)
    if maker.key is None:
        return
    later = maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at)
    wider = maker.key.networks and not (key.networks and _lie_within(key.networks, maker.key.networks))
    other = maker.key.wallet is not None and key.wallet != maker.key.wallet
    if later or wider or other:
        raise Forbidden("that key may be used where or when yours may not, or is charged to another wallet")
    must_not_escape(maker)


def must_cover_log_in(maker: Maker, user: UserRecord) -> None:
    """Go on only if who logs in as a user has no more than the maker: who gives a password may use it.

    Raises:
        Forbidden: The user may use more, or the maker's key is narrowed as no log-in is.
    """
    if not may_use_all(maker.caller.grants, user.layer):
        raise Forbidden("this user may use more than you")
    if maker.key is None:
        return
    if maker.key.networks or maker.key.wallet is not None or maker.expires_at is not None:
        raise Forbidden("a log-in is not bound to the networks, the time and the wallet of the key that you use")
    must_not_escape(maker)


def must_not_escape(maker: Maker) -> None:
    """Go on only if the maker's key has no budgets and limits of its own: what is made with it would not have them.

    Raises:
        Forbidden: It has some, which the maker may not lift.
    """
    missing = sorted(maker.ceilings - maker.caller.permissions)
    if missing:
        what = "a budget" if missing[0] is Permission.BUDGETS_WRITE else "limits"
        raise Forbidden(f"the key that you use has {what} of its own, which this would escape", missing[0])


def _permissions(maker: Maker, user: UserRecord, wanted: KeyFields) -> frozenset[Permission] | None:
    caller = maker.caller
    if wanted.permissions is not None:
        must_have(caller, frozenset(wanted.permissions))
        return frozenset(wanted.permissions)
    narrowed = maker.key is not None and maker.key.permissions is not None
    return user.permissions & caller.permissions if narrowed or user.permissions - caller.permissions else None


def _layer(maker: Maker, user: UserRecord, wanted: KeyFields) -> Layer:
    layer: Layer = {}
    for kind in GrantKind:
        if kind in wanted.grants:
            for pattern in wanted.grants[kind]:
                _must_reach(maker.caller, kind, pattern)
            layer[kind] = wanted.grants[kind]
        elif maker.caller.grants.layers != (user.layer,):
            left = left_of(maker.caller.grants, kind)
            if left is not None and "*" not in left:
                layer[kind] = left
    return layer


def _must_reach(caller: Caller, kind: GrantKind, pattern: str) -> None:
    if not reaches_within(caller.grants, kind, pattern):
        raise Forbidden(f"the {kind.value} pattern {pattern!r} reaches beyond what you may use")


def _networks(maker: Maker, wanted: KeyFields) -> tuple[str, ...]:
    mine = () if maker.key is None else maker.key.networks
    if not wanted.networks:
        return tuple(str(each) for each in mine)
    asked = tuple(ip_network(each) for each in wanted.networks)
    if mine and not _lie_within(asked, mine):
        raise Forbidden("the key could be used from where yours may not")
    return tuple(dict.fromkeys(str(each) for each in asked))


def _lie_within(inner: tuple[Network, ...], outer: tuple[Network, ...]) -> bool:
    return all(any(_is_part(each, whole) for whole in outer) for each in inner)


def _is_part(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _expiry(maker: Maker, wanted: KeyFields) -> datetime | None:
    if maker.expires_at is None or wanted.expires_at is None:
        return wanted.expires_at or maker.expires_at
    if wanted.expires_at > maker.expires_at:
        raise Forbidden("the key would outlive the one that you use")
    return wanted.expires_at


def _wallet(maker: Maker, wanted: KeyFields) -> str | None:
    mine = None if maker.key is None else maker.key.wallet
    if mine is not None and wanted.wallet not in {None, mine}:
        raise Forbidden("the key would be charged to another wallet than yours")
    if wanted.wallet is not None and not maker.caller.grants.allow(GrantKind.WALLET, wanted.wallet):
        raise Forbidden("you may not use this wallet")
    return wanted.wallet or mine
