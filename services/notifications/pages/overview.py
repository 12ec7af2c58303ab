"""For operators: what is queued, late or failing, and why; and everything that failed put back at once."""

from apiflask import APIBlueprint
from flask import request, url_for

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import Database
from services.common.pages import Answer, done, in_menu, page_blueprint, render
from services.notifications.operations.lanes import Lane
from services.notifications.operations.messages import retry_failed
from services.notifications.operations.overview import overview
from services.notifications.pages.site import zone
from services.notifications.pages.words import CHANNELS, LANES


def overview_pages(database: Database) -> APIBlueprint:
    """The page, and its button."""
    blueprint = page_blueprint("overview_pages", __name__, url_prefix="/staff/delivery")
    in_menu("overview_pages.show_overview", "发送情况", "Delivery", 7, without_site=OPERATORS, only=OPERATORS)

    @blueprint.get("")
    @allow(Caller.OPERATOR)
    def show_overview() -> Answer:
        """As things are now."""
        lanes = {lane.value: LANES[lane] for lane in Lane}
        return render(
            "messages/overview.html", now=overview(database), lanes=lanes, channels=CHANNELS, zone=zone(database)
        )

    @blueprint.post("/retry")
    @allow(Caller.OPERATOR)
    def retry() -> Answer:
        """Put back what failed for one reason, where it still holds."""
        count = retry_failed(database, request.form.get("reason", ""))
        return done(url_for(".show_overview"), f"{count} 条消息将再次发送。", f"{count} messages are sent again.")

    return blueprint
