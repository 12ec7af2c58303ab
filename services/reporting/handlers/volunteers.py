"""Volunteers of sites.

What was told is kept as it came, and `volunteer_spells` makes of it who was a volunteer when: a change or an end may
be told of whoever they were merged into, in another partition.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, times_of

# Arrays of arrays must all be of one length in PostgreSQL, so lists of categories are JSON.
SAVE_CHANGES = text("""
INSERT INTO volunteer_changes (site_id, person_number, at, what, age_band, how, categories)
SELECT site_id, person_number, at, :what, age_band, how, cast(categories AS jsonb)
FROM unnest(cast(:site_id AS uuid[]), cast(:person_number AS bigint[]), cast(:at AS timestamptz[]),
            cast(:age_band AS text[]), cast(:how AS text[]), cast(:categories AS text[]))
     AS i (site_id, person_number, at, age_band, how, categories)
ON CONFLICT (site_id, person_number, at) DO UPDATE SET
    what = excluded.what, age_band = excluded.age_band, how = excluded.how, categories = excluded.categories
""")


def on_volunteers_registered(session: Session, events: Sequence[Received]) -> None:
    """People became volunteers of a site."""
    data = [event.data for event in events]
    _save(session, events, "registered", columns_of(data, "age_band", "how") | _categories(data))


def on_volunteers_changed(session: Session, events: Sequence[Received]) -> None:
    """Volunteers offer other kinds of service."""
    _save(session, events, "changed", _categories([event.data for event in events]))


def on_volunteers_ended(session: Session, events: Sequence[Received]) -> None:
    """Volunteers of a site were erased there: from now on they are none, what they did counts on."""
    _save(session, events, "ended", {})


def _categories(data: Sequence[Any]) -> dict[str, list[Any]]:
    return {"categories": [json.dumps(one.categories) for one in data]}


def _save(session: Session, events: Sequence[Received], what: str, said: dict[str, list[Any]]) -> None:
    unsaid = dict.fromkeys(("age_band", "how", "categories"), [None] * len(events))
    columns = unsaid | columns_of([event.data for event in events], "site_id", "person_number") | said
    session.execute(SAVE_CHANGES, {**columns, "at": times_of(events), "what": what})
