"""How tomorrow's digest of a site would look, were it due now."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from services.common.database import Database
from services.common.errors import not_found
from services.notifications.contacts import ContactBook, Day, StaffContact
from services.notifications.mail.digests import picture_of
from services.notifications.mail.render import Composer
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.settings import Settings
from services.notifications.wording.variables import Language

SITE = text("""
    SELECT name_zh AS site_zh, name_en AS site_en, short_zh, short_en, time_zone, phone AS site_phone,
           (now() AT TIME ZONE time_zone)::date + 1 AS day
    FROM sites WHERE id = :site
""")
READERS = {Language.ZH: ("同事", "zh-CN"), Language.EN: ("colleague", "en")}


@dataclass(frozen=True)
class DigestPreview:
    """The mail as a document of HTML, which holds its picture; empty where there would be none."""

    day: date
    subject: str = ""
    html: str = ""


@dataclass(frozen=True)
class Outlook:
    """What it takes to look ahead. `pages` is where people find registration's."""

    database: Database
    contacts: ContactBook
    composer: Composer
    pages: str

    def preview(self, site_id: UUID, language: Language) -> DigestPreview:
        """Tomorrow's, in a language. Raises 404 for a site that is not known yet, and `ContactsUnavailable`."""
        with self.database.transaction(str(site_id)) as session:
            site = session.execute(SITE, {"site": site_id}).one_or_none()
        if site is None:
            raise not_found("这个站点", "site")
        day = self.contacts.days_of([(site_id, site.day)]).get((site_id, site.day))
        if day is None or not (day.shifts or day.attendance):
            return DigestPreview(site.day)
        message, reader = _message(site_id, dict(site._mapping), day), self._reader(language)
        drawn = picture_of(message, language)
        source = f"data:image/png;base64,{b64encode(drawn).decode()}" if drawn else ""
        page = self.composer.page_of_digest(message, reader, source)
        return DigestPreview(site.day, page.subject, self.composer.as_html(page))

    def _reader(self, language: Language) -> StaffContact:
        name, spoken = READERS[language]
        shifts, hours = f"{self.pages}/staff/shifts/", f"{self.pages}/staff/hours"
        return StaffContact(staff_id=uuid4(), name=name, email="", language=spoken, shifts_url=shifts, hours_url=hours)


def make_outlook(settings: Settings, database: Database) -> Outlook:
    """The outlook of the api process."""
    contacts = ContactBook(settings.registration_url, settings.notifications_token.get_secret_value())
    composer = Composer(settings.mail_from, settings.mail_domain)
    return Outlook(database, contacts, composer, settings.pages_of["registration"])


def _message(site_id: UUID, site: dict[str, object], day: Day) -> ClaimedDigest:
    """As it would be claimed."""
    return ClaimedDigest(
        id=uuid4(),
        claimed_at=datetime.now(UTC),
        message_id_header="<preview>",
        request_id=None,
        in_doubt=False,
        site_id=site_id,
        words=None,
        staff_id=uuid4(),
        facts=day.model_dump(mode="json", include={"shifts", "attendance"}),
        **site,  # type: ignore[arg-type]
    )
