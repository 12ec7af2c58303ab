"""The facts behind one figure of the participation report, without anybody's identity.

    facts = facts_behind(session, scope, Behind("no_shows", first, last, {"kind": "class"}), after, limit)

What a fact adds to a figure is said by the figure's own meaning, asked of that one fact: `adds` summed over all of them
is the figure, and distinct `counted` persons are the people.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from services.reporting.operations.measures import COUNTED, PEOPLE
from services.reporting.operations.participation import participation
from services.reporting.operations.scope import Scope

BEHIND = (*COUNTED, *PEOPLE)
"""Figures that have facts behind them. Activities, shifts and seats are told of in the activities themselves."""

LIMITS = ("kind", "age_band")

BEFORE_ALL = UUID(int=0)

# In the order of what is unique and never changes, so that a list that is read page by page neither leaves out nor
# repeats a fact that others come before or leave.
FACTS = """
SELECT x.registration_id, x.site_id AS site, x.shift_id AS shift, x.activity_id AS activity, x.day, x.kind, x.age_band,
       x.status, x.promoted, x.outcome, x.service_minutes, x.places, {adds} AS adds,
       coalesce(into_number, x.person_number) AS counted
FROM facts AS x LEFT JOIN counted_as USING (person_number)
WHERE x.site_id = ANY(cast(:sites AS uuid[])) AND x.day BETWEEN :first AND :last AND x.registration_id > :after {limits}
GROUP BY x.registration_id, into_number HAVING {adds} <> 0
ORDER BY x.registration_id LIMIT :limit
"""


@dataclass(frozen=True)
class Behind:
    """One figure of a scope: of these days, and of one kind or age band where `only` names it."""

    figure: str
    first: date
    last: date
    only: Mapping[str, str] = field(default_factory=dict)


def figure_of(session: Session, scope: Scope, behind: Behind) -> int:
    """The figure as the report has it in this snapshot."""
    only = {name: [code] for name, code in behind.only.items()}
    *_, total = participation(session, scope, behind.first, behind.last, (), only)
    return int(total[behind.figure])


def facts_behind(session: Session, scope: Scope, behind: Behind, after: UUID, limit: int) -> list[RowMapping]:
    """The facts that add to it and follow `after`, at most so many; of people, all those for which they count."""
    meaning = COUNTED.get(behind.figure) or f"count(*) FILTER (WHERE {PEOPLE[behind.figure]})"
    limits = "".join(f" AND x.{name} = :{name}" for name in LIMITS if name in behind.only)
    asked: dict[str, Any] = {"first": behind.first, "last": behind.last, "after": after, "limit": limit, **behind.only}
    statement = text(FACTS.format(adds=meaning, limits=limits))
    return list(session.execute(statement, asked | {"sites": [one.site_id for one in scope.places]}).mappings())


class Pseudonyms:
    """What persons are called in one answer: two facts of one person are seen to be one's, and the same person has
    another name in every other answer. `answer` is what makes this one different, and need not be secret."""

    def __init__(self, secret: str, answer: str) -> None:
        self._key = hmac.digest(secret.encode(), f"hesheng pseudonyms {answer}".encode(), hashlib.sha256)

    def of(self, number: int) -> str:
        """Of the person who counts as this number."""
        return hmac.new(self._key, str(number).encode(), hashlib.sha256).hexdigest()[:20]
