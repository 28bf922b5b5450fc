"""Where messages may be posted to: nowhere inside, in whatever notation, whoever resolves it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.destinations import (
    ForbiddenDestination,
    UnresolvedDestination,
    addresses_of,
    destination_of,
    is_public,
    resolve_by_system,
)
from tests.hooks_out import Names, names

__all__ = ["names"]  # a fixture

CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.8.8.8
    169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.1.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255 168.63.129.16
    :: ::1 fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1 2001::1
    2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 100::1 5f00::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 ::127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
"""
OPEN = """
    1.1.1.1 9.9.9.9 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1
    223.255.255.255 2606:2800:220:1:248:1893:25c8:1946 2a00:1450:4009:81f::200e
    ::ffff:93.184.216.34 64:ff9b::5db8:d822
"""


async def looked_up(url: str, names: Names, *, loopback: bool = False) -> tuple[str, ...]:
    return await addresses_of(destination_of(url, loopback=loopback), names, loopback=loopback)


@pytest.mark.parametrize("address", CLOSED.split())
async def test_what_is_inside_is_closed(address: str, names: Names) -> None:
    names.known["hooks.example.org"] = [[address]]
    with pytest.raises(ForbiddenDestination):
        await looked_up("https://hooks.example.org/", names)


@pytest.mark.parametrize("address", OPEN.split())
async def test_the_public_internet_is_open(address: str, names: Names) -> None:
    names.known["hooks.example.org"] = [[address]]
    assert await looked_up("https://hooks.example.org/", names) == (address,)


@given(st.ip_addresses())
def test_nothing_is_open_that_python_knows_to_be_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        seen = inner or address
        assert seen.is_global
        assert not seen.is_multicast
        assert not seen.is_private


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::"]))
def test_an_address_in_another_is_as_closed_as_by_itself(
    inner: ipaddress.IPv4Address | ipaddress.IPv6Address, carrier: str
) -> None:
    carried = ipaddress.IPv6Address(int(ipaddress.IPv6Address(carrier)) | int(inner))
    assert is_public(carried) == is_public(inner)


async def test_one_closed_address_among_several_closes_the_name(names: Names) -> None:
    names.known["hooks.example.org"] = [["93.184.216.34", "10.0.0.1"]]
    with pytest.raises(ForbiddenDestination):
        await looked_up("https://hooks.example.org/", names)


@pytest.mark.parametrize("known", [{}, {"hooks.example.org": [[]]}])
async def test_a_name_without_an_address_is_not_forbidden(
    names: Names, known: dict[str, list[list[str]]]
) -> None:
    names.known = known
    with pytest.raises(UnresolvedDestination):
        await looked_up("https://hooks.example.org/", names)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.org/", "scheme"),
        ("ftp://hooks.example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://hooks.example.org/", "scheme"),
        ("//hooks.example.org/", "scheme"),
        ("hooks.example.org", "scheme"),
        ("", "scheme"),
        ("https:///only/a/path", "unreadable"),
        ("https://", "unreadable"),
        ("https://hooks.example.org\r\nX: y/", "unreadable"),
        ("https://hooks.example.org:99999/", "port"),
        ("https://[::1/", "unreadable"),
        ("https://user:word@hooks.example.org/", "credentials"),
        ("https://user@hooks.example.org/", "credentials"),
        ("https://hooks.example.org/#part", "fragment"),
        ("https://hooks.example.org:0/", "port"),
        ("https://hooks.example.org:22/", "port"),
        ("https://hooks.example.org:80/", "port"),
        ("https://hooks.example.org:1023/", "port"),
        ("https://hooks.example.org/" + "a" * 2000, "too_long"),
    ],
)
def test_addresses_that_are_not_for_messages_are_refused(url: str, code: str) -> None:
    with pytest.raises(ForbiddenDestination) as refused:
        destination_of(url, loopback=False)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.example.org", "hooks.example.org", 443),
        ("https://hooks.example.org:443/a?b=c", "hooks.example.org", 443),
        ("https://hooks.example.org:1024/", "hooks.example.org", 1024),
        ("HTTPS://Hooks.Example.ORG:65535/", "hooks.example.org", 65535),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("https://[2606:2800:220:1::]:8443/", "2606:2800:220:1::", 8443),
    ],
)
def test_addresses_for_messages_are_read(url: str, host: str, port: int) -> None:
    destination = destination_of(url, loopback=False)
    assert (destination.host, destination.port) == (host, port)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost", "[::1]"]
)
async def test_no_notation_of_this_machine_gets_through(host: str) -> None:
    """Looked up by the system, which reads numbers as it likes and needs no network for these."""
    with pytest.raises((ForbiddenDestination, UnresolvedDestination)):
        await addresses_of(
            destination_of(f"https://{host}:8443/", loopback=False),
            resolve_by_system,
            loopback=False,
        )


async def test_this_machine_is_open_to_developers_alone(names: Names) -> None:
    here, there = "http://127.0.0.1:8080/", "http://93.184.216.34:8080/"
    assert await looked_up(here, names, loopback=True) == ("127.0.0.1",)
    assert await looked_up("https://[::1]:8443/", names, loopback=True) == ("::1",)
    with pytest.raises(ForbiddenDestination):
        await looked_up(here, names)
    with pytest.raises(ForbiddenDestination):
        await looked_up(there, names, loopback=True)
    for address in ("10.0.0.1", "169.254.169.254"):
        with pytest.raises(ForbiddenDestination):
            await looked_up(f"https://{address}/", names, loopback=True)
