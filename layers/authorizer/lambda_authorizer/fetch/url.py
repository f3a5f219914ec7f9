"""Addresses that may be fetched: taken apart by hand, refused when in doubt.

Laws of this file: what is not plainly an https address is refused before any socket exists; nothing is repaired or
decoded, so what was checked is what is sent. `urllib.parse` is 3 ms of start and accepts more than we do.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING

from lambda_authorizer.fetch import FetchError

if TYPE_CHECKING:
    from typing import Final

_MAX_URL: Final = 2_048
_PORT_MAX: Final = 65_535
_DIGITS: Final = frozenset("0123456789")
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
_ADDRESS_6: Final = frozenset("0123456789abcdefABCDEF:.")


class Url:
    """The parts of an address that was checked."""

    __slots__ = ("authority", "host", "port", "scheme", "target")

    def __init__(self, scheme: str, host: str, port: int, target: str, authority: str) -> None:
        self.scheme = scheme
        self.host = host  # without brackets
        self.port = port
        self.target = target  # path and query, as written
        self.authority = authority  # host and port, as written


def split_url(text: str, *, http_loopback: bool = False) -> Url:
    """Return the parts of an https address; of an http one too where `http_loopback` is set.

    That an http host really is this machine is checked on its resolved address, by whoever connects.

    Raises:
        FetchError: `bad_url` or `scheme_refused`.
    """
    if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise FetchError("bad_url")
    scheme, separator, rest = text.partition("://")
    if not separator or "#" in rest:
        raise FetchError("bad_url")
    if scheme != "https" and not (scheme == "http" and http_loopback):
        raise FetchError("scheme_refused")
    cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, target = rest[:cut], rest[cut:]
    if not target.startswith("/"):
        target = "/" + target
    host, port = _host_and_port(authority)
    return Url(scheme, host, (443 if scheme == "https" else 80) if port is None else port, target, authority)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    """Return host and port; user information has characters that no host has, so it is refused with them."""
    if authority.startswith("["):
        host, bracket, tail = authority[1:].partition("]")
        if not bracket or not host or not _ADDRESS_6.issuperset(host) or (tail and tail[0] != ":"):
            raise FetchError("bad_url")
        port = tail[1:] if tail else None
    else:
        host, colon, tail = authority.partition(":")
        if not host or not _NAME.issuperset(host):
            raise FetchError("bad_url")
        port = tail if colon else None
    if port is None:
        return host, None
    if not port or not _DIGITS.issuperset(port) or not 0 < int(port[:6]) <= _PORT_MAX:
        raise FetchError("bad_url")
    return host, int(port)


def is_loopback(address: str) -> bool:
    """True for a literal address of this very host."""
    return address == "::1" or address.startswith("127.")
