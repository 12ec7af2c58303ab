"""Who is new: people of a row who had signed up for nothing before its first day, at its area or site, of any kind.

    new = newcomers(session, scope, first, last, ["month"], {})        # {("2026-03",): 12, …}

Before is all that reporting knows of, also from before the time that is asked about; a sign-up that was cancelled does
not count.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.reporting.operations.cells import NO_LIMITS, Key, Question, pieces_of
from services.reporting.operations.periods import in_months
from services.reporting.operations.pieces import Piece
from services.reporting.operations.scope import Scope
from services.reporting.operations.tree import read_tree

EARLIEST = text("SELECT least((SELECT min(month) FROM site_cells), (SELECT min(month) FROM dirty))")

PLACES = ("site", "area")


def newcomers(
    session: Session,
    scope: Scope,
    first: date,
    last: date,
    by: Sequence[str],
    only: Mapping[str, Sequence[str]] = NO_LIMITS,
) -> dict[Key, int]:
    """How many people of each row are new, by the row's key; of all together under () where there is no dimension."""
    question = Question(scope, first, last, by, only)
    rows = {key: piece.sets["people"] for key, piece in _pieces(session, question).items()}
    starts = {key: question.begins(key) for key in rows}
    before = _before(session, question, {(_where(by, key), starts[key]) for key in rows})
    return {key: len(people - before[_where(by, key), starts[key]]) for key, people in rows.items()}


def _where(by: Sequence[str], key: Key) -> Key:
    return tuple(code for name, code in zip(by, key, strict=True) if name in PLACES)


def _pieces(session: Session, question: Question) -> dict[Key, Piece]:
    months, _ = in_months(question.first, question.last)
    tree = read_tree(session, [place.site_id for place in question.scope.places], months)
    return pieces_of(session, tree, question)


def _before(session: Session, question: Question, wanted: set[tuple[Key, date]]) -> dict[tuple[Key, date], BitMap]:
    """Who was at a place before a day, for each wanted."""
    places = [name for name in question.by if name in PLACES]
    found: dict[tuple[Key, date], BitMap] = {}
    since = session.scalar(EARLIEST)
    so_far: dict[Key, BitMap] = defaultdict(BitMap)
    for day in sorted({day for _, day in wanted}):
        until = day - timedelta(days=1)
        if since is not None and since <= until:
            asked = Question(question.scope, since, until, places, NO_LIMITS)
            for where, piece in _pieces(session, asked).items():
                so_far[where] |= piece.sets["people"]
            since = day
        found |= {(where, day): so_far[where].copy() for where, of in wanted if of == day}
    return found
