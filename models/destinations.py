"""Where messages may be posted to: which addresses, and which of what a name resolves to.

Whoever may subscribe names an address, and we post to it from inside. So it has to be one of the
public internet, and what was checked is what is connected to: `addresses_of` answers with the
addresses, and nobody looks the name up again. Checked when it is given, and before every post.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

LONGEST_URL = 2_000
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024

#: By the registries of special addresses of IANA, and not by `is_global`, of which Python's
#: versions have had different opinions.
CLOSED_IPV4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network, and 0.0.0.0 is this host
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' own, and the metadata of some clouds
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocols
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # measurements
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "168.63.129.16/32",  # public by its number, and Azure's platform inside of it
        ),
    )
)
#: Unicast of the public internet; all else of IPv6 is closed.
OPEN_IPV6 = ip_network("2000::/3")
CLOSED_IPV6 = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which carries any IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
#: They carry an IPv4 address in their last 32 bits, which is what is reached.
CARRIERS = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

#: A name server that hangs must not hold threads that others wait for.
_LOOKING_UP = ThreadPoolExecutor(4, thread_name_prefix="resolve")


class ForbiddenDestination(ValueError):
    """Nothing is posted there; `code` says why to programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class UnresolvedDestination(ValueError):
    """The name has no address just now."""


class Destination(NamedTuple):
    url: httpx.URL
    host: str
    port: int
    is_plain: bool


def destination_of(written: str, *, loopback: bool) -> Destination:
    """An address as written, by the parser that the post uses too.

    Raises
    ------
    ForbiddenDestination
        It is no https address, or has a port or parts that are not for messages.
    """
    if len(written) > LONGEST_URL:
        raise ForbiddenDestination("too_long", f"An address has at most {LONGEST_URL} characters.")
    try:
        url = httpx.URL(written)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ForbiddenDestination("unreadable", "This is no address.") from error
    if url.scheme != "https" and not (loopback and url.scheme == "http"):
        raise ForbiddenDestination("scheme", "Messages are sent by https alone.")
    if not url.raw_host:
        raise ForbiddenDestination("unreadable", "The address names no host.")
    if url.userinfo:
        said = "Credentials do not belong in an address; the signature says who sends."
        raise ForbiddenDestination("credentials", said)
    if url.fragment:
        raise ForbiddenDestination("fragment", "What stands after '#' is never sent.")
    default = 80 if url.scheme == "http" else HTTPS_PORT
    port = default if url.port is None else url.port
    if port != HTTPS_PORT and not FIRST_FREE_PORT <= port <= 65535:
        raise ForbiddenDestination("port", "Choose port 443, or one from 1024 on.")
    return Destination(url, url.raw_host.decode("ascii"), port, url.scheme == "http")


async def addresses_of(
    destination: Destination, resolve: Resolve, *, loopback: bool
) -> tuple[str, ...]:
    """Addresses to connect to, all of them checked.

    One that is closed closes the name: nobody who means well lets it point inside as well.

    Raises
    ------
    ForbiddenDestination
        It resolves to an address that is not of the public internet.
    UnresolvedDestination
        It resolves to nothing.
    """
    try:
        found = tuple(await resolve(destination.host, destination.port))
    except (OSError, UnicodeError) as error:
        raise UnresolvedDestination("The name of the host has no address.") from error
    if not found:
        raise UnresolvedDestination("The name of the host has no address.")
    for written in found:
        address = ip_address(written.partition("%")[0])
        allowed = (loopback and _is_loopback(address)) or (
            not destination.is_plain and is_public(address)
        )
        if not allowed:
            said = "The host is at an address that is not of the public internet."
            raise ForbiddenDestination("forbidden_address", said)
    return found


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is of the public internet, and of nobody's inside."""
    if isinstance(address, IPv6Address):
        if any(address in carrier for carrier in CARRIERS):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        return address in OPEN_IPV6 and not any(address in net for net in CLOSED_IPV6)
    return not any(address in net for net in CLOSED_IPV4)


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    return any(address in net for net in LOOPBACK)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """What the name server of this machine says, in its order."""
    found = await asyncio.get_running_loop().run_in_executor(
        _LOOKING_UP, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(each[4][0]) for each in found))
