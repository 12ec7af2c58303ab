"""Sign-ups within a transaction of somebody else: a team's members, or who takes over a place.

They go through the function `sign_up` like everybody, so that there is one place for the rules.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.errors import UNAVAILABLE, Problem, Words
from services.registration.models import Person, PersonSite, Shift, Site
from services.registration.operations.people.identity import across_sites
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.verdicts import refusal
from services.registration.schemas.registrations import SignUpBody

CHANGED = Words("资料刚刚有更改，请再试一次。", "The person's details were just changed. Please try again.")
CALL = text("SELECT n, verdict, answer FROM sign_up(cast(:requests AS jsonb), true) ORDER BY n")


@dataclass(frozen=True)
class Verdict:
    """What became of one of them: the registration as it is answered, or why there is none."""

    body: SignUpBody
    answer: dict[str, Any] | None
    problem: Problem | None


def sign_up_within(
    session: Session,
    sign_ups: SignUps,
    site_id: UUID,
    wanted: Sequence[tuple[UUID, SignUpBody]],
    in_transfer: bool = False,
    raising: bool = False,
    **facts: Any,
) -> list[Verdict]:
    """Sign people up for shifts, each with a verdict; with `raising` the first refusal rises. Nobody twice.

    `facts` (team_id, group_id) are the same for all.
    """
    session.flush()
    if not wanted:
        return []
    # Ages come along, so that all are decided in one call: who needed a second one would go last.
    ages = _ages(session, sign_ups, site_id, wanted)
    requests = [
        sign_ups.request(site_id, shift_id, body, None) | ages[n] | {"n": n, "in_transfer": in_transfer, **facts}
        for n, (shift_id, body) in enumerate(wanted)
    ]
    with across_sites(session):
        # The function itself sets that scope, which would last until the commit.
        found = _call(session, requests)
    verdicts = [_verdict(body, *found[n]) for n, (_, body) in enumerate(wanted)]
    for verdict in verdicts:
        if raising and verdict.problem:
            raise verdict.problem
    session.expire_all()
    return verdicts


def _ages(
    session: Session, sign_ups: SignUps, site_id: UUID, wanted: Sequence[tuple[UUID, SignUpBody]]
) -> list[dict[str, Any]]:
    """How old each is, by what the site was told, as the function `sign_up` asks for it."""
    zone = session.scalars(select(Site.time_zone).where(Site.id == site_id)).one()
    query = select(Shift.id, Shift.local_day).where(Shift.id.in_({shift_id for shift_id, _ in wanted}))
    days = {row.id: row.local_day for row in session.execute(query)}
    told = (
        select(Person.id, PersonSite.birth_date)
        .join(PersonSite, PersonSite.person_id == func.coalesce(Person.merged_into, Person.id))
        .where(Person.id.in_([body.person_id for _, body in wanted]), PersonSite.site_id == site_id)
    )
    born = {row.id: row.birth_date for row in session.execute(told)}
    ages = []
    for shift_id, body in wanted:
        stored = born.get(body.person_id)
        answer = {"birth_date": stored.decode() if stored else None, "time_zone": zone}
        day = days.get(shift_id)
        ages.append(sign_ups.age(body, answer | {"local_day": str(day)}) if day else {})
    return ages


def new_group() -> str:
    """An id for people who are signed up together."""
    return str(uuid4())


def _call(session: Session, requests: list[dict[str, Any]]) -> dict[int, tuple[str, dict[str, Any]]]:
    rows = session.execute(CALL, {"requests": json.dumps(requests, ensure_ascii=False)})
    return {row.n: (row.verdict, row.answer or {}) for row in rows}


def _verdict(body: SignUpBody, verdict: str, answer: dict[str, Any]) -> Verdict:
    if verdict == "accepted":
        return Verdict(body, answer, None)
    if verdict == "birth_date":
        return Verdict(body, None, Problem(UNAVAILABLE, CHANGED))
    return Verdict(body, None, refusal(verdict, answer, by_id=True))
