"""What the links of messages open: GET shows a page with a button, and the button's POST acts.

    PURPOSES["guardian_consent"] = Purpose(show=..., act=...)

`show` gives the context of the template `links/<purpose>.html`; `act` does what the button is for, within one
transaction on the locked link, and gives the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, page_blueprint, render
from services.registration.models import Link
from services.registration.operations.staff.links import Links, over

Act = Callable[[Session, Link], Response | Answer]


@dataclass(frozen=True)
class Purpose:
    """What one kind of link is good for. `prepare` does what takes long, before the link is locked, and gives an `act`
    that has its result."""

    show: Callable[[Session, Link], dict[str, Any]]
    act: Act | None = None
    prepare: Callable[[], Act] | None = None


def only_told(session: Session, link: Link) -> Answer:
    """The act of a link whose page only tells."""
    raise over()


PURPOSES: dict[str, Purpose] = {}
"""By name; each subject's pages add theirs."""


def links_pages(database: Database, links: Links) -> APIBlueprint:
    """The page of every link."""
    blueprint = page_blueprint("links_pages", __name__, url_prefix="/links")

    @blueprint.get("/<token>")
    @allow(Caller.LINK)
    def show_link(token: str) -> str:
        """What the link is for. Changes nothing."""
        with database.transaction(EVERY_SITE) as session:
            link = links.open(session, token)
            return render(f"links/{link.purpose}.html", link=link, **PURPOSES[link.purpose].show(session, link))

    @blueprint.post("/<token>")
    @allow(Caller.LINK)
    def act_on_link(token: str) -> Response | Answer:
        """Do what the link is for."""
        with database.transaction(EVERY_SITE) as session:
            purpose = PURPOSES[links.open(session, token).purpose]
        act = purpose.prepare() if purpose.prepare else purpose.act
        assert act is not None  # noqa: S101 (every purpose has one of the two)
        with database.transaction(EVERY_SITE) as session:
            return act(session, links.open(session, token, lock=True))

    return blueprint
