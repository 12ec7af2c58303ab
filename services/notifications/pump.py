"""The pump process: `python -m services.notifications.pump`. It keeps time for everything that is due."""

from collections.abc import Callable
from functools import partial

from services.common.database import Database
from services.common.logs import get_logger
from services.common.pump import Duty, run_pump
from services.common.queue import make_celery, nudge, queue_length, work_queue
from services.notifications.contacts import ContactBook
from services.notifications.handlers import make_subscriber
from services.notifications.handlers.clocks import follow_clocks
from services.notifications.operations.alarms import raise_alarms
from services.notifications.operations.announcements.asking import ask_colleagues
from services.notifications.operations.announcements.office import sms_phones
from services.notifications.operations.announcements.sending import PAGE, send_announcements, settle_announcements
from services.notifications.operations.chats import keep_operators_chats
from services.notifications.operations.claims import any_claimable
from services.notifications.operations.claims.announcements import bulk_claimable
from services.notifications.operations.digests import fire_due_digests, plan_digests
from services.notifications.operations.erasures import forget_erasures
from services.notifications.operations.hand_over import forget_numbers
from services.notifications.operations.mail_receipts import forget_reports, hear_reports
from services.notifications.operations.notices import fire_due_notices
from services.notifications.operations.providers import forget_providers
from services.notifications.operations.receipts import forget_receipts, hear_waiting
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.operations.replies import forget_replies
from services.notifications.operations.returned_mails import ReturnedMails
from services.notifications.operations.suppressions import forget_suppressions
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.operations.upkeep import (
    expire_overdue,
    forget_history,
    forget_keys,
    recover_abandoned,
    trim_applied,
)
from services.notifications.operations.webhooks.send import Sender
from services.notifications.operations.webhooks.upkeep import end_deliveries, forget_deliveries, recover_deliveries
from services.notifications.settings import Settings
from services.notifications.tasks import BULK_TASK, DELIVER_TASK

log = get_logger(__name__)

FORGETTING = (
    forget_history, forget_erasures, forget_receipts, forget_reports, forget_suppressions, forget_numbers,
    forget_replies, forget_deliveries,
)  # fmt: skip

LONGEST_QUEUE = 4
"""Nudges waiting beyond which no more are sent: each worker process has its next one, and more would bring nothing."""


def duties(settings: Settings) -> list[Duty]:
    """What the pump looks at, and how often."""
    database = Database(settings.database_dsn)
    celery = make_celery(settings)
    queue = work_queue(settings.service)
    book = ContactBook(settings.registration_url, settings.notifications_token.get_secret_value())
    phones = sms_phones(settings)
    chats = settings.operators_chat.get_secret_value()
    webhooks = Sender(database, settings.box(), settings.webhooks_loopback)

    mailbox = settings.returned_to
    returned = ReturnedMails(database, settings.box(), mailbox, settings.mail_domain) if mailbox else None

    def deliver() -> bool:
        if not any_claimable(database) or queue_length(celery, queue) >= LONGEST_QUEUE:
            return False
        nudge(celery, DELIVER_TASK, settings.service)
        return True

    def deliver_announcements() -> bool:
        if bulk_claimable(database) and queue_length(celery, queue) < LONGEST_QUEUE:
            nudge(celery, BULK_TASK, settings.service)
        return False  # a nudge for each rest: while one is under way another would find nothing to take

    def announce() -> bool:
        # A rest after a full page: writing down is far ahead of sending, and would delay whoever signs up meanwhile.
        return send_announcements(database, book, phones) not in (0, PAGE)

    return [
        Duty("catch_up", make_subscriber(settings, database).catch_up, idle=2.0),
        Duty("clocks", lambda: follow_clocks(database), idle=0.5),
        Duty("reminders", lambda: fire_due_reminders(database), idle=0.1),
        Duty("notices", lambda: fire_due_notices(database, book), idle=1.0),
        Duty("announcements", announce, idle=0.5),
        Duty("ask_colleagues", lambda: ask_colleagues(database, book), idle=1.0),
        Duty("settle", lambda: settle_announcements(database), idle=2.0),
        Duty("plan_digests", lambda: plan_digests(database), idle=30.0),
        Duty("digests", lambda: fire_due_digests(database, book), idle=2.0),
        Duty("operators_chats", partial(keep_operators_chats, database, settings.box(), chats), idle=30.0),
        Duty("alarms", lambda: raise_alarms(database), idle=10.0),
        Duty("deliver", deliver, idle=0.1),
        Duty("deliver_bulk", deliver_announcements, idle=0.25),
        Duty("recover", lambda: recover_abandoned(database), idle=5.0),
        Duty("expire", lambda: expire_overdue(database), idle=5.0),
        Duty("webhooks", webhooks.send_due, idle=0.2),
        Duty("webhooks_upkeep", lambda: recover_deliveries(database) + end_deliveries(database), idle=5.0),
        Duty("receipts", lambda: hear_waiting(database), idle=2.0),
        Duty("mail_reports", lambda: hear_reports(database, bool(settings.sms_providers)), idle=2.0),
        *([Duty("returned_mails", returned.read, idle=30.0)] if returned else []),
        Duty("told", lambda: tell_whom_sms_reached(database, book), idle=2.0),
        Duty("trim", lambda: trim_applied(database) + forget_keys(database), idle=30.0),
        Duty("providers", lambda: forget_providers(database, settings), idle=30.0),
        Duty("forget", lambda: forget_all(database), idle=30.0),
    ]


def forget_all(database: Database) -> int:
    """Forget what was kept long enough, of each sort on its own: one that fails keeps no other from it."""
    return sum(_forgotten(forget, database) for forget in FORGETTING)


def _forgotten(forget: Callable[[Database], int], database: Database) -> int:
    try:
        return forget(database)
    except Exception as error:
        log.warning("not_forgotten", of=forget.__name__, error=repr(error)[:500])
        return 0


if __name__ == "__main__":
    settings = Settings()
    run_pump(settings, duties(settings))
