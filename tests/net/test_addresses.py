"""Every kind of address, and whether we may go there."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.net.addresses import Place, is_public, place

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.169.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "3ffe::1",
)
PRIVATE = (
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b::c0a8:1",
    "2002:7f00:1::",
    "2002:808:808::1",
)
FORBIDDEN = (
    "0.0.0.0",  # noqa: S104 - an address to judge, not to bind
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100::1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
)
TABLE = [(text, kind) for kind, texts in zip(Place, (PUBLIC, PRIVATE, FORBIDDEN), strict=True) for text in texts]


@pytest.mark.parametrize(("address", "expected"), TABLE)
def test_each_kind_of_address_has_its_place(address: str, expected: Place) -> None:
    assert place(ipaddress.ip_address(address)) is expected
    assert is_public(address) is (expected is Place.PUBLIC)


@given(st.ip_addresses())
def test_what_python_knows_to_be_special_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    ) or address.is_reserved
    assert not (special and is_public(address))
    if is_public(address):
        assert address.is_global


def test_a_host_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="localhost"):
        is_public("localhost")
