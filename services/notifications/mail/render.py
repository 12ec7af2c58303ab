"""A message as a mail: its words (`wording`) in the frame that every mail has, in text and HTML, with the facts, the
button and the calendar entry.

composer = Composer("Hesheng <hesheng@example.org>", "example.org")
composed = composer.compose(claimed, contact)      # .mail is an EmailMessage, .made_with says with which words
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifications.contacts import AddressedLink, Contact, StaffContact
from services.notifications.mail.announcements import Announcing, announcing, registrations_url
from services.notifications.mail.approvals import approval_facts
from services.notifications.mail.calendar import Entry
from services.notifications.mail.digests import Picture, Section, digest_facts, picture_of, sections_of
from services.notifications.mail.mime import Inline, Verbatim, as_written, assemble
from services.notifications.mail.notices import notice_facts, notice_url, notice_words
from services.notifications.mail.unsubscribe import Unsubscribe, headers
from services.notifications.mail.words import plain
from services.notifications.models import Kind
from services.notifications.operations.claims import Taken
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.approvals import ClaimedApproval
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.operations.claims.links import ClaimedLink
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.claims.notices import ClaimedNotice
from services.notifications.operations.refusable import REFUSABLE
from services.notifications.wording.builtin import kind_of, put
from services.notifications.wording.facts import Facts, Row, facts_of, language_of
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.tell import Told, tell
from services.notifications.wording.variables import Channel, Language

CONTENT_LANGUAGE = {Language.ZH: "zh-CN", Language.EN: "en"}
# Headers whose content is the system's are read once: to read one is most of what it costs.
_AUTOMATIC = Verbatim("Auto-Submitted", "auto-generated")
_CONTENT_LANGUAGE = {one: Verbatim("Content-Language", code) for one, code in CONTENT_LANGUAGE.items()}


@dataclass(frozen=True)
class Page:
    """What stands in a mail, from top to bottom."""

    language: str
    subject: str
    greeting: str
    text: tuple[str, ...]
    rows: list[Row]
    button: str
    url: str
    note: tuple[str, ...]
    footer: str
    copied: str = ""
    inbox: str = ""
    inbox_url: str = ""
    picture: Picture | None = None
    sections: tuple[Section, ...] = ()
    unsubscribe: str = ""
    unsubscribe_url: str = ""


@dataclass(frozen=True)
class Composed:
    """A mail, and with which words it was made."""

    mail: EmailMessage
    made_with: MadeWith


class Composer:
    """Makes mails. Raises ValueError for an address that cannot be written into a header."""

    def __init__(self, mail_from: str, mail_domain: str, unsubscribe: Unsubscribe | None = None) -> None:
        self._unsubscribe = unsubscribe
        name, self._address = parseaddr(mail_from)
        self._sender = as_written("From", Address(name, addr_spec=self._address))
        self._domain = mail_domain
        loader = PackageLoader("services.notifications", "templates")
        # Words become plain text first; only the HTML page escapes, once, everything that it is given.
        shared: dict[str, Any] = {"loader": loader, "undefined": StrictUndefined, "trim_blocks": True}
        self._html = Environment(**shared, autoescape=True).get_template("mail.html")
        self._text = Environment(**shared, autoescape=False).get_template("mail.txt")  # noqa: S701

    @property
    def address(self) -> str:
        """Where answers and bounces go."""
        return self._address

    def compose(self, message: Claimed | ClaimedLink, contact: Contact | AddressedLink) -> Composed:
        """The whole mail. `message` must know its site unless it carries a link, `contact` have an address."""
        facts = facts_of(message, contact)
        told = tell(kind_name(message), Channel.MAIL, facts, message.words)
        page = self._with_ways_on(message, contact, page_of(message, contact, facts, told), facts)
        entry = None
        if isinstance(message, Claimed) and message.calendar_sequence is not None:
            entry = self._entry(message, contact, facts)
        mail = assemble(self.as_text(page), self.as_html(page), entry)
        self._write_headers(mail, message, contact, page.subject, facts.language)
        for name, value in headers(page.unsubscribe_url).items() if page.unsubscribe_url else ():
            mail[name] = value
        return Composed(mail, told.made_with)

    def _with_ways_on(
        self, message: Claimed | ClaimedLink, contact: Contact | AddressedLink, page: Page, facts: Facts
    ) -> Page:
        """The page with the way to all messages, and with its way out where messages of this kind may be refused. A
        guardian's copy says that it is one, and has neither.

        The former opens nothing: whoever follows it logs in.
        """
        if isinstance(message, Claimed) and message.copy_of:
            return replace(page, copied=put(facts.language, "frame", "copied").fill(facts.values))
        if self._unsubscribe is None or not isinstance(message, Claimed):
            return page
        inbox = put(facts.language, "frame", "inbox").fill(facts.values)
        page = replace(page, inbox=inbox, inbox_url=f"{self._unsubscribe.public_url}/my/messages")
        if message.kind not in REFUSABLE:
            return page
        return self._with_way_out(message, contact, page, facts.language, facts.values)

    def _with_way_out(
        self, message: Claimed | ClaimedAnnouncement, contact: Contact | AddressedLink, page: Page, language: Language,
        values: dict[str, str],
    ) -> Page:  # fmt: skip
        if self._unsubscribe is None:
            return page
        words = put(language, "frame", "unsubscribe").fill(values)
        url = self._unsubscribe.url(message.person_id, message.site_id, message.kind, contact.email or "")
        return replace(page, unsubscribe=words, unsubscribe_url=url)

    def compose_notice(self, message: ClaimedNotice, contact: Contact | StaffContact) -> Composed:
        """The mail to a leader or a member of staff."""
        facts, name = notice_facts(message, contact, language_of(contact)), notice_words(message)
        words = [put(facts.language, name, part).fill(facts.values) for part in ("subject", "text", "note", "button")]
        page = Page(
            language=CONTENT_LANGUAGE[facts.language],
            subject=plain(words[0]),
            greeting=put(facts.language, "frame", "greeting").fill(facts.values),
            text=(words[1],),
            rows=facts.rows,
            button=words[3],
            url=notice_url(message, contact),
            note=(words[2],),
            footer=put(facts.language, "frame", "footer").fill(facts.values),
        )
        mail = assemble(self.as_text(page), self.as_html(page), None)
        self._write_headers(mail, message, contact, page.subject, facts.language)
        return Composed(mail, MadeWith())

    def compose_approval(self, message: ClaimedApproval, contact: StaffContact) -> Composed:
        """The mail that asks a colleague to approve an announcement; its button opens nothing, they log in."""
        facts = approval_facts(message, contact)
        parts = ("subject", "grown" if message.grown else "text", "note", "button")
        words = [put(facts.language, "approval", part).fill(facts.values) for part in parts]
        pages = self._unsubscribe.public_url if self._unsubscribe else ""
        page = Page(
            language=CONTENT_LANGUAGE[facts.language],
            subject=plain(words[0]),
            greeting=put(facts.language, "frame", "greeting").fill(facts.values),
            text=(words[1],),
            rows=[],
            button=words[3],
            url=f"{pages}/staff/announcements/{message.announcement_id}",
            note=(words[2],),
            footer=put(facts.language, "frame", "footer").fill(facts.values),
        )
        mail = assemble(self.as_text(page), self.as_html(page), None)
        self._write_headers(mail, message, contact, page.subject, facts.language)
        return Composed(mail, MadeWith())

    def compose_announcement(self, message: ClaimedAnnouncement, contact: Contact | AddressedLink) -> Composed:
        """The mail of an announcement."""
        page, said = announcement_page(message, contact)
        page = self._with_way_out(message, contact, page, said.language, said.values)
        mail = assemble(self.as_text(page), self.as_html(page), None)
        self._write_headers(mail, message, contact, page.subject, said.language)
        for name, value in headers(page.unsubscribe_url).items() if page.unsubscribe_url else ():
            mail[name] = value
        return Composed(mail, MadeWith())

    def compose_digest(self, message: ClaimedDigest, contact: StaffContact) -> Composed:
        """The mail about a day, with its picture where one could be drawn."""
        cid = f"day.{message.id}@{self._domain}"
        drawn, language = picture_of(message, language_of(contact)), language_of(contact)
        page = self.page_of_digest(message, contact, f"cid:{cid}" if drawn else "")
        inline = Inline(cid, drawn) if drawn else None
        mail = assemble(self.as_text(page), self.as_html(page), None, inline)
        self._write_headers(mail, message, contact, page.subject, language)
        return Composed(mail, MadeWith())

    def page_of_digest(self, message: ClaimedDigest, contact: StaffContact, source: str) -> Page:
        """A day in the frame; `source` is where its picture is, empty without one."""
        facts = digest_facts(message, contact, language_of(contact))
        words = [
            put(facts.language, "digest", part).fill(facts.values) for part in ("subject", "text", "note", "button")
        ]
        return Page(
            language=CONTENT_LANGUAGE[facts.language],
            subject=plain(words[0]),
            greeting=put(facts.language, "frame", "greeting").fill(facts.values),
            text=(words[1],),
            rows=[],
            button=words[3],
            url=contact.shifts_url.removesuffix("shifts/"),
            note=(words[2],),
            footer=put(facts.language, "frame", "footer").fill(facts.values),
            picture=Picture(source, put(facts.language, "digest", "picture").fill(facts.values)) if source else None,
            sections=sections_of(message, contact, facts.language),
        )

    def as_text(self, page: Page) -> str:
        """The mail as plain text."""
        return self._text.render(vars(page))

    def as_html(self, page: Page) -> str:
        """The mail as a document of HTML."""
        return self._html.render(vars(page))

    def _write_headers(
        self,
        mail: EmailMessage,
        message: Taken,
        contact: Contact | AddressedLink | StaffContact,
        subject: str,
        language: Language,
    ) -> None:
        mail["From"] = self._sender
        mail["To"] = _address(plain(contact.name, 100), contact.email or "")
        mail["Subject"] = subject
        mail["Date"] = Verbatim("Date", format_datetime(datetime.now(UTC)))
        mail["Message-ID"] = Verbatim("Message-ID", message.message_id_header)
        mail["Auto-Submitted"] = _AUTOMATIC
        mail["Content-Language"] = _CONTENT_LANGUAGE[language]
        if message.request_id:
            mail["X-Request-Id"] = plain(message.request_id, 64)

    def _entry(self, message: Claimed, contact: Contact | AddressedLink, facts: Facts) -> Entry:
        return Entry(
            registration_id=message.registration_id,
            domain=self._domain,
            sequence=message.calendar_sequence or 0,
            cancelled=message.kind in (Kind.CANCELLATION, Kind.MOVED_BACK),
            stamp=message.created_at,
            starts_at=message.starts_at,
            ends_at=message.ends_at,
            summary=facts.values["title"],
            description=facts.values["role"],
            location=facts.values["place"],
            organizer=self._address,
            organizer_name=facts.values["site"],
            attendee=contact.email or "",
            attendee_name=facts.values["name"],
        )


def kind_name(message: Claimed | ClaimedLink) -> str:
    """By which name the words of a message are kept."""
    return message.purpose if isinstance(message, ClaimedLink) else message.kind


def page_of(message: Claimed | ClaimedLink, contact: Contact | AddressedLink, facts: Facts, told: Told) -> Page:
    """The words in the frame. A link's mail leads where the link leads, any other to the registration."""
    language = facts.language
    if isinstance(message, ClaimedLink):
        button, url = put(language, kind_of(message.purpose).name, "button"), _url(contact)
    else:
        button, url = put(language, "frame", "manage"), _manage_url(message, contact)
    return Page(
        language=CONTENT_LANGUAGE[language],
        subject=told.subject,
        greeting=put(language, "frame", "greeting").fill(facts.values),
        text=told.text,
        rows=facts.rows,
        button=button.fill(facts.values),
        url=url,
        note=told.note,
        footer=put(language, "frame", "footer").fill(facts.values),
    )


