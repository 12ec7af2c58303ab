"""One request to a site's receiver, bounded in time and size.

    answer = post(target, addresses, headers, body)      # Answer(200, "", None); raises Unanswered

Connects to the very addresses that were checked, while TLS checks the name. Follows no redirect, asks no proxy, reads
at most `KEPT` bytes of an answer, and only of one that is no success: for whoever looks for what is wrong.
"""

import contextlib
import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache

from services.notifications.deadlines import hung_up_after
from services.notifications.webhooks.addresses import Target

CONNECT_SECONDS = 5.0
SECONDS = 15.0
"""In all, from the first packet to the answer's head: whoever sends a byte now and then is cut off as well."""

KEPT = 1000
SHOWN = 200
LONGEST_WAIT = 86_400
"""Seconds that a receiver may ask us to wait."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]+")


class Unanswered(Exception):
    """No answer came, and why, in words that hold nothing of what was sent."""


@dataclass(frozen=True)
class Reply:
    """What the receiver answered: `beginning` is of its body, cleaned; `retry_after` is in seconds."""

    status: int
    beginning: str = ""
    retry_after: int | None = None


def post(target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes) -> Reply:
    """POST the body. Raises `Unanswered`."""
    started = time.monotonic()
    try:
        with contextlib.closing(_connected(target, addresses)) as plain:
            return _exchange(target, plain, headers, body, started + SECONDS - time.monotonic())
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(_why(error, time.monotonic() - started)) from None


def _why(error: Exception, seconds: float) -> str:
    if seconds >= SECONDS:
        return f"no answer within {SECONDS:.0f} seconds"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or type(error).__name__}"
    return f"the connection was lost: {type(error).__name__}"


def _connected(target: Target, addresses: Sequence[str]) -> socket.socket:
    failure: OSError | None = None
    for address in addresses[:3]:
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect((address, target.port))
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise Unanswered(f"no connection: {type(failure).__name__}")


def _exchange(target: Target, plain: socket.socket, headers: Mapping[str, str], body: bytes, seconds: float) -> Reply:
    secured = plain
    if target.scheme == "https":
        secured = _tls().wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
    secured.settimeout(SECONDS)
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = secured
    with contextlib.closing(connection), hung_up_after(secured, seconds):
        if isinstance(secured, ssl.SSLSocket):
            secured.do_handshake()
        connection.request("POST", target.path, body, {"Host": target.authority, "Connection": "close", **headers})
        with connection.getresponse() as answer:
            if 200 <= answer.status < 300:
                return Reply(answer.status)
            return Reply(answer.status, _beginning(answer), _seconds(answer.getheader("Retry-After", "")))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _beginning(answer: http.client.HTTPResponse) -> str:
    try:
        content = answer.read(KEPT)
    except (OSError, http.client.HTTPException):
        return ""  # the status has been said; the rest is courtesy
    return cleaned(content.decode("utf-8", "replace"))


def cleaned(text: str) -> str:
    """One short line of it."""
    return " ".join(CONTROL.sub(" ", text).split())[:SHOWN]


def _seconds(retry_after: str) -> int | None:
    """What the header asks for: seconds, or a date. None where it is neither."""
    written = retry_after.strip()
    if re.fullmatch("[0-9]{1,9}", written):
        return min(int(written), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(written).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(int(wait), 0), LONGEST_WAIT)
