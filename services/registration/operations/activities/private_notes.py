"""What the volunteers of a shift must know of whom they serve: an elder's name, the address of a visit.

The person served is named to nobody but the confirmed volunteers of the shift whom staff know, from the sign-up until a
day after its end, and to staff, whose reading is on record. Staff know whom they signed up themselves, whoever has a
service record at the site, and whoever is checked in: anybody can have a place by a name on the web. It is in no event,
mail or export, and is deleted 30 days after the end.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.audit import record
from services.registration.models import Registration, ServiceRecord, Shift, ShiftNote
from services.registration.operations import Versions, assign, check_version
from services.registration.operations.hours.attendance import find_shift
from services.registration.operations.seats.seats import lock_shift
from services.registration.personal_data import PersonalData
from services.registration.schemas.private_notes import NoteAnswer

READ_UNTIL = timedelta(days=1)
KEPT_FOR = timedelta(days=30)
BY_STAFF = ("desk", "phone", "proxy")
"""How staff of a site with a system of its own sign people up; its form on the web says `site`."""


def write_note(session: Session, data: PersonalData, shift_id: UUID, text: str, expected: Versions) -> NoteAnswer:
    """Write the note of a shift, or, empty, delete it. `expected` is 0 where there was none. Raises 404 and 412."""
    shift = lock_shift(session, shift_id)
    note = session.get(ShiftNote, shift_id, populate_existing=True)
    check_version(note.version if note else 0, expected)
    sealed = {"note": data.encrypt(text), "encrypted_with": data.newest_key} if text else {}
    if note is None and text:
        session.add(ShiftNote(shift_id=shift.id, site_id=shift.site_id, version=1, **sealed))
    elif note is not None and text:
        assign(note, sealed)
    elif note is not None:
        session.delete(note)
    session.flush()
    return _answer(session, data, shift_id)


def read_note(session: Session, data: PersonalData, shift_id: UUID) -> NoteAnswer:
    """The note, for staff or their site: that it was read is on record. Raises 404."""
    shift = find_shift(session, shift_id)
    answer = _answer(session, data, shift_id)
    if answer.note:
        record(session, "read", "shift_notes", shift_id, shift.site_id)
    return answer


def note_for_volunteer(session: Session, data: PersonalData, registration_id: UUID) -> str | None:
    """The note of the shift that a registration gives a place on, None while staff do not know who has it; empty where
    there is none, for everybody else, and when it is over."""
    query = (
        select(ShiftNote.note, _known_to_staff().label("known"))
        .join(Registration, Registration.shift_id == ShiftNote.shift_id)
        .join(Shift, Shift.id == ShiftNote.shift_id)
        .where(
            Registration.id == registration_id,
            Registration.status == "confirmed",
            Shift.status == "open",
            Shift.ends_at > func.clock_timestamp() - READ_UNTIL,
        )
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return ""
    return data.shown(found.note) if found.known else None


def _known_to_staff() -> ColumnElement[bool]:
    entered_by_key = Registration.made_by.startswith("site:") & Registration.channel.in_(BY_STAFF)
    ids = select(func.persons_of(Registration.person_id)).correlate(Registration)
    here = ServiceRecord.person_id.in_(ids), ServiceRecord.site_id == Registration.site_id, ServiceRecord.minutes > 0
    served = exists(select(ServiceRecord.id).where(*here).correlate(Registration))
    entered = Registration.made_by.startswith("staff:") | entered_by_key
    return entered | Registration.checked_in_at.is_not(None) | served


def any_old_note(session: Session) -> bool:
    """Whether a note has had its time."""
    return bool(session.scalar(select(exists(_old()))))


def forget_notes(session: Session) -> int:
    """Delete what has had its time; returns how many."""
    gone = delete(ShiftNote).where(ShiftNote.shift_id.in_(_old())).returning(ShiftNote.shift_id)
    return len(session.scalars(gone).all())


def _old() -> Select[UUID]:
    over = Shift.ends_at < func.clock_timestamp() - KEPT_FOR
    return select(ShiftNote.shift_id).join(Shift, Shift.id == ShiftNote.shift_id).where(over)


def _answer(session: Session, data: PersonalData, shift_id: UUID) -> NoteAnswer:
    note = session.get(ShiftNote, shift_id, populate_existing=True)
    return NoteAnswer(
        shift_id=shift_id, note=data.decrypt(note.note) if note else "", version=note.version if note else 0
    )
