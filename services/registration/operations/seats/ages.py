"""How old somebody must be: what a site sets, and the law for minors; looked at again when an offer is taken up.

Sign-ups are checked in the database (`migrations/versions/0004_sign_up.sql`), transfers too, for they are sign-ups.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import INVALID, Problem, Words
from services.common.events import AgeBand
from services.registration.models import Activity, PersonSite, Registration, Shift, Site
from services.registration.operations.seats.verdicts import UNMET, guardian_needed, too_young
from services.registration.personal_data import PersonalData, age_on

LAW, VOLUNTEERING = 14, 18
"""Below these ages a guardian agrees: to any activity, and to volunteering. A site may raise the first (`Site`)."""

SPANS = {
    AgeBand.UNDER_14: (0, 13),
    AgeBand.FROM_14: (14, 17),
    AgeBand.FROM_18: (18, 34),
    AgeBand.FROM_35: (35, 59),
    AgeBand.FROM_60: (60, 150),
}
"""The youngest and oldest age of each band."""

NOT_ON_RECORD = Words(
    "此活动须核对年龄，而站点还没有出生日期。请先请站点补填，再接受名额。",
    "This activity is for certain ages, and the site has no date of birth. Have the site add it, then accept.",
)


def guardian_below(site: Site, activity: Activity) -> int:
    """Below which age a guardian must agree."""
    return VOLUNTEERING if activity.volunteering else site.guardian_below


def asks_age(site: Site, activity: Activity, shift: Shift) -> bool:
    """Whether whoever signs up must say when they were born. Where only the law's 14 counts, children alone do."""
    asked = shift.requirements
    of_site = site.minimum_age > 0 or guardian_below(site, activity) > LAW
    return of_site or "min_age" in asked or "max_age" in asked


def check_age(session: Session, data: PersonalData, registration: Registration, shift: Shift) -> None:
    """Raise why the person may not have this place: too young, no guardian's consent, or nobody knows their age."""
    site, activity = session.get_one(Site, shift.site_id), session.get_one(Activity, shift.activity_id)
    born = _born(session, data, registration)
    if born is None:
        if asks_age(site, activity, shift):
            raise Problem(UNMET, NOT_ON_RECORD, unmet="age")
        return
    if age_on(born, shift.local_day) < site.minimum_age:
        raise Problem(UNMET, too_young(site.minimum_age), unmet="age")
    limit = guardian_below(site, activity)
    is_minor = age_on(born, datetime.now(ZoneInfo(site.time_zone)).date()) < limit
    if is_minor and not _agreed(session, registration, activity):
        raise Problem(INVALID, guardian_needed(limit))


def no_longer_may(session: Session, registration: Registration, shift: Shift) -> bool:
    """Whether the person, by the band of their age at sign-up, for certain could not sign up any more: since then the
    site, the activity or the shift came to ask for other ages, or a guardian took their consent back."""
    if registration.age_band not in SPANS:
        return False
    youngest, oldest = SPANS[AgeBand(registration.age_band)]
    site, activity = session.get_one(Site, shift.site_id), session.get_one(Activity, shift.activity_id)
    asked = shift.requirements
    # A birthday may lie between the sign-up and the shift.
    if oldest + 1 < max(site.minimum_age, asked.get("min_age") or 0) or youngest > (asked.get("max_age") or oldest):
        return True
    return oldest < guardian_below(site, activity) and not _agreed(session, registration, activity)


def _agreed(session: Session, registration: Registration, activity: Activity) -> bool:
    """Whether a guardian agreed to this place. A consent to a text that has been replaced by one that asks again counts
    no more, for who waits either."""
    whose = registration.person_id, registration.site_id
    return bool(session.scalar(select(func.guardian_agreed(*whose, activity.volunteering, registration.id))))


def _born(session: Session, data: PersonalData, registration: Registration) -> date | None:
    """What the registration's site was told, of the person or of who they were before a merge."""
    whose = select(func.persons_of(registration.person_id))
    query = select(PersonSite.birth_date).where(
        PersonSite.person_id.in_(whose),
        PersonSite.site_id == registration.site_id,
        PersonSite.birth_date.is_not(None),
    )
    told = session.scalars(query.order_by(PersonSite.created_at)).first()
    return date.fromisoformat(data.decrypt(told)) if told else None
