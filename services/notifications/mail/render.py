"""A message as a mail: words from `templates/<language>/<kind>.jinja`, in text and HTML, with its calendar entry.

composer = Composer("Hesheng <hesheng@example.org>", "example.org")
mail = composer.compose(claimed, contact)      # an EmailMessage
"""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.notifications.contacts import AddressedLink, Contact, StaffContact
from services.notifications.mail.calendar import Entry
from services.notifications.mail.mime import assemble
from services.notifications.mail.notices import SHIFT_ROWS, notice_facts, notice_url
from services.notifications.mail.words import in_language as _in
from services.notifications.mail.words import period, plain, short_start
from services.notifications.models import Kind
from services.notifications.operations.claims import Claimed, ClaimedLink, ClaimedNotice, Taken

CONTENT_LANGUAGE = {"zh": "zh-CN", "en": "en"}
Row = tuple[str, str]
"""A label and what it labels."""


class Composer:
    """Makes mails. Raises ValueError for an address that cannot be written into a header."""

    def __init__(self, mail_from: str, mail_domain: str) -> None:
        name, self._address = parseaddr(mail_from)
        self._sender = Address(name, addr_spec=self._address)
        self._domain = mail_domain
        loader = PackageLoader("services.notifications", "templates")
        # Words become plain text first; only the HTML page escapes, once, everything that it is given.
        shared: dict[str, Any] = {"loader": loader, "undefined": StrictUndefined, "trim_blocks": True}
        self._words = Environment(**shared, autoescape=False)  # noqa: S701
        self._html = Environment(**shared, autoescape=True).get_template("mail.html")
        self._text = self._words.get_template("mail.txt")

    @property
    def address(self) -> str:
        """Where answers and bounces go."""
        return self._address

    def compose(self, message: Claimed, contact: Contact) -> EmailMessage:
        """The whole mail. `message` must know its site, `contact` have an address."""
        language = "en" if contact.language.lower().startswith("en") else "zh"
        facts = _facts(message, contact, language)
        words = self._template(language, "words").make_module(
            {"name": facts["name"], "site_name": facts["site"], "phone": plain(message.site_phone or "")}
        )
        told = self._template(language, message.kind).make_module(facts)
        page = {
            "language": CONTENT_LANGUAGE[language],
            "subject": plain(str(told.subject)),  # type: ignore[attr-defined]
            "greeting": str(words.greeting),  # type: ignore[attr-defined]
            "lead": str(told.lead),  # type: ignore[attr-defined]
            "rows": _rows(words, facts),
            "note": str(told.note),  # type: ignore[attr-defined]
            "button": str(words.manage),  # type: ignore[attr-defined]
            "url": _manage_url(message, contact),
            "footer": str(words.footer),  # type: ignore[attr-defined]
        }
        entry = None if message.calendar_sequence is None else self._entry(message, contact, facts)
        mail = assemble(self._text.render(page), self._html.render(page), entry)
        self._write_headers(mail, message, contact, page)
        return mail

    def compose_link(self, message: ClaimedLink, link: AddressedLink) -> EmailMessage:
        """The mail that carries a link."""
        language = "en" if link.language.lower().startswith("en") else "zh"
        site = _in(language, message.site_zh or "和声", message.site_en or "Hesheng")
        zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
        words = self._template(language, "words").make_module(
            {"name": plain(link.name, 100), "site_name": site, "phone": plain(message.site_phone or "")}
        )
        facts = {
            "purpose": message.purpose,
            "site": plain((message.short_en if language == "en" else message.short_zh) or site),
            "about": _in(language, link.about_zh, link.about_en),
            "until": short_start(message.expires_at, zone, language),
        }
        told = self._template(language, "link").make_module(facts)
        page = {
            "language": CONTENT_LANGUAGE[language],
            "subject": plain(str(told.subject)),  # type: ignore[attr-defined]
            "greeting": str(words.greeting),  # type: ignore[attr-defined]
            "lead": str(told.lead),  # type: ignore[attr-defined]
            "rows": [],
            "note": str(told.note),  # type: ignore[attr-defined]
            "button": str(told.button),  # type: ignore[attr-defined]
            "url": link.url,
            "footer": str(words.footer),  # type: ignore[attr-defined]
        }
        mail = assemble(self._text.render(page), self._html.render(page), None)
        self._write_headers(mail, message, link, page)
        return mail

    def compose_notice(self, message: ClaimedNotice, contact: Contact | StaffContact) -> EmailMessage:
        """The mail to a leader or a member of staff."""
        language = "en" if contact.language.lower().startswith("en") else "zh"
        words = self._template(language, "words").make_module(
            {
                "name": plain(contact.name, 100),
                "site_name": _in(language, message.site_zh, message.site_en),
                "phone": plain(message.site_phone or ""),
            }
        )
        facts = notice_facts(message, language)
        told = self._template(language, message.kind).make_module(facts)
        page = {
            "language": CONTENT_LANGUAGE[language],
            "subject": plain(str(told.subject)),  # type: ignore[attr-defined]
            "greeting": str(words.greeting),  # type: ignore[attr-defined]
            "lead": str(told.lead),  # type: ignore[attr-defined]
            "rows": facts["rows"] or [(str(getattr(words, name)), facts[name]) for name in SHIFT_ROWS if facts[name]],
            "note": str(told.note),  # type: ignore[attr-defined]
            "button": str(told.button),  # type: ignore[attr-defined]
            "url": notice_url(message, contact),
            "footer": str(words.footer),  # type: ignore[attr-defined]
        }
        mail = assemble(self._text.render(page), self._html.render(page), None)
        self._write_headers(mail, message, contact, page)
        return mail

    def _template(self, language: str, name: str) -> Template:
        return self._words.get_template(f"{language}/{name}.jinja")

    def _write_headers(
        self, mail: EmailMessage, message: Taken, contact: Contact | AddressedLink | StaffContact, page: dict[str, Any]
    ) -> None:
        mail["From"] = self._sender
        mail["To"] = _address(plain(contact.name, 100), contact.email or "")
        mail["Subject"] = page["subject"]
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = message.message_id_header
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = page["language"]
        if message.request_id:
            mail["X-Request-Id"] = plain(message.request_id, 64)

    def _entry(self, message: Claimed, contact: Contact, facts: dict[str, Any]) -> Entry:
        return Entry(
            registration_id=message.registration_id,
            domain=self._domain,
            sequence=message.calendar_sequence or 0,
            cancelled=message.kind in (Kind.CANCELLATION, Kind.MOVED_BACK),
            stamp=message.created_at,
            starts_at=message.starts_at,
            ends_at=message.ends_at,
            summary=facts["title"],
            description=facts["role"],
            location=facts["place"],
            organizer=self._address,
            organizer_name=facts["site"],
            attendee=contact.email or "",
            attendee_name=facts["name"],
        )


