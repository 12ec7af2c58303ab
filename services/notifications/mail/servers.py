"""The mail servers in the order in which they are wanted, and which of them is left alone for now.

    servers = MailServers(settings.mail_servers, "example.org", tell)
    with servers.connect() as (server, connection): ...       # raises `MailServerUnavailable`

A server that cannot be reached, or breaks off again and again, rests: for a few seconds, then longer. Meanwhile the
next one is taken, and no batch waits for a time-out that the one before has met. Each process learns for itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.notifications.mail.smtp import Connection, MailServerUnavailable
from services.notifications.settings import MailServer

RESTS = (5.0, 10.0, 20.0, 30.0)
"""Seconds, after the first failure in a row, the second, …; never long, for there may be no other server."""

MOST_LOST, LOST_WITHIN = 3, 60.0
"""Connections in a row that broke off in the middle, each within so many seconds of the one before, after which a
server counts as failing. One mail that no server digests is tried again more seldom than that."""

Tell = Callable[[str, str | None], None]


@dataclass
class _Known:
    server: MailServer
    failures: int = 0
    lost: int = 0
    lost_at: float = 0.0
    rests_until: float = 0.0
    told: bool = False


class MailServers:
    """Gives a connection to the first server that works."""

    def __init__(self, servers: Sequence[MailServer], local_name: str, tell: Tell) -> None:
        self._known = [_Known(server) for server in servers]
        self._local_name = local_name
        self._tell = tell

    @contextmanager
    def connect(self) -> Iterator[tuple[MailServer, Connection]]:
        """Raises `MailServerUnavailable` where none takes a connection now."""
        known, connection = self._first()
        with connection:
            yield known.server, connection
            lost = connection.lost
        self._note(known, lost)

    def _first(self) -> tuple[_Known, Connection]:
        reason = "every mail server rests after a failure"
        for known in self._known:
            if time.monotonic() < known.rests_until:
                continue
            try:
                return known, Connection(known.server, self._local_name).connect()
            except MailServerUnavailable as error:
                reason = str(error)
                self._fail(known, reason)
        raise MailServerUnavailable(reason)

    def _note(self, known: _Known, lost: bool) -> None:
        now = time.monotonic()
        known.lost = 0 if not lost else 1 if now - known.lost_at > LOST_WITHIN else known.lost + 1
        known.lost_at = now
        if known.lost >= MOST_LOST:
            self._fail(known, "it breaks off in the middle")
        elif not lost and (known.failures or not known.told):
            # The first time too: another process may have told that it fails, and ended.
            known.failures, known.told = 0, True
            self._tell(known.server.name, None)

    def _fail(self, known: _Known, reason: str) -> None:
        known.rests_until = time.monotonic() + RESTS[min(known.failures, len(RESTS) - 1)]
        known.failures, known.lost = known.failures + 1, 0
        self._tell(known.server.name, reason)
