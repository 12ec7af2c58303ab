"""Deliberately broken builds: the books must see each of them, else they would not see the real fault either.

Each module breaks one thing when it is imported, and started as

    python -m tests.faults.sabotage.mark_before_send services.registration.pump

runs the real process on top of that. Nothing in `services/` knows of it. A process that starts further ones by
importing its main module again (granian does) imports the break again, a forked one (Celery) inherits it.
"""

_SUBSCRIBERS = [f"{service}-{kind}" for service in ("notifications", "reporting") for kind in ("worker", "pump")]

BREAKS: dict[str, list[str]] = {
    "mark_before_send": ["registration-pump", *_SUBSCRIBERS],
    "forgetful_cursor": _SUBSCRIBERS,
    "ignore_capacity": ["registration-api"],
    "careless_messenger": ["notifications-worker", "notifications-pump"],
    "resend_with_new_id": ["notifications-worker", "notifications-pump"],
}
"""Each break, and the processes that are started with it."""


def broken_command(command: list[str], name: str) -> list[str]:
    """`python -m real.module` as `python -m tests.faults.sabotage.<name> real.module`."""
    place = command.index("-m") + 1
    return [*command[:place], f"tests.faults.sabotage.{name}", *command[place:]]


def hurried_command(command: list[str]) -> list[str]:
    """The same, whose messages wait less long (`tests/faults/hurried.py`)."""
    place = command.index("-m") + 1
    return [*command[:place], "tests.faults.hurried", *command[place:]]