def _manage_url(message: Claimed, contact: Contact) -> str:
    """Where the person sees this registration and can give it back; nowhere once it is cancelled."""
    if contact.manage_url is None or message.kind == Kind.CANCELLATION:
        return ""
    return f"{contact.manage_url}?registration={message.registration_id}"


def _address(name: str, email: str) -> Address:
    """A header's address. Checked by the library where it can: it refuses a local part beyond ASCII, mail does not."""
    if email.isascii():
        return Address(name, addr_spec=email)
    local, _, domain = email.rpartition("@")
    return Address(name, local, domain)


def _facts(message: Claimed, contact: Contact, language: str) -> dict[str, Any]:
    zone = ZoneInfo(message.time_zone or "Asia/Shanghai")
    before, until = message.details.get("before", {}), message.details.get("until")
    old_title = _in(language, before.get("title_zh"), before.get("title_en"))
    old_role = _in(language, before.get("role_zh"), before.get("role_en"))
    old_start, old_end = (
        datetime.fromisoformat(before[name]) if name in before else None for name in ("starts_at", "ends_at")
    )
    return {
        "name": plain(contact.name, 100),
        "opens": contact.manage_url is not None,
        "site": _in(language, message.site_zh, message.site_en),
        "title": _in(language, message.title_zh, message.title_en),
        "role": _in(language, message.role_zh, message.role_en),
        "place": plain(message.place),
        "when": period(message.starts_at, message.ends_at, zone, language),
        "start": short_start(message.starts_at, zone, language),
        "reason": message.details.get("reason"),
        "was_waitlisted": message.details.get("was_waitlisted", False),
        "until": short_start(datetime.fromisoformat(until), zone, language) if until else "",
        "clashes": message.details.get("clashes", False),
        "transfer": message.details.get("transfer"),
        "old": {
            "title": old_title,
            "role": old_role,
            "place": plain(before.get("place", "")),
            "when": period(old_start, old_end, zone, language) if old_start and old_end else "",
        },
    }


def _rows(words: Any, facts: dict[str, Any]) -> list[Row]:
    """What, when, where, in which role; after each what it was, where that changed."""
    rows: list[Row] = []
    for name in ("title", "when", "place", "role"):
        if facts[name]:
            rows.append((str(getattr(words, name)), facts[name]))
        if facts["old"][name]:
            rows.append((str(getattr(words, f"old_{name}")), facts["old"][name]))
    return [*rows, (str(words.site), facts["site"])]
