"""For operators: what is queued, late or failing, and why; and everything that failed put back at once."""

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import request, url_for

from services.common.apply import Subscriber
from services.common.auth import OPERATORS, Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render
from services.common.parked import release_parked
from services.notifications.operations.lanes import Lane
from services.notifications.operations.messages import retry_failed
from services.notifications.operations.overview import overview
from services.notifications.operations.providers import Carrier
from services.notifications.pages.reasons import reason_of
from services.notifications.pages.site import zone
from services.notifications.pages.words import CHANNELS, LANES


def overview_pages(database: Database, subscriber: Subscriber, carriers: Sequence[Carrier]) -> APIBlueprint:
    """The page, and its buttons. `carriers` are the mail servers and providers that the settings name."""
    blueprint = page_blueprint("overview_pages", __name__, url_prefix="/staff/delivery")
    in_menu("overview_pages.show_overview", "发送情况", "Delivery", 7, without_site=OPERATORS, only=OPERATORS)

    @blueprint.get("")
    @allow(Caller.OPERATOR)
    def show_overview() -> Answer:
        """As things are now."""
        return _page(database, carriers, Form())

    @blueprint.post("/retry")
    @allow(Caller.OPERATOR)
    def retry() -> Answer:
        """Put back what failed for one reason, where it still holds."""
        count = retry_failed(database, request.form.get("reason", ""))
        return done(url_for(".show_overview"), f"{count} 条消息将再次发送。", f"{count} messages are sent again.")

    @blueprint.post("/release")
    @allow(Caller.OPERATOR)
    def release() -> Answer:
        """Apply the events of an activity or site that were held back, after their cause was mended."""
        form: Form[Any] = Form()
        with form.catching():
            count = release_parked(subscriber, request.form.get("aggregate", ""))
        if form.failed:
            return _page(database, carriers, form), 409
        return done(url_for(".show_overview"), f"已补处理 {count} 个事件。", f"{count} events were applied.")

    return blueprint


def _page(database: Database, carriers: Sequence[Carrier], form: Form[Any]) -> str:
    lanes = {lane.value: LANES[lane] for lane in Lane}
    known = {"lanes": lanes, "channels": CHANNELS, "zone": zone(database), "reason_of": reason_of}
    return render("messages/overview.html", now=overview(database, carriers), form=form, **known)
