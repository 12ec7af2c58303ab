"""Volunteers: registered at a site, edited, shown with a masked ID number, which is revealed for a reason on record.

What a volunteer tells a site stays with that site, like all else that people tell sites: staff of one centre need not
know which skills, sex or ID number a neighbour told another. Installation-wide are only the volunteer number and the
hash by which one ID number is the same person everywhere.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.errors import INVALID, FieldError, Problem, Words, invalid, not_found
from services.common.events import VolunteerChanged, VolunteerRegistered
from services.common.outbox import add_events
from services.registration.id_numbers import fault, masked
from services.registration.models import Area, Person, PersonSite, Volunteer, VolunteerSite
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import record_consent
from services.registration.operations.people.identity import (
    Details,
    across_sites,
    age_at_site,
    day_at_site,
    know,
    lock_identities,
    person_now,
)
from services.registration.operations.people.minors_shown import ADULT, all_shown, birth_date, shown
from services.registration.operations.people.people import keeps_email
from services.registration.operations.people.representatives import ask_guardian, save_representative
from services.registration.operations.people.volunteer_ids import claim_id_number, drop_id_number, volunteer_of
from services.registration.personal_data import PersonalData, age_band
from services.registration.schemas.own_volunteer import OwnVolunteerBody
from services.registration.schemas.volunteers import (
    NewVolunteer,
    VolunteerAnswer,
    VolunteerEdit,
    VolunteerListed,
    VolunteerMade,
)

PLAIN = ("area", "skills", "professions", "categories")


def register_volunteer(
    session: Session, data: PersonalData, site_id: UUID, body: NewVolunteer, made_by: str
) -> VolunteerMade:
    """A person becomes a volunteer of the site. Raises 409 where they are one already, 422 for a minor alone.

    An ID number that was told online is kept, and neither finds nor ties anybody: whoever knows a neighbour's would
    become them. Staff see whose document it is (`check_id_number`).
    """
    _check_minor(session, site_id, body)
    _check_area(session, body.area)
    seen = body.id_number if body.how != "online" else None
    details = Details(body.name, body.phone, body.email, body.birth_date, body.language, seen)
    with across_sites(session):
        known = know(session, data, site_id, details)
        volunteer = volunteer_of(session, known.person_id, data.id_number_hash(seen) if seen else None)
        if session.get(VolunteerSite, (known.person_id, site_id)) is not None:
            raise conflict(
                f"此人已是本站点的志愿者：{volunteer.volunteer_number}。",
                f"This person is a volunteer of this site already: {volunteer.volunteer_number}.",
            )
        here = add_volunteer(session, data, site_id, known.person_id, body)
    other = keeps_email(session, data, site_id, known, body.email, body.replace_email)
    # The guardian first: their consent says whose it is.
    asked = _tell_guardian(session, data, site_id, known.person_id, body)
    _record_consents(session, site_id, known.person_id, body, made_by)
    tell_registered(session, here, body.birth_date, body.how)
    return VolunteerMade(
        person_id=known.person_id,
        volunteer_number=volunteer.volunteer_number,
        is_new_person=known.is_new,
        guardian_asked=asked,
        other_email=other,
        version=here.version,
    )


def add_volunteer(
    session: Session, data: PersonalData, site_id: UUID, person_id: UUID, body: NewVolunteer | OwnVolunteerBody
) -> VolunteerSite:
    """What a person whom the site knows tells it as a volunteer; their number is there already (`volunteer_of`)."""
    here = VolunteerSite(
        person_id=person_id,
        site_id=site_id,
        sex=data.encrypt(body.sex),
        id_number=data.encrypt(body.id_number) if body.id_number else None,
        encrypted_with=data.newest_key,
        **{name: getattr(body, name) for name in PLAIN},
    )
    session.add(here)
    session.flush()
    return here


def tell_registered(session: Session, here: VolunteerSite, born: date, how: str) -> None:
    """Let the others know of a new volunteer."""
    told = VolunteerRegistered(
        person_id=here.person_id,
        person_number=person_number(session, here.person_id),
        site_id=here.site_id,
        categories=here.categories,
        age_band=age_band(born, day_at_site(session, here.site_id)),
        how=how,
    )
    add_events(session, [told])


def person_number(session: Session, person_id: UUID) -> int:
    """The person's dense number."""
    return session.scalars(select(Person.number).where(Person.id == person_id)).one()


