"""What stands in the mails that come back: delivery reports (RFC 3464), complaints (RFC 5965), and the reports of
servers that write them in words alone.

    for said in read_report(raw):           # bytes of a whole mail
        said.message_id, said.event, said.permanent, said.said

Whose mail it was tells the Message-ID of ours that is in the part which came back. A report about no mail of ours, an
answer of somebody's holidays or a letter says nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from uuid import UUID

from services.common.logs import get_logger
from services.notifications.mail.refusals import is_no_mailbox
from services.notifications.mail.smtp import without_address

log = get_logger(__name__)

OURS = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([A-Za-z0-9.-]+)>")
"""A Message-ID of ours: the message's id at MAIL_DOMAIN."""

BY_MACHINES = re.compile(r"mailer-daemon|postmaster", re.IGNORECASE)
SAID = re.compile(r"^.*\b[45][0-9][0-9][ -].*$", re.MULTILINE)
LONGEST = 1_000_000
"""Bytes of a mail that are read: a report may hold the whole mail that came back."""


@dataclass(frozen=True)
class Report:
    """What became of a mail of ours; `event` is delivered, bounced or complained. `permanent`: there is no such
    mailbox. `said` is without the address."""

    message_id: UUID
    event: str
    permanent: bool
    said: str


def message_of(message_id: str, mail_domain: str) -> UUID | None:
    """The message whose Message-ID this is, with or without its brackets; None where it is none of ours."""
    found = OURS.fullmatch(f"<{message_id.strip().strip('<>')}>")
    return UUID(found[1]) if found and found[2] == mail_domain else None


def read_report(raw: bytes, mail_domain: str) -> list[Report]:
    """What this mail says of ours; nothing where it is no report, or none that can be read: anybody may write here."""
    try:
        return _read(raw, mail_domain)
    except Exception as error:  # the library's parser raises whatever it stumbles over, in headers that strangers wrote
        log.warning("returned_mail_unreadable", reason=type(error).__name__)
        return []


def _read(raw: bytes, mail_domain: str) -> list[Report]:
    mail = BytesParser(policy=policy.default).parsebytes(raw[:LONGEST])
    ids = [UUID(found) for found, domain in OURS.findall(_what_came_back(mail)) if domain == mail_domain]
    if not ids:
        return []
    kind = mail.get_content_type()
    report = str(mail.get_param("report-type", "") or "").lower()
    if kind == "multipart/report" and report == "feedback-report":
        return [Report(ids[0], "complained", True, "reported as spam by the recipient")]
    if kind == "multipart/report" and report == "delivery-status":
        return [one for part in _parts(mail, "message/delivery-status") for one in _by_status(part, ids[0])][:1]
    return _by_words(mail, ids[0])


def _by_status(part: Message, message_id: UUID) -> Iterator[Report]:
    """Each recipient has a block of fields; ours has one recipient."""
    for block in _inside(part):
        action = str(block.get("Action", "")).strip().lower()
        said = f"{block.get('Status', '')} {block.get('Diagnostic-Code', '')}".strip()
        if action == "delivered":
            yield Report(message_id, "delivered", False, "")
        elif action == "failed":
            yield Report(message_id, "bounced", _is_permanent(said), _clean(said, block))


def _is_permanent(said: str) -> bool:
    code = re.sub(r"^(\S+) \w+; *", r"\1 ", said)
    return is_no_mailbox(code) or is_no_mailbox(code.partition(" ")[2])


def _clean(said: str, block: Message) -> str:
    recipient = str(block.get("Final-Recipient", "") or "").partition(";")[2].strip()
    return without_address(said, recipient or "-")


def _by_words(mail: EmailMessage, message_id: UUID) -> list[Report]:
    """The report of a server that writes in words alone. Only what comes from a machine, with an answer of a server in
    it, is one: whoever answers a mail and quotes it says nothing of its fate."""
    if not BY_MACHINES.search(str(mail.get("From", ""))):
        return []
    body = mail.get_body(("plain", "html"))
    found = SAID.search(_text(body) if body is not None else "")
    if found is None:
        return []
    said = re.sub(r"^\D*(?=[45][0-9][0-9][ -])", "", found[0].strip())
    return [Report(message_id, "bounced", is_no_mailbox(said), without_address(said, "-"))] if said[0] == "5" else []


def _what_came_back(mail: EmailMessage) -> str:
    """The headers of the mail that came back, wherever they stand, as text."""
    found = [_text(part) for part in _parts(mail, "text/rfc822-headers")]
    for part in _parts(mail, "message/rfc822"):
        found += [str(one.get("Message-ID", "")) for one in _inside(part)]
    if not found:
        body = mail.get_body(("plain", "html"))
        found = [_text(body)] if body is not None else []
    return "\n".join(found)


def _inside(part: Message) -> list[Message]:
    content = part.get_payload()
    return [one for one in content if isinstance(one, Message)] if isinstance(content, list) else []


def _parts(mail: EmailMessage, kind: str) -> list[Message]:
    return [part for part in mail.walk() if part.get_content_type() == kind]


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
