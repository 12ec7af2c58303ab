"""Send what is due: claim a batch, ask for the contacts, hand the letters over by mail or else by SMS, record each at
once.

    deliver_batch(make_postman(settings, database))

Urgent lanes go first (`lanes.py`), and a batch of another stops for them. Where a provider takes so many a minute, the
rest waits (`rates.py`), and what is not urgent leaves a part for what is. Each sort of message has a round of its own,
one file here and one in `claims/`; what all rounds share is `sending.py`.

Failures are of two kinds. What keeps everybody's mail from going out (registration, the mail server) gives the batch
back without counting an attempt. What the server or provider says of one letter counts as an attempt of that message.
"""

import random
import time

from services.notifications.operations.claims import Sort, which_are_due
from services.notifications.operations.deliver.announcements import deliver_announcements
from services.notifications.operations.deliver.approvals import deliver_approvals
from services.notifications.operations.deliver.chats import deliver_chats
from services.notifications.operations.deliver.digests import deliver_digests
from services.notifications.operations.deliver.links import deliver_links
from services.notifications.operations.deliver.news import deliver_answers, deliver_news
from services.notifications.operations.deliver.notices import deliver_notices
from services.notifications.operations.deliver.postman import Postman, make_postman

__all__ = ["Postman", "deliver_batch", "deliver_bulk", "make_postman"]

ROUNDS = {
    Sort.LINKS: deliver_links,
    Sort.ANSWERS: deliver_answers,
    Sort.NEWS: deliver_news,
    Sort.NOTICES: deliver_notices,
    Sort.APPROVALS: deliver_approvals,
    Sort.DIGESTS: deliver_digests,
    Sort.CHATS: deliver_chats,
}
"""Every look takes a batch of each that is due, links and answers first. The order of the others is drawn by lot for
each look: they share what a provider takes in a minute, and whichever came first each time would take all of it.
Announcements have looks of their own (`deliver_bulk`): a worker process that is at one keeps the other free for events
and for all of these."""

URGENT = (Sort.LINKS, Sort.ANSWERS)

FULL_PAUSE = 0.2


def deliver_bulk(postman: Postman) -> int:
    """The same for a batch of announcements; none while another worker process is at one."""
    return deliver_announcements(postman)


def deliver_batch(postman: Postman) -> int:
    """Claim due messages of each sort and bring each to its next state; returns how many were claimed."""
    due = which_are_due(postman.database)
    others = [sort for sort in ROUNDS if sort not in URGENT]
    random.shuffle(others)
    claimed = sum(ROUNDS[sort](postman) for sort in (*URGENT, *others) if sort in due)
    if not claimed and postman.allowances:
        time.sleep(FULL_PAUSE)  # a provider takes no more just now, and the pump nudges while anything is due
    return claimed
