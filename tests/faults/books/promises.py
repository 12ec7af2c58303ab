"""What clients were told, against the rows that are there."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.books.material import Finding, Material
from tests.faults.ledger import Told


def registrations_exist_as_acknowledged(material: Material) -> Iterator[Finding]:
    """Each acknowledged registration exists, for that person and shift, and lost no place that it was given."""
    ended = {id for id, told in material.ledger.cancels.items() if told is not Told.REFUSED} | given_up(material).keys()
    called_off = {id for id, told in material.ledger.shift_cancels.items() if told is not Told.REFUSED}
    for sign_up in material.ledger.sign_ups:
        if sign_up.told is not Told.ACKED:
            continue
        row = material.registrations.get(sign_up.registration_id)
        if row is None:
            yield Finding("lost", f"acknowledged registration {sign_up.registration_id} ({sign_up.key}) does not exist")
        elif (row.person_id, row.shift_id) != (sign_up.person_id, sign_up.shift_id):
            yield Finding("promise", f"registration {row.id} is of another person or shift than acknowledged")
        elif row.id not in ended and row.shift_id not in called_off and not _as_good(sign_up.status, row.status):
            yield Finding("promise", f"registration {row.id} was acknowledged as {sign_up.status}, is {row.status}")


def _as_good(told: str, now: str) -> bool:
    return now == "confirmed" or (told == "waitlisted" and now in ("waitlisted", "offered"))


def nobody_was_registered_twice(material: Material) -> Iterator[Finding]:
    """One key, one registration: also where the client never learnt what became of it."""
    names = Counter(material.person_names[row.person_id] for row in material.registrations.values())
    by_name = {sign_up.name: sign_up for sign_up in material.ledger.sign_ups if sign_up.name}
    again = Counter(
        material.person_names.get(sign_up.person_id, "") or str(sign_up.body.get("person_id"))
        for sign_up in material.ledger.sign_ups
        if not sign_up.name
    )
    for name, sign_up in by_name.items():
        allowed = 1 + again[name]
        if names[name] > allowed:
            yield Finding(
                "duplicated", f"{sign_up.key}: {names[name]} registrations of {name}, at most {allowed} asked for"
            )
    pairs = Counter(
        (row.person_id, row.shift_id) for row in material.registrations.values() if row.status != "cancelled"
    )
    for (person_id, shift_id), count in pairs.items():
        if count > 1:
            yield Finding("duplicated", f"person {person_id} has {count} places on shift {shift_id}")
    ids = Counter(s.registration_id for s in material.ledger.sign_ups if s.registration_id)
    for registration_id, count in ids.items():
        if count > 1:
            yield Finding("promise", f"registration {registration_id} was the answer to {count} different keys")


def refused_sign_ups_left_nothing(material: Material) -> Iterator[Finding]:
    """A new person whose sign-up was refused has no registration."""
    names = Counter(material.person_names[row.person_id] for row in material.registrations.values())
    for sign_up in material.ledger.sign_ups:
        if sign_up.told is Told.REFUSED and sign_up.name and names[sign_up.name]:
            yield Finding("promise", f"{sign_up.key} was refused, but {sign_up.name} is registered")


def overlaps_are_refused_with_reason(material: Material) -> Iterator[Finding]:
    """Who is told that they have a place at those hours already is told of their own, on another shift."""
    for sign_up in material.ledger.sign_ups:
        named = material.registrations.get(sign_up.clashes_with)
        if sign_up.clashes_with and (
            named is None or named.person_id != sign_up.body.get("person_id") or named.shift_id == sign_up.shift_id
        ):
            yield Finding("promise", f"{sign_up.key} was refused for {sign_up.clashes_with}, which is not theirs")


def given_up(material: Material) -> dict[str, str]:
    """Registration and its person, of those that the log says ended because another place was accepted."""
    return {
        entry.data["registration_id"]: entry.data["person_id"]
        for entry in material.log
        if entry.name == "registration.cancelled" and entry.data.get("reason") == "instead_of"
    }


def accepts_hold(material: Material) -> Iterator[Finding]:
    """Each accepted offer is a place, and who gave one up for it asked for that."""
    asked = {id for id, told in material.ledger.accepts.items() if told is not Told.REFUSED}
    ended = {id for id, told in material.ledger.cancels.items() if told is not Told.REFUSED} | given_up(material).keys()
    called_off = {id for id, told in material.ledger.shift_cancels.items() if told is not Told.REFUSED}
    for registration_id, told in material.ledger.accepts.items():
        row = material.registrations.get(registration_id)
        kept = row is not None and (row.status == "confirmed" or row.shift_id in called_off)
        if told is Told.ACKED and not kept and registration_id not in ended:
            yield Finding("lost", f"accepted offer {registration_id}: it is {row.status if row else 'gone'}")
    accepted = {row.person_id for row in material.registrations.values() if row.id in asked}
    for registration_id, person_id in given_up(material).items():
        if person_id not in accepted:
            yield Finding("promise", f"registration {registration_id} was given up for an offer that nobody accepted")


def cancels_hold(material: Material) -> Iterator[Finding]:
    """Each acknowledged cancel is a cancelled registration, and nothing else was cancelled."""
    instead = given_up(material)
    for registration_id, told in material.ledger.cancels.items():
        row = material.registrations.get(registration_id)
        if told is Told.ACKED and (row is None or row.status != "cancelled"):
            yield Finding("lost", f"acknowledged cancel of {registration_id}: it is {row.status if row else 'gone'}")
    called_off = {id for id, told in material.ledger.shift_cancels.items() if told is not Told.REFUSED}
    unknown = {s.shift_id for s in material.ledger.sign_ups if s.told is Told.UNKNOWN}
    for row in material.registrations.values():
        asked = material.ledger.cancels.get(row.id, Told.REFUSED) is not Told.REFUSED
        asked = asked or row.id in instead
        if row.status == "cancelled" and not asked and row.shift_id not in called_off | unknown:
            yield Finding("promise", f"registration {row.id} is cancelled, which nobody asked for")


def attendance_holds(material: Material) -> Iterator[Finding]:
    """What was last acknowledged of a registration's attendance is what its row says."""
    for registration_id, noted in material.ledger.attendance.items():
        row = material.registrations.get(registration_id)
        if noted.unsure or not noted.outcome or row is None:
            continue
        if (row.outcome, row.service_minutes) != (noted.outcome, noted.minutes):
            yield Finding(
                "lost",
                f"attendance of {registration_id}: acknowledged {noted.outcome} {noted.minutes} min, "
                f"row has {row.outcome} {row.service_minutes} min",
            )


def shift_edits_hold(material: Material) -> Iterator[Finding]:
    """Each acknowledged edit is in the log under its version, each acknowledged call-off in the row."""
    capacities = {
        (entry.data["shift_id"], entry.data["version"]): entry.data["capacity"]
        for entry in material.log
        if entry.is_of_shift
    }
    for change in material.ledger.shift_changes:
        logged = capacities.get((change.shift_id, change.version))
        if logged != change.capacity:
            yield Finding("lost", f"{change}: the log has capacity {logged}")
    for shift_id, told in material.ledger.shift_cancels.items():
        if told is Told.ACKED and material.shifts[shift_id].status != "cancelled":
            yield Finding(
                "lost", f"acknowledged call-off of shift {shift_id}: it is {material.shifts[shift_id].status}"
            )


def nothing_unexpected_was_answered(material: Material) -> Iterator[Finding]:
    """An outage is a 503, never a 500 or a doubt about a good key."""
    for text in material.ledger.unexpected:
        yield Finding("unexpected answer", text)
