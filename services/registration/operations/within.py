"""Sign-ups within a transaction of somebody else: a team's members, or who takes over a place.

They go through the function `sign_up` like everybody, so that there is one place for the rules.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import Problem
from services.registration.operations.sign_up import SignUps
from services.registration.operations.verdicts import refusal
from services.registration.schemas.registrations import SignUpBody

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
    requests = [
        sign_ups.request(site_id, shift_id, body, None) | {"n": n, "in_transfer": in_transfer, **facts}
        for n, (shift_id, body) in enumerate(wanted)
    ]
    found = _call(session, requests)
    unread = [n for n, (verdict, _) in found.items() if verdict == "birth_date"]
    for n in unread:
        requests[n] |= sign_ups.age(site_id, wanted[n][1], found[n][1])
    if unread:
        found |= _call(session, [requests[n] for n in unread])
    # The function sees every site, and its scope lasts until the commit.
    session.execute(text("SELECT set_config('hesheng.site', :site, true)"), {"site": str(site_id)})
    verdicts = [_verdict(body, *found[n]) for n, (_, body) in enumerate(wanted)]
    for verdict in verdicts:
        if raising and verdict.problem:
            raise verdict.problem
    session.expire_all()
    return verdicts


def new_group() -> str:
    """An id for people who are signed up together."""
    return str(uuid4())


def _call(session: Session, requests: list[dict[str, Any]]) -> dict[int, tuple[str, dict[str, Any]]]:
    rows = session.execute(CALL, {"requests": json.dumps(requests, ensure_ascii=False)})
    return {row.n: (row.verdict, row.answer or {}) for row in rows}


def _verdict(body: SignUpBody, verdict: str, answer: dict[str, Any]) -> Verdict:
    if verdict == "accepted":
        return Verdict(body, answer, None)
    return Verdict(body, None, refusal(verdict, answer, by_id=True))
