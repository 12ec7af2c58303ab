"""Two who look like doubles and are two people: a decision that is kept, and can be taken back. A site's binds
sites; the operator, who sees more than one of them does, decides again."""

from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import TwoPeople
from services.registration.operations import conflict
from services.registration.operations.people.identity import across_sites, is_somebody, person_now

KNOWN_HERE = text("""
SELECT count(DISTINCT person_id) FROM person_sites WHERE person_id = ANY(:people) AND site_id = :site
""")


def keep_apart(session: Session, one: UUID, two: UUID, by: str, site_id: UUID | None) -> TwoPeople:
    """They are two people. Said twice it is one decision. Raises 404 for who is not known there, 409 for one person."""
    with across_sites(session):
        people = sorted({person_now(session, person_id) for person_id in (one, two)})
        if len(people) == 1:
            raise conflict("两者已是同一个人；请先撤销合并。", "These are one person already. Undo the merge first.")
        if not _are_known(session, people, site_id):
            raise not_found("这个人", "person")
        values = {"one": people[0], "two": people[1], "site_id": site_id, "made_by": by}
        keep = insert(TwoPeople).values(**values)
        if site_id is None:
            keep = keep.on_conflict_do_update(index_elements=["one", "two"], set_={"site_id": None, "made_by": by})
        session.execute(keep if site_id is None else keep.on_conflict_do_nothing())
        return session.scalars(_decision(*people)).one()


def _are_known(session: Session, people: list[UUID], site_id: UUID | None) -> bool:
    if site_id is None:
        return all(is_somebody(session, person_id) for person_id in people)
    return session.scalar(KNOWN_HERE, {"people": people, "site": site_id}) == len(people)


def take_back(session: Session, decision_id: UUID, site_id: UUID | None) -> None:
    """Whoever decided it looks again. Raises 404."""
    found = session.get(TwoPeople, decision_id)
    if found is None or (site_id is not None and found.site_id != site_id):
        raise not_found("这个决定", "decision")
    session.delete(found)
    session.flush()


def check_not_apart(session: Session, one: UUID, two: UUID, site_id: UUID | None) -> None:
    """Raise 409 where it was decided that they are two people; for the operator only where operators decided so."""
    found = session.scalars(_decision(*sorted((one, two)))).one_or_none()
    if found is not None and (site_id is not None or found.site_id is None):
        raise conflict(
            "已认定这是两个人；如有误，请先在重复人员页撤回这个决定。",
            "It was decided that they are two people. If that is wrong, take the decision back first.",
        )


def _decision(one: UUID, two: UUID) -> Select[TwoPeople]:
    return select(TwoPeople).where(TwoPeople.one == one, TwoPeople.two == two)
