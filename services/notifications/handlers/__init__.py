"""What notifications does when it hears of something. Effects and cursor commit together (`common/apply.py`)."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common import events
from services.common.apply import Handler, Handlers, Subscriber
from services.common.auth import forget_site_keys, remember_site_keys
from services.common.database import EVERY_SITE, Database
from services.common.events import Received
from services.common.feed import FeedClient
from services.notifications.handlers import activities, registrations, shifts
from services.notifications.settings import Settings


def _across_sites(handler: Handler) -> Handler:
    """Events of all sites come in one page, so their handlers work outside row-level security's scopes."""

    def handle(session: Session, run: Sequence[Received]) -> None:
        session.execute(text("SELECT set_config('hesheng.site', :site, true)"), {"site": EVERY_SITE})
        handler(session, run)

    return handle


HANDLERS: Handlers = {
    events.SiteKeyIssued: remember_site_keys,
    events.SiteKeyRevoked: forget_site_keys,
    events.SiteSaved: activities.on_site_saved,
    events.ActivityPublished: activities.on_activity_published,
    events.ActivityChanged: _across_sites(activities.on_activity_changed),
    events.ShiftOpened: shifts.on_shift_opened,
    events.ShiftChanged: _across_sites(shifts.on_shift_changed),
    events.ShiftCancelled: _across_sites(shifts.on_shift_cancelled),
    events.RegistrationConfirmed: _across_sites(registrations.on_confirmed),
    events.RegistrationWaitlisted: _across_sites(registrations.on_waitlisted),
    events.RegistrationPromoted: _across_sites(registrations.on_promoted),
    events.RegistrationCancelled: _across_sites(registrations.on_cancelled),
}


def make_subscriber(settings: Settings, database: Database) -> Subscriber:
    """The subscriber to registration's log."""
    token = settings.notifications_token.get_secret_value()
    return Subscriber(database, FeedClient("registration", settings.registration_url, token), HANDLERS)
