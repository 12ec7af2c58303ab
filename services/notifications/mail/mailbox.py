"""The mailbox to which mails come back, by POP3: read, kept, and only then deleted there.

with Mailbox(url).open() as box:              # raises `MailboxUnavailable`
    for number, name in box.listed():
        raw = box.top(number, name)
        box.delete(number)
"""

import contextlib
import poplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

TIMEOUT = 20.0
AT_ONCE = 100
"""Mails that are read in one go."""

LINES = 2_000
"""Lines of each that are asked for: a report stands before what came back, whose headers come first."""

PORTS = {"pop3": 110, "pop3s": 995}

LONGEST_LINE = 1_000_000
"""Bytes of a line that are read."""

BROKEN_OFF = "-ERR EOF"
"""What `poplib` says where the server hung up: that is no fault of the mail's."""


class MailboxUnavailable(Exception):
    """The mailbox cannot be read now; says why, without the password."""


class UnreadableMail(MailboxUnavailable):
    """The library cannot read this one, as where a line is longer than it takes; the session is of no more use."""

    def __init__(self, name: str) -> None:
        super().__init__("a mail in it cannot be read and is passed over")
        self.mail = name


@dataclass(frozen=True)
class Mailbox:
    """Where mails come back. `scheme` is pop3 or pop3s."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str) -> "Mailbox":
        """Read `pop3s://user:password@host:port`. Raises ValueError with what is wrong, never with the password."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or not parts.username:
            raise ValueError("must be pop3s://user:password@host")
        try:
            port = parts.port or PORTS[parts.scheme]
        except ValueError:  # it quotes what it took for the port, which may be of the password
            raise ValueError("names no port; / in a user or password is written %2F") from None
        return cls(parts.scheme, parts.hostname, port, unquote(parts.username), unquote(parts.password or ""))

    @property
    def name(self) -> str:
        """As operators see it."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @contextlib.contextmanager
    def open(self) -> Iterator["OpenMailbox"]:
        """Raises `MailboxUnavailable`, at entering and while it is read. What was deleted is gone at the end only."""
        try:
            client = self._client()
            try:
                client.file = _Folded(client.file)  # type: ignore[assignment]
                client.user(self.user)
                client.pass_(self.password)
                yield OpenMailbox(client)
                client.quit()
            finally:
                client.close()
        except (OSError, EOFError, poplib.error_proto) as error:
            raise MailboxUnavailable(f"the mailbox cannot be read: {type(error).__name__}") from None

    def _client(self) -> poplib.POP3:
        if self.scheme == "pop3s":
            return poplib.POP3_SSL(self.host, self.port, timeout=TIMEOUT, context=ssl.create_default_context())
        return poplib.POP3(self.host, self.port, timeout=TIMEOUT)


class _Folded:
    """What a mailbox answers, with lines that are too long in parts, as headers are folded. The library ends a session
    at a line over 2048 bytes, with all that it deleted; such letters are written."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._parts = 0

    def readline(self, most: int) -> bytes:
        """A line of at most so many bytes, or a part of one. Raises `poplib.error_proto` for an endless one."""
        if self._parts * most > LONGEST_LINE:
            raise poplib.error_proto("line too long")
        read: bytes = self._file.readline(most - 4)
        line = b" " + read if read and self._parts else read
        is_whole = read.endswith(b"\n") or not read
        self._parts = 0 if is_whole else self._parts + 1
        return line if is_whole else line + b"\r\n"

    def close(self) -> None:
        """Close it."""
        self._file.close()


@dataclass(frozen=True)
class OpenMailbox:
    """A session with it."""

    client: poplib.POP3

    def listed(self) -> list[tuple[int, str]]:
        """Its mails, oldest first, each by its number in this session and its lasting name."""
        names = [line.decode().split(" ", 1) for line in self.client.uidl()[1]]
        return [(int(number), name) for number, name in names]

    def top(self, number: int, name: str) -> bytes:
        """The first `LINES` lines of one. Raises `UnreadableMail`."""
        try:
            return b"\r\n".join(self.client.top(number, LINES)[1])
        except poplib.error_proto as error:
            if str(error) == BROKEN_OFF:
                raise
            raise UnreadableMail(name) from None

    def delete(self, number: int) -> None:
        """Have it deleted when the session ends well."""
        self.client.dele(number)