def announcement_page(message: ClaimedAnnouncement, contact: Contact | AddressedLink) -> tuple[Page, Announcing]:
    """An announcement's words in the frame, and what they are made of."""
    said = announcing(message, contact)
    page = Page(
        language=CONTENT_LANGUAGE[said.language],
        subject=said.subject,
        greeting=put(said.language, "frame", "greeting").fill(said.values),
        text=said.text,
        rows=[],
        button=put(said.language, "frame", "manage").fill(said.values),
        url=registrations_url(message, contact),
        note=(),
        footer=put(said.language, "frame", "footer").fill(said.values),
    )
    return page, said


def _url(contact: Contact | AddressedLink) -> str:
    return contact.url if isinstance(contact, AddressedLink) else ""


def _manage_url(message: Claimed, contact: Contact | AddressedLink) -> str:
    """Where the person sees this registration and can give it back; nowhere once it is cancelled."""
    if not isinstance(contact, Contact) or contact.manage_url is None or message.kind == Kind.CANCELLATION:
        return ""
    return f"{contact.manage_url}?registration={message.registration_id}"


def _address(name: str, email: str) -> Address:
    """A header's address. Checked by the library where it can: it refuses a local part beyond ASCII, mail does not."""
    if email.isascii():
        return Address(name, addr_spec=email)
    local, _, domain = email.rpartition("@")
    return Address(name, local, domain)
