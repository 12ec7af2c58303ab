"""How an announcement would look: in the site's name, to somebody who never was."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.database import EVERY_SITE, Database
from services.notifications.contacts import Contact
from services.notifications.mail.render import Composer, announcement_page
from services.notifications.models import Kind
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.schemas.announcements import AnnouncementPreviewAnswer, AnnouncementPreviewBody
from services.notifications.schemas.templates import SmsAnswer
from services.notifications.sms import Provider
from services.notifications.sms.announcements import announced_text
from services.notifications.wording.announcements import Announced, check_words, tidied
from services.notifications.wording.samples import NOBODY
from services.notifications.wording.sms import measured
from services.notifications.wording.variables import VARIABLES

SITE = text("SELECT name_zh, name_en, short_zh, short_en, time_zone, phone FROM sites WHERE id = :id")
ACTIVITY = text("SELECT title_zh, title_en FROM activities WHERE id = :id")


@dataclass(frozen=True)
class Window:
    """What it takes to show one. `provider` is of SMS, None where none carries announcements; `price` of a segment,
    None where the operator did not say."""

    database: Database
    composer: Composer
    provider: Provider | None
    price: Decimal | None

    def shown(self, principal: Principal, body: AnnouncementPreviewBody) -> AnnouncementPreviewAnswer:
        """The words as they would go out. Raises 422 for words that could not be saved."""
        words = tidied(Announced(body.subject_zh, body.text_zh, body.subject_en, body.text_en))
        check_words(words, of_activity=body.activity_id is not None)
        with self.database.transaction(EVERY_SITE) as session:
            site = _site(session, principal.site_id)
        with self.database.transaction(principal.scope) as session:
            about = _activity(session, body.activity_id)
        message = _message(words, site, about, body.activity_id is not None)
        contact = _nobody(body.language)
        page, _ = announcement_page(message, contact)
        sms = self._sms(announced_text(message, contact, signed=False).words) if self.provider else None
        html, plain = self.composer.as_html(page), self.composer.as_text(page)
        return AnnouncementPreviewAnswer(subject=page.subject, html=html, text=plain, sms=sms)

    def _sms(self, words: str) -> SmsAnswer:
        length = measured(words)
        return SmsAnswer(text=words, cost=length.cost(self.price), **vars(length))


def _site(session: Session, site_id: UUID | None) -> dict[str, Any]:
    row = session.execute(SITE, {"id": site_id}).mappings().one_or_none()
    name, short, phone = (VARIABLES[one].example for one in ("site", "site_short", "phone"))
    return dict(row) if row else {
        "name_zh": name.zh, "name_en": name.en, "short_zh": short.zh, "short_en": short.en,
        "time_zone": "Asia/Shanghai", "phone": phone.zh,
    }  # fmt: skip


def _activity(session: Session, activity_id: UUID | None) -> tuple[str, str]:
    row = session.execute(ACTIVITY, {"id": activity_id}).one_or_none()
    example = VARIABLES["title"].example
    return (row.title_zh, row.title_en) if row else (example.zh, example.en)


def _message(words: Announced, site: dict[str, Any], about: tuple[str, str], of_activity: bool) -> ClaimedAnnouncement:
    return ClaimedAnnouncement(
        **vars(words),
        id=NOBODY,
        claimed_at=datetime.now(UTC),
        message_id_header="<preview>",
        request_id=None,
        in_doubt=False,
        site_id=NOBODY,
        site_zh=site["name_zh"],
        site_en=site["name_en"],
        short_zh=site["short_zh"],
        short_en=site["short_en"],
        time_zone=site["time_zone"],
        site_phone=site["phone"],
        words=None,
        kind=Kind.ANNOUNCEMENT,
        person_id=NOBODY,
        announcement_id=NOBODY,
        of_activity=of_activity,
        about_zh=about[0],
        about_en=about[1],
    )


def _nobody(language: str) -> Contact:
    example = VARIABLES["name"].example
    return Contact(
        person_id=NOBODY,
        site_id=NOBODY,
        name=example.zh if language == "zh" else example.en,
        email="sample@example.org",
        language=language,
        manage_url="https://example.org/links/sample",
    )
