"""Books of any size, made in the database itself: for measuring reports.

    load_facts(database_url, 1_000_000)

758 sites in 106 subdistricts of 10 districts of one city, two years of shifts with 20 sign-ups each, all kinds and
age bands, persons drawn from 1.92 million. `CITY`, `DISTRICT` and `site_id(0)` name what to ask for.
"""

import time
from uuid import UUID

import psycopg

from services.common.database import Database
from services.reporting.operations.aggregation import aggregate, is_dirty

CITY = "140100"
DISTRICT = "140101"
SITES = 758
FIRST_DAY = "2025-01-01"
LAST_DAY = "2026-12-31"
SIGN_UPS_PER_SHIFT = 20

PLACES = """
INSERT INTO areas VALUES ('140100', NULL, 'city', '太原市', 'Taiyuan');
INSERT INTO areas SELECT (140100 + n)::text, '140100', 'district', '区' || n, 'District ' || n
FROM generate_series(1, 10) AS n;
INSERT INTO areas SELECT '1401' || lpad((1 + n % 10)::text, 2, '0') || lpad(n::text, 3, '0'),
    (140101 + n % 10)::text, 'subdistrict', '街道' || n, 'Subdistrict ' || n FROM generate_series(0, 105) AS n;
INSERT INTO sites SELECT md5('site' || n)::uuid,
    '1401' || lpad((1 + n % 106 % 10)::text, 2, '0') || lpad((n % 106)::text, 3, '0'), '站点' || n, 'Site ' || n
FROM generate_series(0, 757) AS n;
"""

SHIFTS = """
INSERT INTO activities SELECT md5('activity' || n)::uuid, n, md5('site' || n %% 758)::uuid,
    (ARRAY['performance', 'rehearsal', 'class', 'visit', 'blood_drive', 'clinic', 'other'])[1 + n %% 7], 'open'
FROM generate_series(0, %(activities)s - 1) AS n;
INSERT INTO shifts SELECT md5('shift' || n)::uuid, md5('activity' || n / 4)::uuid, md5('site' || n / 4 %% 758)::uuid,
    date '2025-01-01' + (hashint4(n) & 2147483647) %% 730, 25, 'open'
FROM generate_series(0, %(shifts)s - 1) AS n;
"""

# `h` spreads what is drawn evenly, and is the same in every run.
FACTS = """
INSERT INTO facts
SELECT md5('registration' || n)::uuid, 2, shifts.site_id, shifts.shift_id, activities.activity_id,
       activity_number, md5('person' || person)::uuid, person, kind,
       (ARRAY['under_14', '14_17', '18_34', '35_59', '60_plus', 'unknown'])[1 + person %% 6], day,
       CASE WHEN h %% 10 = 0 THEN 'cancelled' WHEN h %% 10 = 1 THEN 'waitlisted' ELSE 'confirmed' END,
       h %% 10 = 2, CASE WHEN h %% 10 > 8 THEN 'no_show' WHEN h %% 10 > 2 THEN 'attended' END,
       CASE WHEN h %% 10 BETWEEN 3 AND 8 THEN 60 + h %% 90 ELSE 0 END
FROM (
    SELECT n, (hashint4(n) & 2147483647) AS h, (hashint4(n + 1000000007) & 2147483647) %% 1920000 AS person
    FROM generate_series(%(first)s, %(last)s) AS n
) AS drawn
JOIN shifts ON shifts.shift_id = md5('shift' || n / 20)::uuid JOIN activities USING (activity_id)
"""


def site_id(number: int) -> UUID:
    """The id of the site with this number, 0 to 757."""
    from hashlib import md5

    return UUID(md5(f"site{number}".encode()).hexdigest())


def load_facts(database_url: str, n: int) -> float:
    """Fill an empty, migrated reporting database with about n facts and their buckets; returns the seconds taken."""
    began = time.monotonic()
    shifts = max(4, n // SIGN_UPS_PER_SHIFT)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', true)")
        connection.execute(PLACES)
        activities = {"activities": (shifts + 3) // 4, "shifts": shifts}
        for statement in SHIFTS.split(";")[:-1]:
            connection.execute(statement, activities)
        for first in range(0, n, 100_000):
            connection.execute(FACTS, {"first": first, "last": min(n, first + 100_000) - 1})
        connection.execute("INSERT INTO dirty (site_id, day) SELECT DISTINCT site_id, day FROM facts")
    database = Database(database_url)
    while is_dirty(database):
        aggregate(database)
    database.engine.dispose()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    return time.monotonic() - began
