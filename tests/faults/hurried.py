"""The real process, but all that messages wait for takes a part of its time: what was put off is tried again within
the run.

    python -m tests.faults.hurried services.notifications.worker

Only times are other than in a real process, and in the same proportions: a claim still runs out after its batch has
ended, and a request is given up well before its claim. Nothing in `services/` knows of it.
"""

from datetime import timedelta

from services.notifications import contacts, sms
from services.notifications.channels import sms as sms_channel
from services.notifications.mail import servers, smtp
from services.notifications.operations import claims, hand_over, upkeep
from services.notifications.operations.claims import news
from services.notifications.operations.deliver import sending
from services.notifications.operations.webhooks import outgoing
from services.notifications.operations.webhooks import upkeep as webhooks_upkeep
from services.notifications.sms import aliyun
from services.notifications.webhooks import post
from tests.faults.sabotage.wrap import run_real

LEASE, BATCH, ANSWER = 15.0, 4.0, 2.0
BACKOFF = (1, 2, 4, 8, 8, 8)
MANY = 10_000
"""A stranger's crowd of messages is bounded elsewhere: here one person may be moved to and fro."""


def hurry() -> None:
    """Set every time. Raises AttributeError where one is no more where it was: mend this module then."""
    for module, name, value in (
        (claims, "BACKOFF", BACKOFF),
        (hand_over, "PER_DAY", MANY),
        (news, "PER_HOUR", MANY),
        (news, "PER_DAY", MANY),
        (outgoing, "BACKOFF", (1, 1, 2, 2, 2, 4, 4, 4, 8, 8)),
        (outgoing, "LONGEST_REST", 1),
        (post, "SECONDS", ANSWER),
        (sending, "BATCH_SECONDS", BATCH),
        (sending, "OUTAGE_DELAY", 1.0),
        (servers, "RESTS", (0.5, 1.0, 2.0, 3.0)),
        (aliyun, "SURELY", timedelta(seconds=3)),
        (sms, "TIMEOUT", (1, ANSWER)),
        (sms_channel, "REST", 1.0),
        (smtp, "TIMEOUT", ANSWER),
        (contacts, "TIMEOUT", (1, 5)),
    ):
        getattr(module, name)
        setattr(module, name, value)
    for sweep in (upkeep.recover_abandoned, webhooks_upkeep.recover_deliveries):
        sweep.__defaults__ = (min(LEASE, *sweep.__defaults__ or ()),)


hurry()

if __name__ == "__main__":
    run_real()
