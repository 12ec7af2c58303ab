"""What a mail tells that asks a colleague to approve an announcement: which, to whom and to how many it goes."""

from services.notifications.contacts import StaffContact
from services.notifications.mail.words import in_language, plain
from services.notifications.operations.announcements.approval import FEW
from services.notifications.operations.claims.approvals import ClaimedApproval
from services.notifications.wording.announcements import Announced, said
from services.notifications.wording.facts import Facts, language_of


def approval_facts(message: ClaimedApproval, contact: StaffContact) -> Facts:
    """What the words are made of: `title` is the subject of the announcement, `site` whom it goes to."""
    language = language_of(contact)
    words = Announced(message.subject_zh, message.text_zh, message.subject_en, message.text_en)
    about = in_language(language, message.about_zh, message.about_en)
    site = in_language(language, message.site_zh or about, message.site_en or about)
    values = {
        "name": plain(contact.name, 100),
        "site": site,
        "site_short": in_language(language, message.short_zh or site, message.short_en or site),
        "phone": plain(message.site_phone or ""),
        "title": about,
    }
    subject, _ = said(words, words.in_language(language)[0], values)
    few = in_language(language, f"少于 {FEW}", f"fewer than {FEW}")
    count = few if message.few else str(message.people)
    told = {"title": subject, "site": about, "count": count, "alone": str(message.alone)}
    return Facts(language, values | told, [])
