"""The pages of staff, one file per subject."""

from apiflask import APIBlueprint

from services.common.auth import OPERATORS
from services.common.database import Database
from services.common.pages import EVERYBODY, in_menu
from services.reporting.pages.dashboard import dashboard_pages
from services.reporting.pages.reports import reports_pages
from services.reporting.pages.site import working_at


def pages(database: Database) -> list[APIBlueprint]:
    """All of them."""
    # What is at hand at a site is so on these pages as well: to whoever works there it is one system.
    in_menu("registration:/staff/", "今日", "Today", 1, without_site=EVERYBODY)
    in_menu("registration:/staff/activities", "活动", "Activities", 2)
    in_menu("registration:/staff/check-in", "签到", "Check-in", 3)
    in_menu("registration:/staff/desk/", "报名台", "Sign-up desk", 3)
    in_menu("registration:/staff/rooms/", "场地", "Rooms", 4)
    in_menu("registration:/staff/people/", "人员", "People", 5)
    in_menu("notifications:/staff/messages", "消息", "Messages", 6, without_site=OPERATORS)
    made = [dashboard_pages(database), reports_pages(database)]

    @made[0].app_context_processor
    def site_in_words() -> dict[str, object]:
        """`working_at()` in every template."""
        return {"working_at": lambda: working_at(database)}

    return made