def _check_minor(session: Session, site_id: UUID, body: NewVolunteer) -> None:
    age = age_at_site(session, site_id, body.birth_date)
    if age < 14 and not body.guardian_consent:
        raise invalid(
            "guardian_consent",
            Words("未满 14 岁须先取得监护人同意。", "is needed under 14, before anything is recorded."),
        )
    if age < ADULT and body.guardian is None:
        raise invalid("guardian", Words("未满 18 岁须填写监护人。", "is needed under 18."))


def _check_area(session: Session, code: str | None) -> None:
    if code is not None and session.get(Area, code) is None:
        raise invalid("area", Words("没有这个区划。", "is no known area."))


def _record_consents(session: Session, site_id: UUID, person_id: UUID, body: NewVolunteer, made_by: str) -> None:
    kinds = [("terms", "person")]
    kinds += [("sensitive_id_number", "person")] if body.id_number else []
    kinds += [("guardian_volunteering", "guardian")] if body.guardian and body.guardian_consent else []
    for kind, by in kinds:
        record_consent(session, site_id, person_id, newest_text(session, kind), by, body.how, made_by)


def _tell_guardian(session: Session, data: PersonalData, site_id: UUID, person_id: UUID, body: NewVolunteer) -> bool:
    if body.guardian is None:
        return False
    save_representative(session, data, site_id, person_id, "guardian", body.guardian, confirmed=body.how != "online")
    grown_up = age_at_site(session, site_id, body.birth_date) >= ADULT
    if body.guardian_consent or body.guardian.email is None or grown_up:
        return False
    ask_guardian(session, data, site_id, person_id)
    return True


def edit_volunteer(
    session: Session,
    data: PersonalData,
    site_id: UUID,
    person_id: UUID,
    body: VolunteerEdit,
    expected: Versions,
    made_by: str,
) -> VolunteerAnswer:
    """Correct what a volunteer told the site; `id_number: null` deletes it. Raises 404, 409, 412, 422."""
    person_id = person_now(session, person_id)
    changes = body.model_dump(exclude_unset=True)
    changes.pop("id_number_consent", None)
    _check_area(session, body.area)
    if body.id_number:
        lock_identities(session, [data.id_number_hash(body.id_number)])
    query = select(VolunteerSite).where(VolunteerSite.person_id == person_id, VolunteerSite.site_id == site_id)
    here = session.scalars(locked(query)).one_or_none()
    if here is None:
        raise not_found("这位志愿者", "volunteer")
    check_version(here.version, expected)
    before = here.categories
    assign(here, {name: changes[name] for name in PLAIN if name in changes})
    if "sex" in changes:
        here.sex = data.encrypt(body.sex)
        here.version += 1
    if "id_number" in changes:
        _change_id_number(session, data, here, body, made_by)
    if here.encrypted_with != data.newest_key:
        here.encrypted_with = ""
    session.flush()
    if here.categories != before:
        whose = {"person_id": person_id, "person_number": person_number(session, person_id), "site_id": site_id}
        add_events(session, [VolunteerChanged(**whose, categories=here.categories)])
    return find_volunteer(session, data, site_id, person_id)


