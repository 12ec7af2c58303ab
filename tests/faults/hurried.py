"""The real process, but all that messages wait for takes a part of its time: what was put off is tried again within
the run.

    python -m tests.faults.hurried services.notifications.worker

Only times are other than in a real process, and in the same proportions: a claim still runs out after its batch has
ended, and a request is given up well before its claim. Nothing in `services/` knows of it.
"""

import os
from collections.abc import Callable
from datetime import timedelta

from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from services.common import pump
from services.common.pump import Duty
from services.notifications import contacts, sms
from services.notifications.channels import chat
from services.notifications.channels import sms as sms_channel
from services.notifications.mail import mailbox, servers, smtp
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
IDLE = 2.0
"""The mailbox of what comes back is looked into, and digests are planned, as often as other things are."""

MANY = 10_000
"""A stranger's crowd of messages is bounded elsewhere: here one person may be moved to and fro."""


def hurry() -> None:
    """Set every time. Raises AttributeError where one is no more where it was: mend this module then."""
    for module, name, value in (
        (claims, "BACKOFF", BACKOFF),
        (upkeep, "BACKOFF", BACKOFF),
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
        (sms_channel, "RESTS_PER_WAIT", 0.5),
        (sms_channel, "AVOIDED", 20.0),
        (chat, "REST", 1.0),
        (smtp, "TIMEOUT", ANSWER),
        (contacts, "TIMEOUT", (1, 5)),
        (mailbox, "TIMEOUT", ANSWER),
    ):
        getattr(module, name)
        setattr(module, name, value)
    pump.Duty = _hurried_duty  # type: ignore[assignment, misc]
    for sweep in (upkeep.recover_abandoned, webhooks_upkeep.recover_deliveries):
        sweep.__defaults__ = (min(LEASE, *sweep.__defaults__ or ()),)


def _hurried_duty(name: str, act: Callable[[], object], idle: float) -> Duty:
    return Duty(name, act, min(idle, IDLE))


def go_to_the_stand_ins() -> None:
    """The addresses of groups' bots are of three services, whatever a site would name: here they are ours."""
    if here := os.environ.get("BOTS_OF_THE_FAULTS"):
        for bot, path in (
            (NotifyWeComBot, "/cgi-bin/webhook/send?key={key}"),
            (NotifyDingTalk, "/robot/send?access_token={token}"),
            (NotifyFeishu, "/open-apis/bot/v2/hook/{token}/"),
        ):
            assert bot.notify_url
            bot.notify_url = here + path


hurry()
go_to_the_stand_ins()

if __name__ == "__main__":
    run_real()
