"""Which addresses may be called: sites name them, and none may lead into a network that is not public.

    target = read_url("https://site.example.org/hesheng", loopback=False)    # as it is written; asks nobody
    found = resolve(target, loopback=False)                                  # ["93.184.215.14"], each of them public

What is checked is what is connected to (`post.py`): a name that answers otherwise a moment later gains nothing. One
address that is not public refuses the name as a whole. `loopback` is the operator's setting WEBHOOKS_LOOPBACK, for
demo and tests: it opens this machine itself, over plain HTTP and at any port, and nothing else.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

from services.common.errors import Words, invalid

PORTS = (443, 8443)
LONGEST_URL = 500

NAT64 = IPv6Network("64:ff9b::/96")
INSIDE = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "3fff::/20"))
)
"""What IANA sets apart and older Pythons take for public, a cloud's metadata service (192.0.0.192) among it; and one
address that is public by its number and yet a cloud's own (Azure's wire server). The other clouds' metadata services
have link-local, unique local or shared addresses."""

UNICAST = IPv6Network("2000::/3")
"""Of IPv6 nothing else is given out."""

URL = re.compile(r"[^\s\x00-\x20\x7f\\]+")
SAFE = "/%:=&?~#+!$,;'@()*[]"
NOT_A_URL = Words(
    "应为网址，如 https://site.example.org/hesheng，不带空格和 #。",
    "must be an address such as https://site.example.org/hesheng, without spaces and #.",
)
NO_PASSWORD = Words(
    "网址中不能有用户名和密码；请验证签名。", "must have no user name and password in it: check the signature instead."
)
ONLY_HTTPS = Words("必须是 https:// 网址。", "must begin with https://.")
OTHER_PORT = Words("端口只能是 443 或 8443。", "must have the port 443 or 8443.")
NOT_PUBLIC = Words("不能是内部网络的地址。", "must not lead into a network that is not public.")


class AddressRefused(Exception):
    """A name leads nowhere, or to where nothing is sent; says which, for the site's developer."""


@dataclass(frozen=True)
class Target:
    """Where to send: `host` in ASCII, `path` with its query, quoted."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def read_url(url: str, loopback: bool) -> Target:
    """The address, taken apart. Raises 422 at `url` for one that could never be called."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode().rstrip(".")
    except ValueError:
        raise invalid("url", NOT_A_URL) from None
    if parts.scheme not in ("https", "http") or not host or not URL.fullmatch(url) or parts.fragment:
        raise invalid("url", NOT_A_URL)
    if parts.username is not None or parts.password is not None:
        raise invalid("url", NO_PASSWORD)
    target = Target(
        parts.scheme,
        host,
        port if port is not None else {"https": 443, "http": 80}[parts.scheme],
        quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""),
    )
    if not (loopback and _is_this_machine(target)):
        _check_public(target)
    return target


def _check_public(target: Target) -> None:
    """As far as the address itself says; where its name leads is seen when something is sent."""
    if target.scheme != "https":
        raise invalid("url", ONLY_HTTPS)
    if target.port not in PORTS:
        raise invalid("url", OTHER_PORT)
    if (literal := _literal(target.host)) and not is_public(literal):
        raise invalid("url", NOT_PUBLIC)


def _is_this_machine(target: Target) -> bool:
    literal = _literal(target.host)
    return target.host == "localhost" or bool(literal and literal.is_loopback)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def resolve(target: Target, loopback: bool) -> list[str]:
    """The addresses behind the name, each of which may be connected to. Raises `AddressRefused`."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused("the name of the host cannot be found") from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for written in addresses:
        address = ip_address(written.partition("%")[0])
        if not is_public(address) and not (loopback and address.is_loopback):
            raise AddressRefused("the host is in a network that is not public; nothing was sent")
    if target.scheme == "http" and not all(ip_address(one.partition("%")[0]).is_loopback for one in addresses):
        raise AddressRefused("only this machine is called without TLS; nothing was sent")
    return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could reach it: no loopback, private, shared, link-local, multicast, reserved or
    metadata address, nor an IPv6 address that carries such an IPv4 one."""
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return is_public(carried)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not any(address in network for network in INSIDE if network.version == address.version)
        and (address.version == 4 or address in UNICAST)
    )


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
