"""What every figure means: said here, in SQL over `facts AS x` and `shifts AS x`, and nowhere else.

COUNTED are sums over registrations, PEOPLE are distinct persons among those that the condition holds for, by the number
that each counts as (`counted_as`). SEATED are sums over the shifts that were not called off; ACTIVITIES are those that
have one.
"""

COUNTED = {
    "registrations": "count(*)",
    "confirmed": "count(*) FILTER (WHERE x.status = 'confirmed')",
    "waitlisted": "count(*) FILTER (WHERE x.status = 'waitlisted')",
    "promotions": "count(*) FILTER (WHERE x.promoted)",
    "cancellations": "count(*) FILTER (WHERE x.status = 'cancelled')",
    "attended": "count(*) FILTER (WHERE x.outcome IN ('present', 'attended'))",
    "no_shows": "count(*) FILTER (WHERE x.outcome = 'no_show')",
    "service_minutes": "coalesce(sum(x.service_minutes), 0)",
    "offered": "count(*) FILTER (WHERE x.status = 'offered')",
    "places": "coalesce(sum(x.places) FILTER (WHERE x.status = 'confirmed'), 0)",
}
PEOPLE = {
    "people": "x.status <> 'cancelled'",
    "people_attended": "x.outcome IN ('present', 'attended')",
}
SEATED = {
    "shifts": "count(*)",
    "seats": "coalesce(sum(x.capacity), 0)",
}
ACTIVITIES = "activities"

SUMS = (*COUNTED, *SEATED)
SETS = (*PEOPLE, ACTIVITIES)
OFFERED = (ACTIVITIES, *SEATED)
"""What no age band has."""

FIGURES = (*OFFERED, *COUNTED, *PEOPLE)
"""In the order in which people name them."""

EVERY = "*"
"""In the place of a kind or an age band: all of them."""


def sums_of_facts() -> str:
    """The sums, as columns."""
    return ", ".join(f"({meaning})::integer AS {name}" for name, meaning in COUNTED.items())


def numbers_of_facts() -> str:
    """Whom they count, as arrays of numbers that may repeat. `x.counted` is the number that somebody counts as."""
    return ", ".join(
        f"coalesce(array_agg(x.counted) FILTER (WHERE {meaning}), '{{}}') AS {name}" for name, meaning in PEOPLE.items()
    )


def sums_of_shifts() -> str:
    """The sums, as columns."""
    return ", ".join(f"({meaning})::integer AS {name}" for name, meaning in SEATED.items())
