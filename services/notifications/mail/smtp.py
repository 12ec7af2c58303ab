"""One connection to the mail server for a batch of mails, and what its answers mean.

with Connection(server, local_name).connect() as connection:
    verdict = connection.send(mail, sender, recipient)
"""

import contextlib
import re
import smtplib
import ssl
import time
from collections.abc import Sequence
from email.errors import MessageError
from email.message import EmailMessage
from types import TracebackType

from services.notifications.channels import Outcome, Unavailable, Verdict
from services.notifications.deadlines import hung_up_after
from services.notifications.mail.words import plain
from services.notifications.settings import MailServer

TIMEOUT = 10.0
"""Seconds that all it says at connecting may take, and later each answer that does not begin to come."""

LONGEST_REPLY = 2_000

ADDRESS = re.compile(r"[^\s<>(),;:\"'（），；：。“”]+@[^\s<>(),;:\"'（），；：。“”]+")
CLOSING = 421


class MailServerUnavailable(Unavailable):
    """There is no connection to be had now: no fault of any message."""


class _Prompt(smtplib.SMTP):
    """What the server says until we are `connected` must come within `TIMEOUT` in all."""

    connected = False
    heard_since: float | None = None

    def getreply(self) -> tuple[int, bytes]:
        """Its next answer."""
        if self.connected or self.sock is None:
            return super().getreply()
        self.heard_since = self.heard_since or time.monotonic()
        with hung_up_after(self.sock, self.heard_since + TIMEOUT - time.monotonic()):
            return super().getreply()


class _PromptTls(_Prompt, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


class Connection:
    """A connection to the mail server, from `connect` to the end of the block."""

    def __init__(self, server: MailServer, local_name: str) -> None:
        self._server = server
        self._local_name = local_name
        self._client: smtplib.SMTP

    def connect(self) -> "Connection":
        """Raises `MailServerUnavailable`."""
        try:
            self._client = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            code = getattr(error, "smtp_code", None)
            raise MailServerUnavailable(
                f"the mail server answered {code}" if code else f"no mail server: {type(error).__name__}"
            ) from None
        return self

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.lost:
            with contextlib.suppress(OSError, smtplib.SMTPException):  # the mails are accepted; a farewell is courtesy
                self._client.quit()
        self._client.close()

    def _connected(self) -> smtplib.SMTP:
        # Our own name is given: smtplib would otherwise look this machine's up in DNS, for seconds where there is none.
        host, port, name = self._server.host, self._server.port, self._local_name
        if self._server.scheme == "smtps":
            client: _Prompt = _PromptTls(host, port, name, timeout=TIMEOUT, context=ssl.create_default_context())
        else:
            client = _Prompt(host, port, name, timeout=TIMEOUT)
        try:
            if self._server.scheme == "smtp+starttls":
                client.starttls(context=ssl.create_default_context())
            if self._server.user:
                client.login(self._server.user, self._server.password)
            client.ehlo_or_helo_if_needed()  # what it offers is known before the first mail
            client.connected = True
        except BaseException:
            client.close()
            raise
        return client

    @property
    def lost(self) -> bool:
        """Whether the server has hung up, or was left because it did not answer."""
        return self._client.sock is None

    def send(self, mail: EmailMessage, sender: str, recipient: str) -> Verdict:
        """Hand one mail over. After a verdict of LOST, or of anything with 421, the connection is `lost`."""
        about_mail, about_recipient = self._reports(mail, recipient)
        try:
            self._client.send_message(mail, sender, [recipient], about_mail, about_recipient)
        except smtplib.SMTPRecipientsRefused as error:
            return self._refusal(*error.recipients[recipient], recipient)
        except smtplib.SMTPSenderRefused as error:
            # That is about us and not about this mail: it waits until an operator has mended it.
            verdict = self._refusal(error.smtp_code, error.smtp_error, recipient)
            return Verdict(Outcome.DEFERRED, verdict.reply)
        except smtplib.SMTPResponseException as error:
            return self._refusal(error.smtp_code, error.smtp_error, recipient)
        except smtplib.SMTPNotSupportedError:
            return Verdict(Outcome.REFUSED, "the mail server cannot take an address with such letters (SMTPUTF8)")
        except (OSError, smtplib.SMTPException) as error:
            self._client.close()
            return Verdict(Outcome.LOST, f"connection lost: {type(error).__name__}")
        except (ValueError, LookupError, MessageError) as error:
            # Raised while the mail is written out. It would be so at every attempt, and hold up the batch each time.
            self._reset()
            return Verdict(Outcome.REFUSED, f"the mail cannot be written out: {type(error).__name__}")
        return Verdict(Outcome.SENT, "250")

    def _reports(self, mail: EmailMessage, recipient: str) -> tuple[Sequence[str], Sequence[str]]:
        """What a server that offers reports (RFC 3461) is asked for: one when the mail is given up, with its headers
        alone, naming its Message-ID and the address as we wrote it. Of delays nobody needs to hear."""
        if not self._client.has_extn("dsn"):
            return (), ()
        envelope_id = mail["Message-ID"].strip("<>")
        wanted = ["NOTIFY=FAILURE"] + ([f"ORCPT=rfc822;{_xtext(recipient)}"] if recipient.isascii() else [])
        return ["RET=HDRS", f"ENVID={_xtext(envelope_id)}"], wanted

    def _refusal(self, code: int, answer: bytes | str, recipient: str) -> Verdict:
        """Sort a refusal, and make the connection ready for the next mail or leave it."""
        if code == CLOSING:
            self._client.close()
        else:
            self._reset()
        said = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        outcome = Outcome.REFUSED if 500 <= code < 600 else Outcome.DEFERRED
        return Verdict(outcome, without_address(f"{code} {said}", recipient))

    def _reset(self) -> None:
        if self.lost:
            return
        try:
            self._client.rset()
        except (OSError, smtplib.SMTPException):
            self._client.close()


def _xtext(value: str) -> str:
    """As parameters of SMTP are written (RFC 3461, section 4)."""
    return re.sub(r"[^!-~]|[+=]", lambda found: f"+{ord(found[0]):02X}", value)


def without_address(reply: str, recipient: str) -> str:
    """The server's answer in one line, without the recipient's address or the part before the @."""
    reply = plain(reply, LONGEST_REPLY)
    local = recipient.partition("@")[0]
    for personal in (recipient, local):
        reply = re.sub(rf"(?<!\w){re.escape(personal)}(?!\w)", "…", reply, flags=re.IGNORECASE)
    return ADDRESS.sub("…", reply)[:300]
