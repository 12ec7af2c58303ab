"""What notifications does when it hears of something. Effects and cursor commit together (`common/apply.py`).

Handlers see every site: that is the scope in which a subscriber applies its pages.
"""

from services.common import events
from services.common.apply import Handlers, Subscriber
from services.common.auth import forget_site_keys, remember_site_keys
from services.common.database import Database
from services.common.feed import FeedClient
from services.notifications.handlers import (
    activities,
    erasures,
    links,
    merges,
    registrations,
    shifts,
    transfers,
    webhooks,
)
from services.notifications.settings import Settings

HANDLERS: Handlers = {
    events.SiteKeyIssued: remember_site_keys,
    events.SiteKeyRevoked: forget_site_keys,
    events.SiteSaved: activities.on_site_saved,
    events.ActivityPublished: activities.on_activity_published,
    events.ActivityChanged: activities.on_activity_changed,
    events.ActivityCompleted: activities.on_activity_completed,
    events.ActivityCancelled: activities.on_activity_cancelled,
    events.ShiftOpened: shifts.on_shift_opened,
    events.ShiftChanged: shifts.on_shift_changed,
    events.ShiftCancelled: shifts.on_shift_cancelled,
    events.RegistrationConfirmed: registrations.on_confirmed,
    events.RegistrationWaitlisted: registrations.on_waitlisted,
    events.RegistrationPromoted: registrations.on_promoted,
    events.RegistrationOffered: registrations.on_offered,
    events.RegistrationMovedToWaitlist: registrations.on_moved_to_waitlist,
    events.RegistrationComing: registrations.on_coming,
    events.RegistrationCancelled: registrations.on_cancelled,
    events.TransferDeclined: transfers.on_declined,
    events.TransferExpired: transfers.on_expired,
    events.LinkIssued: links.on_link_issued,
    events.PersonMerged: merges.on_merged,
    events.PersonUnmerged: merges.on_unmerged,
    events.PersonErased: erasures.on_erased,
    events.PersonErasedAtSite: erasures.on_erased,
}


def make_subscriber(settings: Settings, database: Database) -> Subscriber:
    """The subscriber to registration's log."""
    token = settings.notifications_token.get_secret_value()
    feed = FeedClient("registration", settings.registration_url, token)
    return Subscriber(database, feed, HANDLERS, webhooks.note_deliveries)
