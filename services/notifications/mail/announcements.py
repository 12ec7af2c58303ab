"""What the mail of an announcement tells: its own words, in the frame that every mail has."""

from dataclasses import dataclass

from services.notifications.contacts import AddressedLink, Contact
from services.notifications.mail.words import in_language, plain
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.wording.announcements import Announced, said
from services.notifications.wording.facts import language_of
from services.notifications.wording.variables import Language


@dataclass(frozen=True)
class Announcing:
    """The words with their values filled in, and the language that they are in."""

    language: Language
    values: dict[str, str]
    subject: str
    text: tuple[str, ...]


def announcing(message: ClaimedAnnouncement, contact: Contact | AddressedLink) -> Announcing:
    """What somebody reads: in their language, where it was written in it."""
    words = Announced(message.subject_zh, message.text_zh, message.subject_en, message.text_en)
    language = words.in_language(language_of(contact))[0]
    site = in_language(language, message.site_zh, message.site_en)
    values = {
        "name": plain(contact.name, 100),
        "site": site,
        "site_short": in_language(language, message.short_zh or message.site_zh, message.short_en or message.site_en),
        "phone": plain(message.site_phone or ""),
        "title": in_language(language, message.about_zh, message.about_en),
    }
    return Announcing(language, values, *said(words, language, values))


def registrations_url(message: ClaimedAnnouncement, contact: Contact | AddressedLink) -> str:
    """Where they see their registrations, for an announcement to those of an activity; nowhere for any other."""
    return (contact.manage_url or "") if message.of_activity and isinstance(contact, Contact) else ""
