"""A sign-up that gives everyone a place, on tables that do not object. Oversells.

The rule lives in the database, so that is where it is broken; importing this again changes nothing more.
"""

import os

import psycopg

from tests.faults.sabotage.wrap import run_real

RULE, BROKEN = "x.capacity - x.confirmed", "100000 - x.confirmed"


def _break(url: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("ALTER TABLE shifts DROP CONSTRAINT IF EXISTS shifts_never_oversold")
        row = connection.execute("SELECT pg_get_functiondef('sign_up'::regproc)").fetchone()
        source = str(row[0]) if row else ""
        if BROKEN not in source:
            if RULE not in source:
                raise RuntimeError("the rule to break is not where it was: mend this sabotage")
            connection.execute(source.replace(RULE, BROKEN).encode())


_break(os.environ["DATABASE_URL"])

if __name__ == "__main__":
    run_real()
