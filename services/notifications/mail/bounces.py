"""What stands in the mails that come back: delivery reports (RFC 3464), complaints (RFC 5965), and the reports of
servers that write them in words alone.

    for said in read_report(raw, mail_domain) or []:           # bytes of a whole mail
        said.message_id, said.header, said.event, said.permanent, said.said

Whose mail it was tells the Message-ID of ours that is in the part which came back: whole, for half of it is secret, and
who only knows a message's id makes up no report of it. An answer of somebody's holidays or a letter is no report.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr
from itertools import chain, islice
from uuid import UUID

from services.common.logs import get_logger
from services.notifications.mail.refusals import is_no_mailbox, refuses
from services.notifications.mail.smtp import without_address

log = get_logger(__name__)

OURS = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[0-9a-f]{16})?@([A-Za-z0-9.-]+)>")
"""A Message-ID of ours: the message's id, a secret, at MAIL_DOMAIN. Mails of the first release have no secret."""

TO = re.compile(r"^To:.{0,300}?([^\s<>@]{1,64}@[^\s<>@]{1,255})", re.MULTILINE | re.IGNORECASE)
BY_MACHINES = re.compile(r"mailer-daemon|postmaster", re.IGNORECASE)

REFUSED = re.compile(r"(?<![A-Za-z0-9_.@+-])5[1-7][0-9][ -](?=#?5\.|[A-Za-z<\[(\"'])[^\n]*")
PUT_OFF = re.compile(r"(?<![A-Za-z0-9_.@+-])4[2-5][0-9][ -](?=#?4\.|[A-Za-z<\[(\"'])")
"""A server's answer, wherever it stands in its line: what is part of an address, of a number or of a telephone's is
none. After the code comes the enhanced one, or words in English."""

NEW_LINES = re.compile(r"</?(br|p|div|tr|td|th|table|li|ul|ol|pre|h[1-6])\b[^<>]*>", re.IGNORECASE)
MARKS = re.compile(r"<(?![\w.+-]+@)[^<>]*>")
"""Of HTML. What is in the same brackets and an address is none. None has another one in it: where brackets open and
never close, each is looked at once."""

COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out"}
"""What people say by the types of RFC 5965, section 7.3, and of the draft before it. `not-spam` (RFC 6430) praises, and
`auth-failure` (RFC 6591) is of no person."""

XTEXT = re.compile(r"\+([0-9A-F]{2})")

