"""The pages of staff, one file per subject."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.common.pages import EVERYBODY, in_menu
from services.notifications.pages.messages import messages_pages
from services.notifications.pages.overview import overview_pages
from services.notifications.pages.site import working_at


def pages(database: Database) -> list[APIBlueprint]:
    """All of them."""
    in_menu("registration:/staff/", "今日", "Today", 1, without_site=EVERYBODY)
    made = [messages_pages(database), overview_pages(database)]

    @made[0].app_context_processor
    def site_in_words() -> dict[str, object]:
        """`working_at()` in every template."""
        return {"working_at": lambda: working_at(database)}

    return made