def _change_id_number(
    session: Session, data: PersonalData, here: VolunteerSite, body: VolunteerEdit, made_by: str
) -> None:
    drop_id_number(session, here.site_id, here.person_id)
    if body.id_number is None:
        return
    told = session.get_one(PersonSite, (here.person_id, here.site_id))
    born = data.decrypt(told.birth_date) if told.birth_date else None
    wrong = fault(body.id_number, date.fromisoformat(born), data.decrypt(here.sex)) if born else None
    errors = [FieldError("id_number", wrong)] if wrong else []
    if not body.id_number_consent:
        errors.append(FieldError("id_number_consent", Words("身份证号码须另行同意。", "is needed for an ID number.")))
    if errors:
        raise Problem(INVALID, errors[0].message, errors)
    id_hash = data.id_number_hash(body.id_number)
    with across_sites(session):
        claim_id_number(session, here.person_id, id_hash)
    here.id_number = data.encrypt(body.id_number)
    here.version += 1
    text = newest_text(session, "sensitive_id_number")
    record_consent(session, here.site_id, here.person_id, text, "person", "site", made_by)


def find_volunteer(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> VolunteerAnswer:
    """A volunteer as this site knows them; of the ID number the last four. Raises 404."""
    person_id = person_now(session, person_id)
    here = session.get(VolunteerSite, (person_id, site_id))
    told = session.get(PersonSite, (person_id, site_id))
    if here is None or told is None:
        raise not_found("这位志愿者", "volunteer")
    born = birth_date(data, told.birth_date)
    shown(session, site_id, person_id, born)
    volunteer, number = session.get_one(Volunteer, person_id), data.readable(here.id_number)
    return VolunteerAnswer(
        person_id=person_id,
        volunteer_number=volunteer.volunteer_number,
        name=data.shown(told.name),
        sex=data.readable(here.sex),
        birth_date=born,
        phone=data.readable(told.phone),
        email=data.readable(told.email),
        id_number=masked(number) if number else None,
        id_number_checked=number is not None and volunteer.id_number_hash == data.id_number_hash(number),
        version=here.version,
        **{name: getattr(here, name) for name in PLAIN},
    )


def check_id_number(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> VolunteerAnswer:
    """Staff saw the document: from now on the number that the volunteer told is theirs, at every site. Raises 404, 409
    where it is somebody else's."""
    query = select(VolunteerSite).where(
        VolunteerSite.person_id == person_now(session, person_id), VolunteerSite.site_id == site_id
    )
    here = session.scalars(query).one_or_none()
    if here is None or here.id_number is None:
        raise not_found("身份证号码", "ID number")
    id_hash = data.id_number_hash(data.decrypt(here.id_number))
    lock_identities(session, [id_hash])
    with across_sites(session):
        claim_id_number(session, here.person_id, id_hash)
    return find_volunteer(session, data, site_id, here.person_id)


def list_volunteers(session: Session, data: PersonalData, rows: Sequence[VolunteerSite]) -> list[VolunteerListed]:
    """These rows, all of one site, with name and number."""
    if not rows:
        return []
    site_id, people = rows[0].site_id, [here.person_id for here in rows]
    found = select(PersonSite).where(PersonSite.person_id.in_(people), PersonSite.site_id == site_id)
    told = {one.person_id: one for one in session.scalars(found)}
    volunteers = session.scalars(select(Volunteer).where(Volunteer.person_id.in_(people)))
    numbers = {one.person_id: one.volunteer_number for one in volunteers}
    all_shown(session, site_id, [(person_id, birth_date(data, one.birth_date)) for person_id, one in told.items()])
    return [
        VolunteerListed(
            person_id=here.person_id,
            volunteer_number=numbers[here.person_id],
            name=data.shown(told[here.person_id].name),
            skills=here.skills,
            professions=here.professions,
            categories=here.categories,
            area=here.area,
        )
        for here in rows
    ]


def reveal_id_number(session: Session, data: PersonalData, site_id: UUID, person_id: UUID, reason: str) -> str:
    """The whole ID number; who read it and why is on record with the reading. Raises 404."""
    here = session.get(VolunteerSite, (person_now(session, person_id), site_id))
    if here is None or here.id_number is None:
        raise not_found("身份证号码", "ID number")
    record(session, "reveal", "volunteer_sites", here.person_id, site_id, reason=reason)
    return data.decrypt(here.id_number)
