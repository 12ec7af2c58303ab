"""The words of messages: which count, what they were before, putting others in their place.

What counts at a site is what its staff saved; else what the operator saved for all sites; else what is built in. Each
kind, channel and language by itself: where only one language was changed, the other keeps its words.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from services.common.errors import CHANGED_MEANWHILE, FORBIDDEN, Problem, Words, not_found
from services.notifications.models import Message, Template
from services.notifications.wording.builtin import Wording, built_in, tidied
from services.notifications.wording.checks import check
from services.notifications.wording.variables import KINDS, Channel, Language, TemplateKind

FAULT_DAYS = 30
"""For so long it is shown that words could not be used."""


class Origin(StrEnum):
    """Whose words count."""

    SITE = "site"
    EVERY_SITE = "every_site"
    BUILT_IN = "built_in"


@dataclass(frozen=True)
class Place:
    """Where words stand: a kind of message, by a channel, in a language."""

    kind: TemplateKind
    channel: Channel
    language: Language


@dataclass(frozen=True)
class Counting:
    """The words that count. `version` is that of the owner's own words, 0 where they never had any; `origin` is whose
    words these are, and `saved` the version that they are from, None for the built-in ones."""

    place: Place
    wording: Wording
    origin: Origin
    version: int
    saved: Template | None


def find_place(kind: str, channel: str, language: str) -> Place:
    """The place that these name. Raises 404 where there is none, as for an SMS that carries a link."""
    found = KINDS.get(kind)
    if found is None or channel not in found.channels or language not in list(Language):
        raise not_found("这种模板", "template")
    return Place(found, Channel(channel), Language(language))


def places() -> list[Place]:
    """All there are."""
    return [
        Place(kind, channel, language) for kind in KINDS.values() for channel in kind.channels for language in Language
    ]


def counting(session: Session, owner: UUID | None, place: Place) -> Counting:
    """What counts at a site (without one: for all sites) for one place."""
    rows = {row.site_id: row for row in session.scalars(select(Template).where(*_current(owner, place)))}
    return _judged(place, owner, rows)


def all_counting(session: Session, owner: UUID | None) -> list[Counting]:
    """What counts for every place."""
    rows: dict[tuple[str, str, str], dict[UUID | None, Template]] = {}
    for row in session.scalars(select(Template).where(Template.is_current, _of(owner))):
        rows.setdefault((row.kind, row.channel, row.language), {})[row.site_id] = row
    return [_judged(one, owner, rows.get((one.kind.name, one.channel, one.language), {})) for one in places()]


def _judged(place: Place, owner: UUID | None, rows: dict[UUID | None, Template]) -> Counting:
    own, everybody = rows.get(owner), rows.get(None)
    version = own.version if own else 0
    for row in (own, everybody):
        if row is not None and row.text is not None:
            origin = Origin.SITE if row.site_id else Origin.EVERY_SITE
            return Counting(place, wording_of(row), origin, version, row)
    return Counting(place, built_in(place.kind, place.channel, place.language), Origin.BUILT_IN, version, None)


def wording_of(row: Template) -> Wording:
    """The words that were saved."""
    return Wording(row.subject or "", row.text or "", row.note or "")


def save(
    session: Session, owner: UUID | None, place: Place, wording: Wording, expected: Collection[int] | None, actor: str
) -> Counting:
    """Put words in place of those that count; what is wrong with them is told at its field (422).

    Raises 403 for a kind whose words nobody may change, 412 when somebody else saved meanwhile.
    """
    _unlocked(place)
    words = tidied(place.kind, wording)
    check(place.kind, place.channel, place.language, words)
    return _add(session, owner, place, words, expected, actor, None)


def take_up(
    session: Session, owner: UUID | None, place: Place, version: int, expected: Collection[int] | None, actor: str
) -> Counting:
    """Take the words of an earlier version up again, as a new one. Version 0: no own words any more, so that those of
    all sites count, or the built-in ones."""
    _unlocked(place)
    words = None if version == 0 else _version(session, owner, place, version)
    if words is not None:
        check(place.kind, place.channel, place.language, words)
    return _add(session, owner, place, words, expected, actor, version)


def _version(session: Session, owner: UUID | None, place: Place, version: int) -> Wording | None:
    row = session.scalar(select(Template).where(*_own(owner, place), Template.version == version))
    if row is None:
        raise not_found("这一版", "version")
    return None if row.text is None else wording_of(row)


def _unlocked(place: Place) -> None:
    if place.kind.locked:
        raise Problem(FORBIDDEN, place.kind.locked)


def _add(
    session: Session,
    owner: UUID | None,
    place: Place,
    words: Wording | None,
    expected: Collection[int] | None,
    actor: str,
    taken_from: int | None,
) -> Counting:
    # Where there is no version yet there is no row to lock.
    about = f"template {owner} {place.kind.name} {place.channel} {place.language}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(about, 0))))
    newest = session.scalar(select(Template).where(*_own(owner, place), Template.is_current))
    version = newest.version if newest else 0
    if expected is not None and version not in expected:
        raise _changed_meanwhile(version)
    if newest is not None:
        newest.is_current = False
        session.flush()
    kept = vars(words) if words else {"subject": None, "text": None, "note": None}
    session.add(
        Template(
            site_id=owner,
            kind=place.kind.name,
            channel=place.channel.value,
            language=place.language.value,
            version=version + 1,
            is_current=True,
            taken_from=taken_from,
            saved_by=actor,
            **kept,
        )
    )
    session.flush()
    return counting(session, owner, place)


def _changed_meanwhile(version: int) -> Problem:
    return Problem(
        CHANGED_MEANWHILE,
        Words(
            f"现在是第 {version} 版。请重新读取后再修改。",
            f"It is at version {version} now. Read it again, then change it.",
        ),
    )


def history(session: Session, owner: UUID | None, place: Place) -> Sequence[Template]:
    """Every version of the owner's own words, the newest first."""
    return session.scalars(select(Template).where(*_own(owner, place)).order_by(Template.version.desc())).all()


def faults(session: Session) -> dict[int, int]:
    """By the id of words that could not be used: how many messages went out with the built-in ones of late."""
    since = func.now() - text(f"interval '{FAULT_DAYS} days'")
    found = session.execute(
        select(Message.template_id, func.count())
        .where(Message.template_fault.is_not(None), Message.created_at > since)
        .group_by(Message.template_id)
    )
    return {int(row[0]): int(row[1]) for row in found if row[0]}


def _own(owner: UUID | None, place: Place) -> tuple[ColumnElement[bool], ...]:
    return (
        Template.site_id == owner if owner else Template.site_id.is_(None),
        Template.kind == place.kind.name,
        Template.channel == place.channel.value,
        Template.language == place.language.value,
    )


def _of(owner: UUID | None) -> ColumnElement[bool]:
    return (Template.site_id == owner) | Template.site_id.is_(None) if owner else Template.site_id.is_(None)


def _current(owner: UUID | None, place: Place) -> tuple[ColumnElement[bool], ...]:
    return (*_own(None, place)[1:], Template.is_current.is_(True), _of(owner))