TYPES = re.compile(rb"^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE | re.IGNORECASE)
LONGEST_TYPE = 2_000
"""Bytes of a header by which the library takes a mail apart: what it does grows by the square of them."""

LONGEST = 1_000_000
"""Bytes of a mail that are read: a report may hold the whole mail that came back."""

LONGEST_PART, LONGEST_WORDS, LONGEST_LINE, LONGEST_ADDRESS = 100_000, 20_000, 1_000, 320
"""Of a part of it, of what is there for people, of a line of either, and of an address. Anybody may write here, and
what looks for words in it may look at a piece again for each place where they could begin."""


@dataclass(frozen=True)
class Report:
    """What became of a mail of ours; `event` is delivered, bounced or complained. `permanent`: there is no such
    mailbox. `header`: the whole Message-ID. `said` is without the address. `of`: the address that it speaks of, in each
    way in which that may be meant; none where it does not say."""

    message_id: UUID
    header: str
    event: str
    permanent: bool
    said: str
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ours:
    """A message, and the Message-ID by which it was named."""

    message_id: UUID
    header: str


def message_of(text: str, mail_domain: str) -> Ours | None:
    """The first Message-ID of ours in a text; None where there is none."""
    for found in OURS.finditer(text):
        if found[2] == mail_domain:
            return Ours(UUID(found[1]), found[0])
    return None


def read_report(raw: bytes, mail_domain: str) -> list[Report] | None:
    """What this mail says of ours: nothing where it is a report without anything final, as of a mail that is late. None
    where it is no report on a mail of ours, or none that can be read: anybody may write here."""
    try:
        return _read(raw, mail_domain)
    except Exception as error:  # the library's parser raises whatever it stumbles over, in headers that strangers wrote
        log.warning("returned_mail_unreadable", reason=type(error).__name__)
        return None


def _read(raw: bytes, mail_domain: str) -> list[Report] | None:
    if any(len(found[0]) > LONGEST_TYPE for found in TYPES.finditer(raw[:LONGEST])):
        return None
    mail = BytesParser(policy=policy.compat32).parsebytes(raw[:LONGEST])
    came_back = _what_came_back(mail)
    ours = message_of(came_back, mail_domain)
    if ours is None:
        return None
    recipient = found[1] if (found := TO.search(came_back)) else "-"
    if mail.get_content_type() != "multipart/report":
        return _by_words(mail, ours, recipient)
    feedback, status = _parts(mail, "message/feedback-report"), _parts(mail, "message/delivery-status")
    if not feedback and not status:
        return _by_words(mail, ours, recipient) or []
    told = chain(
        (one for part in feedback for one in _by_feedback(part, ours)),
        (one for part in status for one in _by_status(part, ours, recipient, mail)),
    )
    return list(islice(told, 1))


def _by_feedback(part: Message, ours: Ours) -> list[Report]:
    kinds = {str(fields.get("Feedback-Type", "")).strip().lower() for fields in _inside(part)}
    complaint = Report(ours.message_id, ours.header, "complained", True, "reported as spam by the recipient")
    return [complaint] if kinds & COMPLAINTS else []


def _by_status(part: Message, ours: Ours, recipient: str, mail: Message) -> Iterator[Report]:
    """Each recipient has a block of fields; ours has one recipient. Exim writes its own reasons beside the block.

    The original recipient is whom we wrote to, where a server says it (RFC 3464, section 2.3.1); the final one may be
    another, to whom somebody has their mails forwarded: that such an address is none says nothing of ours.
    """
    for block in _inside(part):
        action = str(block.get("Action", "")).strip().lower()
        if action.startswith("delivered"):
            yield Report(ours.message_id, ours.header, "delivered", False, "")
        elif action.startswith("failed"):
            diagnosis = re.sub(r"^[\w-]+ *; *", "", str(block.get("Diagnostic-Code", "")).strip())
            said = f"{block.get('Status', '')} {diagnosis or _refusal_in(_words_of(mail)) or ''}".strip()[:LONGEST_LINE]
            original, final = _address_in(block, "Original-Recipient"), _address_in(block, "Final-Recipient")
            said = without_address(without_address(said, original or recipient), final or recipient)
            of = _meant_by(original or final)
            yield Report(ours.message_id, ours.header, "bounced", is_no_mailbox(said), said, of)


def _address_in(block: Message, name: str) -> str:
    """Of a field like `rfc822; wang@example.org`; empty where there is none of mail. Some servers write a name too."""
    kind, _, address = str(block.get(name, "")).partition(";")
    return parseaddr(address[:LONGEST_ADDRESS])[1] if kind.strip().lower() in ("rfc822", "utf-8") else ""


def _meant_by(address: str) -> tuple[str, ...]:
    """An address as it stands there, and as it is where a server left it in the form of SMTP's parameters."""
    return tuple({address, XTEXT.sub(lambda found: chr(int(found[1], 16)), address)} - {""})


def _by_words(mail: Message, ours: Ours, recipient: str) -> list[Report] | None:
    """The report of a server that writes in words alone. Only what comes from a machine, with an answer of a server in
    it, is one: whoever answers a mail and quotes it says nothing of its fate."""
    if not BY_MACHINES.search(str(mail.get("From", ""))):
        return None
    words = _words_of(mail)
    said = _refusal_in(words)
    if said is not None:
        return [Report(ours.message_id, ours.header, "bounced", is_no_mailbox(said), without_address(said, recipient))]
    return [] if PUT_OFF.search(words) or str(mail.get("Auto-Submitted", "no")).lower() != "no" else None


def _refusal_in(words: str) -> str | None:
    """What a server said when it refused for good, by its code, or by its words where there is none at all. Where it
    said several things, the one by which there is no such mailbox."""
    coded: list[str] = REFUSED.findall(words)
    found = coded or ([] if PUT_OFF.search(words) else [one for one in words.splitlines() if refuses(one)])
    return next((one.strip() for one in found if is_no_mailbox(one)), found[0].strip() if found else None)


def _what_came_back(mail: Message) -> str:
    """The headers of the mail that came back, wherever they stand, as text. Where none came back, a report says which
    mail it answers."""
    found = [_text(part) for part in _parts(mail, "text/rfc822-headers")]
    for part in _parts(mail, "message/rfc822"):
        found += [f"To: {one.get('To', '')}\n{one.get('Message-ID', '')}" for one in _inside(part)]
    if mail.get_content_type() == "multipart/report" and not OURS.search("".join(found)):
        of_envelope = [block.get("Original-Envelope-Id") for part in _parts(mail, "message/delivery-status")
                       for block in _inside(part)]  # fmt: skip
        found += [f"<{one}>" for one in of_envelope if one]
        found += [str(mail.get("In-Reply-To", "")), str(mail.get("References", ""))]
    return _beginning("\n".join(found), LONGEST_PART) if found else _words_of(mail)


def _inside(part: Message) -> list[Message]:
    content = part.get_payload()
    return [one for one in content if isinstance(one, Message)] if isinstance(content, list) else []


def _parts(mail: Message, kind: str) -> list[Message]:
    return [part for part in mail.walk() if part.get_content_type() == kind]


def _words_of(mail: Message) -> str:
    """What is there for people to read, without the marks of HTML."""
    bodies = _parts(mail, "text/plain") or _parts(mail, "text/html")
    if not bodies:
        return ""
    body = bodies[0]
    words = _text(body)
    if body.get_content_type() != "text/plain":
        words = html.unescape(MARKS.sub("", NEW_LINES.sub("\n", words)))
    return _beginning(words, LONGEST_WORDS)


def _beginning(text: str, most: int) -> str:
    """Its beginning, and that of each line in it."""
    return "\n".join(line[:LONGEST_LINE] for line in text[:most].split("\n"))


def _text(part: Message) -> str:
    """In whichever letters it says it is written; what calls itself GB2312 has characters of its successor."""
    content = part.get_payload(decode=True)
    charset = (part.get_content_charset() or "utf-8").replace("gb2312", "gb18030")
    if not isinstance(content, bytes) or charset == "punycode":  # of names; it takes the square of its length
        return ""
    try:
        return content[:LONGEST_PART].decode(charset, "replace")
    except LookupError:
        return content[:LONGEST_PART].decode("utf-8", "replace")
