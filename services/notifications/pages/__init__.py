"""The pages of staff, one file per subject."""

from apiflask import APIBlueprint

from services.common.apply import Subscriber
from services.common.auth import OVER_AREAS
from services.common.database import Database
from services.common.pages import EVERYBODY, in_menu
from services.notifications.contacts import ContactBook
from services.notifications.mail.unsubscribe import Unsubscribe
from services.notifications.operations.announcements.office import Office
from services.notifications.operations.calendar_feeds import CalendarFeeds
from services.notifications.operations.digest_previews import make_outlook
from services.notifications.operations.previews import Showroom
from services.notifications.operations.providers import carriers
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.pages.announcements import announcements_pages
from services.notifications.pages.calendar_feed import calendar_feed_pages
from services.notifications.pages.chats import chats_pages
from services.notifications.pages.digests import digests_pages
from services.notifications.pages.inbox import inbox_pages
from services.notifications.pages.messages import messages_pages
from services.notifications.pages.overview import overview_pages
from services.notifications.pages.preferences import preferences_pages
from services.notifications.pages.reminders import reminders_pages
from services.notifications.pages.site import working_at
from services.notifications.pages.suppressions import suppressions_pages
from services.notifications.pages.templates import templates_pages
from services.notifications.pages.webhooks import webhooks_pages
from services.notifications.settings import Settings


def pages(
    settings: Settings,
    database: Database,
    showroom: Showroom,
    book: ContactBook,
    office: Office,
    subscriber: Subscriber,
    feeds: CalendarFeeds,
) -> list[APIBlueprint]:
    """All of them."""
    # What is at hand at a site is so on these pages as well: to whoever works there it is one system.
    in_menu("registration:/staff/", "今日", "Today", 1, without_site=EVERYBODY)
    in_menu("registration:/staff/activities", "活动", "Activities", 2)
    in_menu("registration:/staff/check-in", "签到", "Check-in", 3)
    in_menu("registration:/staff/desk/", "报名台", "Sign-up desk", 3)
    in_menu("registration:/staff/rooms/", "场地", "Rooms", 4)
    in_menu("registration:/staff/people/", "人员", "People", 5)
    in_menu("reporting:/staff/reports/dashboard", "统计", "Reports", 8, without_site=OVER_AREAS)
    rules = Rules(settings.box(), settings.webhooks_loopback)
    made = [
        messages_pages(database),
        reminders_pages(database),
        overview_pages(database, subscriber, carriers(settings)),
        webhooks_pages(database, rules),
    ]
    made += [templates_pages(database, showroom), inbox_pages(database, book), suppressions_pages(database)]
    made += [chats_pages(database, settings.box()), announcements_pages(database, office)]
    made.append(digests_pages(database, make_outlook(settings, database)))
    made += calendar_feed_pages(feeds, book)
    links = Unsubscribe(settings.box(), settings.pages_of["notifications"])
    made += preferences_pages(database, book, links, ("mail", "sms") if settings.sms_providers else ("mail",))

    @made[0].app_context_processor
    def site_in_words() -> dict[str, object]:
        """`working_at()` in every template."""
        return {"working_at": lambda: working_at(database)}

    return made
