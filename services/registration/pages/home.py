"""Where staff begin: what the day holds, in boxes.

    @box
    def approvals(session, site_id):
        return Box("待审批", "Waiting for approval", [Line("3 条补录", "3 late entries", url_for("…"))])

Any subject's pages may add a box; one that gives None is not shown today.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, url_for
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import called
from services.common.pages import EVERYBODY, Answer, clock, in_menu, page_blueprint, render
from services.registration.models import Site
from services.registration.operations.programmes.authority import areas_of


@dataclass(frozen=True)
class Line:
    """One thing in a box, in both languages, and where it leads."""

    zh: str
    en: str
    address: str = ""


@dataclass(frozen=True)
class Box:
    """A heading and what is below it."""

    zh: str
    en: str
    lines: list[Line] = field(default_factory=list)


COLLEAGUES = "colleague_pages.list_colleagues"
BoxMaker = Callable[[Session, UUID], Box | None]
BOXES: dict[str, BoxMaker] = {}
"""By name, in the order in which they are shown; the newest app's."""


def box(maker: BoxMaker) -> BoxMaker:
    """Show what this makes on the first page of staff."""
    BOXES[maker.__qualname__] = maker
    return maker


def home_pages(database: Database) -> APIBlueprint:
    """The first page of staff."""
    blueprint = page_blueprint("home_pages", __name__, url_prefix="/staff")
    in_menu("home_pages.home", "今日", "Today", 1, without_site=EVERYBODY)

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def home() -> Answer:
        """The day at the site."""
        site_id = g.principal.site_id
        boxes: list[Box] = []
        with database.transaction(g.principal.scope) as session:
            site = session.get(Site, site_id) if site_id else None
            if site_id:
                boxes = [made for maker in BOXES.values() if (made := maker(session, site_id))]
        with database.transaction(EVERY_SITE) as session:
            boxes += [made] if (made := _administration(session)) else []
        return render("home/home.html", boxes=boxes, site=site)

    return blueprint


SHIFTS_OF_DAY = text(
    "SELECT h.id, h.starts_at, h.ends_at, h.capacity, h.confirmed, h.waitlisted, a.title_zh, a.title_en, s.time_zone,"
    " (SELECT count(*) FROM registrations AS r"
    " WHERE r.shift_id = h.id AND r.outcome IN ('present', 'attended')) AS came"
    " FROM shifts AS h JOIN activities AS a ON a.id = h.activity_id JOIN sites AS s ON s.id = h.site_id"
    " WHERE h.site_id = :site AND h.local_day = (now() AT TIME ZONE s.time_zone)::date + :ahead"
    " AND h.status = 'open' AND a.status = 'published' ORDER BY h.starts_at, h.id LIMIT 50"
)


@box
def todays_shifts(session: Session, site_id: UUID) -> Box:
    """What takes place today, with how many come."""
    lines = _shifts(session, site_id, 0)
    return Box("今天的场次", "Today's shifts", lines or [Line("今天没有场次。", "There are no shifts today.")])


@box
def tomorrows_shifts(session: Session, site_id: UUID) -> Box | None:
    """What takes place tomorrow."""
    lines = _shifts(session, site_id, 1)
    return Box("明天的场次", "Tomorrow's shifts", lines) if lines else None


def _shifts(session: Session, site_id: UUID, ahead: int) -> list[Line]:
    """The shifts of a day of the site, each leading to its roster."""
    lines = []
    for row in session.execute(SHIFTS_OF_DAY, {"site": site_id, "ahead": ahead}):
        times = f"{clock(row.starts_at, row.time_zone)}–{clock(row.ends_at, row.time_zone)}"
        title = called(row, "title")
        came = (f"，已到 {row.came}", f", {row.came} came") if ahead == 0 else ("", "")
        zh = f"{times} {title.zh}：报名 {row.confirmed}/{row.capacity}，候补 {row.waitlisted}{came[0]}"
        en = f"{times} {title.en}: {row.confirmed} of {row.capacity} places taken, {row.waitlisted} waiting{came[1]}"
        lines.append(Line(zh, en, url_for("shift_roster_pages.show_roster", shift_id=row.id)))
    return lines


def _administration(session: Session) -> Box | None:
    """For who manages others, at whatever site they work just now, or at none."""
    if not g.principal.is_operator and not areas_of(session, g.principal):
        return None
    lines = [
        Line("区划与站点", "Areas and sites", url_for("areas_pages.show_tree")),
        Line("工作人员与权限", "Staff and their roles", url_for(COLLEAGUES)),
        Line("导入区划表", "Import the table of areas", url_for("areas_pages.show_import")),
    ]
    if g.principal.is_operator:
        lines.append(Line("同意书文本", "Consent texts", url_for("consent_texts_pages.list_texts")))
    return Box("管理", "Administration", lines)
