"""What the views and functions of the subjects must say, counted from what is true in the city: slowly and obviously.

Each count gives the rows of one relation, as tuples, in any order. `COUNTS` names what to compare each with.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reporting.city import City
from tests.reporting.scene import an_id

Rows = list[tuple[Any, ...]]
DAY = timedelta(days=1)


def id_of(name: str | None) -> Any:
    return an_id(name) if name else None


def day_at(city: City, site: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(city.zones[site])).date()


def sums(rows: Iterable[tuple[tuple[Any, ...], tuple[int, ...]]]) -> Rows:
    """Figures added up by what they are of."""
    totals: dict[tuple[Any, ...], list[int]] = {}
    for key, figures in rows:
        total = totals.setdefault(key, [0] * len(figures))
        totals[key] = [a + b for a, b in zip(total, figures, strict=True)]
    return [(*key, *total) for key, total in totals.items()]


def activities(city: City) -> Rows:
    rows = [(activity, city.about[activity.name]) for activity in city.activities]
    return [
        (
            id_of(activity.name),
            id_of(about["programme"]),
            id_of(about["team"]),
            about["volunteering"],
            about["service_category"],
            about["status"],
        )
        for activity, about in rows
    ]


def shift_times(city: City) -> Rows:
    rows = []
    for shift in city.shifts:
        starts, ends = city.starts[shift.name]
        hour = starts.astimezone(ZoneInfo(city.zones[shift.activity.site])).hour
        minutes = (ends - starts) // timedelta(minutes=1)
        rows.append((id_of(shift.name), shift.day, shift.day.isoweekday(), hour, minutes))
    return rows


def roles(city: City) -> Rows:
    hours = [(shift, (shift.day.toordinal() * 5 + shift.capacity) % 24) for shift in city.shifts]
    return [(id_of(shift.name), f"第{hour}时", f"hour {hour}") for shift, hour in hours]


def sign_ups(city: City) -> Rows:
    return [
        (
            id_of(name),
            fact["channel"],
            id_of(fact["team"]),
            fact["signed_up_at"],
            fact.get("cancelled_at"),
            fact.get("reason"),
            fact.get("was_waitlisted"),
            fact.get("notice"),
        )
        for name, fact in city.facts.items()
    ]


def cancellations(city: City) -> Rows:
    cancelled = [(r, city.facts[r.name]) for r in city.registrations if r.status == "cancelled"]
    return sums(
        (
            (id_of(r.shift.activity.site), r.shift.day, fact["reason"].value, fact["was_waitlisted"]),
            (1, fact["notice"] < 24 * 60),
        )
        for r, fact in cancelled
    )


def parts(city: City) -> Rows:
    return [(id_of(name), id_of(who), role) for name, those in city.parts.items() for who, role in those]


def bookings(city: City) -> Rows:
    return sums(
        (
            (id_of(b.site), b.day, id_of(b.room), b.purpose, id_of(b.team)),
            (
                b.status == "confirmed",
                b.minutes if b.status == "confirmed" else 0,
                b.status == "requested",
                b.status == "declined",
                b.status == "cancelled",
            ),
        )
        for b in city.bookings
    )


def hours(city: City) -> Rows:
    standing = [r for r in city.records if not r.corrected and r.minutes]
    return sums(
        (
            (id_of(r.site), r.day, r.how, id_of(r.registration.shift.activity.name) if r.registration else None),
            (r.minutes, 1, r.late),
        )
        for r in standing
    )


def certificates(city: City) -> Rows:
    return sums(
        ((id_of(one["site"]), day_at(city, one["site"], one["issued_at"])), (1, one["minutes"], one["revoked"]))
        for one in city.certificates.values()
    )


def clones(city: City) -> Rows:
    rows = []
    for (name, where), clone in city.clones.items():
        states = Counter(
            city.about[a.name]["status"]
            for a in city.activities
            if a.site == where and city.about[a.name]["programme"] == name
        )
        counted = (states["open"], states["completed"], states["cancelled"])
        rows.append((id_of(where), clone["first_day"], id_of(name), clone["version"], clone["activities"], *counted))
    return rows


def designations(city: City, day: date) -> Rows:
    return [
        (id_of(name),)
        for name, one in city.designations.items()
        if one["valid_from"] <= day < (one["valid_until"] or date.max) and day < (one["revoked_on"] or date.max)
    ]


def teams(city: City, day: date) -> Rows:
    return [
        (id_of(t.site), id_of(t.name), t.kind)
        for t in city.teams
        if day_at(city, t.site, t.since) <= day and not (t.ended_at and day_at(city, t.site, t.ended_at) <= day)
    ]


def members(city: City, day: date) -> Rows:
    """Each person once in a team, in the role that was told last."""
    found: dict[tuple[str, int], tuple[datetime, str, str]] = {}
    for member in city.members:
        site = member.team.site
        if member.left_at is None or day_at(city, site, member.left_at) > day:
            key = (member.team.name, city.counted_as(member.person))
            said = [(at, role, site) for at, role in member.roles if day_at(city, site, at) <= day]
            said += [found[key]] if key in found else []
            if said:
                found[key] = max(said)
    return [(id_of(site), id_of(team), person, role) for (team, person), (_, role, site) in found.items()]


def volunteers(city: City, day: date) -> Rows:
    """Each person once at a site, as they registered first, with what they offered last."""
    found: dict[tuple[str, int], tuple[Any, ...]] = {}
    for one in city.volunteers:
        offers = [categories for at, categories in one.offers if day_at(city, one.site, at) <= day]
        ended = one.ended_at and day_at(city, one.site, one.ended_at) <= day
        if offers and not ended:
            key = (one.site, city.counted_as(one.person))
            row = (one.since, one.how, one.age_band, offers[-1])
            found[key] = min(row, found.get(key, row), key=lambda row: row[0])
    return [(id_of(site), person, *row) for (site, person), row in found.items()]


COUNTS: dict[str, Callable[[City], Rows]] = {
    "SELECT activity_id, programme_id, team_id, volunteering, service_category, status FROM activities": activities,
    "SELECT shift_id, day, weekday, hour, minutes FROM shift_times": shift_times,
    "SELECT shift_id, role_zh, role_en FROM shifts": roles,
    "SELECT registration_id, channel, team_id, signed_up_at, cancelled_at, cancel_reason, was_waitlisted,"
    " notice_minutes FROM facts": sign_ups,
    "TABLE cancellation_source": cancellations,
    "SELECT activity_id, organisation_id, role FROM activity_organisations": parts,
    "TABLE booking_source": bookings,
    "TABLE hours_source": hours,
    "TABLE certificate_source": certificates,
    "TABLE clone_source": clones,
}

COUNTS_ON_A_DAY: dict[str, Callable[[City, date], Rows]] = {
    "SELECT designation_id FROM designations_on(:day)": designations,
    "SELECT * FROM teams_on(:day)": teams,
    "SELECT * FROM members_on(:day)": members,
    "SELECT site_id, person_number, since, how, age_band, categories FROM volunteers_on(:day)": volunteers,
}
