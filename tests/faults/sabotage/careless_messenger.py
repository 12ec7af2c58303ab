"""A messenger without care: an SMS whose answer did not come goes out again as another, each attempt at a webhook has
an id of its own, notices are told to nobody, and reminders are not even written down."""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy import text

from services.notifications.handlers import reminders
from services.notifications.operations import notices
from services.notifications.operations.webhooks import send
from services.notifications.sms.gateway import Gateway
from tests.faults.sabotage.wrap import run_real

_hand_over = Gateway.send
_try = send.Sender._try

RULE, BROKEN = "FROM recipients JOIN", "FROM (SELECT * FROM recipients LIMIT 0) AS recipients JOIN"
SCHEDULED = "INSERT INTO reminders"
if SCHEDULED not in reminders.SCHEDULE.text or RULE not in notices.FIRE.text:
    raise RuntimeError("the rule to break is not where it was: mend this sabotage")


def _under_any_id(self: Gateway, http, hand_over, text):  # type: ignore[no-untyped-def]
    return _hand_over(self, http, f"{hand_over.partition('-')[0]}-{uuid4().int % 99_999 + 1}", text)


def _with_any_id(self, claimed, secrets):  # type: ignore[no-untyped-def]
    return _try(self, replace(claimed, id=uuid4()), secrets)


Gateway.send = _under_any_id  # type: ignore[method-assign]
Gateway.settle = lambda *_: None  # type: ignore[method-assign]
send.Sender._try = _with_any_id  # type: ignore[method-assign]
reminders.SCHEDULE = text("SELECT cast(:registration_ids AS uuid[])")
notices.FIRE = text(notices.FIRE.text.replace(RULE, BROKEN))

if __name__ == "__main__":
    run_real()
