"""Which volunteers of a site can help: by skill, profession, service category, area, and words; as a list or a file."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.database import Database
from services.common.errors import Words
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.models import Area, PersonSite, Training, Volunteer, VolunteerSite
from services.registration.operations.people.minors_shown import all_shown, birth_date
from services.registration.personal_data import PersonalData
from services.registration.schemas.volunteers import VolunteersFilter
from services.registration.spreadsheets.writing import Sheet

AT_ONCE = 500
HEADINGS = (
    "志愿者编号 number", "姓名 name", "电话 phone", "电子邮件 email", "技能 skills", "职业 professions",
    "服务类别 categories", "居住区划 area",
)  # fmt: skip


def matching(site_id: UUID, wanted: VolunteersFilter) -> Select[VolunteerSite]:
    """The site's volunteers of whom all of this is true."""
    rows = select(VolunteerSite).where(VolunteerSite.site_id == site_id)
    columns = {"skill": "skills", "profession": "professions", "category": "categories"}
    for name, column in columns.items():
        if code := getattr(wanted, name):
            rows = rows.where(getattr(VolunteerSite, column).contains([code]))
    if wanted.area:
        rows = rows.where(VolunteerSite.area.in_(_within(wanted.area)))
    return rows.where(_says(site_id, wanted.q)) if wanted.q else rows


def _within(code: str) -> Select[str]:
    """The area and everything in it."""
    inside = select(Area.code).where(Area.code == code).cte("inside", recursive=True)
    inside = inside.union(select(Area.code).join(inside, Area.parent == inside.c.code))
    return select(inside.c.code)


def _says(site_id: UUID, words: str) -> ColumnElement[bool]:
    """Whether a skill, profession or category has these words in either language, or the name of a training does."""
    named = func.lower(Training.name).contains(words.lower(), autoescape=True)
    taught = select(Training.person_id).where(Training.site_id == site_id, named)
    found = [
        column.overlap(codes)
        for column, listed in (
            (VolunteerSite.skills, SKILLS),
            (VolunteerSite.professions, PROFESSIONS),
            (VolunteerSite.categories, CATEGORIES),
        )
        if (codes := [code for code, named in listed.items() if _has(named.zh, words) or _has(named.en, words)])
    ]
    return or_(VolunteerSite.person_id.in_(taught), *found)


def _has(text: str, words: str) -> bool:
    return words.casefold() in text.casefold()


def volunteers_file(
    database: Database, data: PersonalData, scope: str, site_id: UUID, wanted: VolunteersFilter
) -> Sheet:
    """The same as a table with how to reach them. That it was fetched, by what and how many, is on record."""
    with database.transaction(scope) as session:
        asked = matching(site_id, wanted).with_only_columns(func.count())
        facts = wanted.model_dump(exclude_none=True, exclude={"q"})
        record(session, "download", "volunteer_sites", site_id, site_id, rows=session.scalar(asked), **facts)

    def rows() -> Iterator[tuple[str, ...]]:
        last = 0
        while True:
            query = matching(site_id, wanted).where(VolunteerSite.row > last).order_by(VolunteerSite.row)
            with database.transaction(scope) as session:
                found = session.scalars(query.limit(AT_ONCE)).all()
                lines = _lines(session, data, site_id, found)
            yield from lines
            if len(found) < AT_ONCE:
                return
            last = found[-1].row

    return Sheet("volunteers", HEADINGS, rows())


def _lines(
    session: Session, data: PersonalData, site_id: UUID, found: Sequence[VolunteerSite]
) -> list[tuple[str, ...]]:
    people = [here.person_id for here in found]
    query = select(PersonSite, Volunteer.volunteer_number).join(Volunteer, Volunteer.person_id == PersonSite.person_id)
    rows = session.execute(query.where(PersonSite.person_id.in_(people), PersonSite.site_id == site_id)).all()
    told = {one.person_id: (one, number) for one, number in rows}
    all_shown(session, site_id, [(who, birth_date(data, one.birth_date)) for who, (one, _) in told.items()])
    return [
        (
            told[here.person_id][1],
            data.shown(told[here.person_id][0].name),
            data.readable(told[here.person_id][0].phone) or "",
            data.readable(told[here.person_id][0].email) or "",
            _named(SKILLS, here.skills),
            _named(PROFESSIONS, here.professions),
            _named(CATEGORIES, here.categories),
            here.area or "",
        )
        for here in found
        if here.person_id in told
    ]


def _named(listed: dict[str, Words], codes: Sequence[str]) -> str:
    """In both languages, like the headings: whoever gets the file is not who asked for it."""
    return "、".join(f"{listed[code].zh} {listed[code].en}" if code in listed else code for code in codes)
