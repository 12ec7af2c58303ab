"""What routes and pages of announcements need: who may write to whom, counts, previews, how many one may write to."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.common.auth import Principal
from services.common.database import EVERY_SITE, Database
from services.common.errors import UNAVAILABLE, Problem
from services.notifications.contacts import ContactBook, ContactsUnavailable
from services.notifications.mail.render import Composer
from services.notifications.models import Announcement, Kind
from services.notifications.operations.announcements.approval import AT_ONCE, Counter
from services.notifications.operations.announcements.asking import Seconds, hands_in
from services.notifications.operations.announcements.drafts import NOT_NOW, Bureau, find
from services.notifications.operations.announcements.preview import Window
from services.notifications.operations.announcements.whom import looks_after_areas
from services.notifications.settings import Settings


@dataclass(frozen=True)
class Office:
    """`alone` are the people whom one person may write to without a second one's approval."""

    bureau: Bureau
    counter: Counter
    window: Window
    alone: int

    def list_scope(self, principal: Principal) -> str:
        """Under what a list is read: whoever looks after areas sees those to them beside the site's own."""
        return EVERY_SITE if looks_after_areas(principal) else principal.scope

    def approvers(self, scope: str, announcement_id: UUID, actor: str) -> int:
        """How many colleagues may approve it, should this one submit it. Raises 404, 503 while nobody can say."""
        return len(self._colleagues(self._found(scope, announcement_id), actor))

    def seconds(self, scope: str, announcement_id: UUID, approver: Principal) -> Seconds:
        """Who may approve it, this one among them if they may. Raises 404, 503 while nobody can say."""
        row = self._found(scope, announcement_id)
        return Seconds(row.version, self._colleagues(row, asked_by=approver.name))

    def _found(self, scope: str, announcement_id: UUID) -> Announcement:
        with self.bureau.database.transaction(scope) as session:
            return find(session, announcement_id)

    def _colleagues(
        self, row: Announcement, submitter: str | None = None, asked_by: str | None = None
    ) -> Collection[UUID]:
        hands = hands_in(row, submitter)
        try:
            return self.bureau.book.colleagues(row.site_id, row.area, hands, asked_by=asked_by).staff
        except ContactsUnavailable:
            raise Problem(UNAVAILABLE, NOT_NOW) from None


def make_office(settings: Settings, database: Database) -> Office:
    """The office of the api process."""
    book = ContactBook(settings.registration_url, settings.notifications_token.get_secret_value())
    carries = next((one for one in settings.sms_providers if one.carries(Kind.ANNOUNCEMENT, "zh")), None)
    return Office(
        Bureau(database, book),
        Counter(database, book, sms_phones(settings), threading.Semaphore(AT_ONCE)),
        Window(database, Composer(settings.mail_from, settings.mail_domain), carries, settings.sms_price),
        settings.announcement_alone,
    )


def sms_phones(settings: Settings) -> tuple[str, ...]:
    """The beginnings of numbers to which an announcement can go by SMS; none where no provider carries them."""
    carries = any(one.carries(Kind.ANNOUNCEMENT, "zh") for one in settings.sms_providers)
    return tuple(settings.sms_prefixes.split(",")) if carries else ()
