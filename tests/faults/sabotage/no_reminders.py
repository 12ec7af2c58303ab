"""Handlers that schedule no reminder. Nobody is reminded, and no row says that anybody should have been."""

from sqlalchemy import text

from services.notifications.handlers import reminders
from tests.faults.sabotage.wrap import run_real

RULE = "INSERT INTO reminders"

if RULE not in reminders.SCHEDULE.text:
    raise RuntimeError("the rule to break is not where it was: mend this sabotage")
reminders.SCHEDULE = text("SELECT cast(:registration_ids AS uuid[]), cast(:times AS timestamptz[])")

if __name__ == "__main__":
    run_real()
