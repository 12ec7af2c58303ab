"""Series of shifts, programmes with their clones, and what the public calendar reads."""

from alembic import op

from services.common.audit import audited
from services.registration.migrations.row_security import secure

revision = "0005"
down_revision = "0004"

# How the shifts of a series came to be. They are rows of their own from then on: occurs_at, where a shift was first
# put, names it within its series whatever becomes of it.
SERIES = """
CREATE TABLE shift_series (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    activity_id uuid NOT NULL REFERENCES activities,
    site_id uuid NOT NULL REFERENCES sites,
    rrule text NOT NULL,
    first_starts_at timestamptz NOT NULL,
    minutes integer NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    exceptions date[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX shift_series_activity ON shift_series (activity_id);

ALTER TABLE shifts
    ADD COLUMN series_id uuid REFERENCES shift_series,
    ADD COLUMN occurs_at timestamptz,
    ADD COLUMN detached boolean NOT NULL DEFAULT false,
    ADD COLUMN programme_key text,
    ADD CONSTRAINT shifts_of_a_series_occur CHECK (series_id IS NULL OR occurs_at IS NOT NULL);
CREATE INDEX shifts_series ON shifts (series_id, occurs_at) WHERE series_id IS NOT NULL;
"""

# A programme is kept by a site or by an area. template: the activities with their shifts, by key (schemas/programmes).
# A clone keeps in `taken` the template as its site took it, later changes that it accepted included, and in `declined`
# what it declined, by path: what differs from the template and was not declined is what the site is offered.
PROGRAMMES = """
CREATE TABLE programmes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid REFERENCES sites,
    area text REFERENCES areas,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    description_zh text NOT NULL,
    description_en text NOT NULL,
    first_weekday smallint CHECK (first_weekday BETWEEN 1 AND 7),
    template jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT programmes_kept_by_one CHECK (num_nonnulls(site_id, area) = 1)
);
CREATE INDEX programmes_site ON programmes (site_id, position);
CREATE INDEX programmes_area ON programmes (area, position);

CREATE TABLE programme_clones (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    programme_id uuid NOT NULL REFERENCES programmes,
    site_id uuid NOT NULL REFERENCES sites,
    starts_on date NOT NULL,
    first_day date NOT NULL,
    taken jsonb NOT NULL,
    declined jsonb NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT programme_clones_once UNIQUE (programme_id, site_id)
);
CREATE INDEX programme_clones_site ON programme_clones (site_id, position);

ALTER TABLE activities
    ADD COLUMN service_category text,
    -- besides the offsets in reminder_minutes: `common/events/reminder_rules.py`
    ADD COLUMN reminder_rules jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN programme_id uuid REFERENCES programmes,
    ADD COLUMN programme_key text;
CREATE UNIQUE INDEX activities_programme ON activities (programme_id, site_id, programme_key)
    WHERE programme_id IS NOT NULL AND status <> 'cancelled';
"""

# The calendar reads a site's days; the sweep that completes activities looks at published ones only.
READING = """
CREATE INDEX shifts_site_day ON shifts (site_id, local_day);
DROP INDEX shifts_site;
CREATE INDEX activities_published ON activities (id) WHERE status = 'published';
"""


# Whom a shift serves, and where: ciphertext, for its confirmed volunteers.
NOTES = """
CREATE TABLE shift_notes (
    shift_id uuid PRIMARY KEY REFERENCES shifts,
    site_id uuid NOT NULL REFERENCES sites,
    note bytea NOT NULL,
    encrypted_with text NOT NULL,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX shift_notes_key ON shift_notes (encrypted_with);
"""


def upgrade() -> None:
    """Make everything."""
    for statements in (SERIES, PROGRAMMES, READING, NOTES):
        op.execute(statements)
    for table in ("shift_series", "programmes", "programme_clones"):
        secure(table)
        op.execute(audited(table))
    secure("shift_notes")
    op.execute(audited("shift_notes", key="shift_id", personal="note"))
    # A site may read the programme that it has, whoever keeps it: it is told what changes there.
    op.execute(
        "CREATE POLICY who_has_it ON programmes FOR SELECT"
        " USING (EXISTS (SELECT FROM programme_clones AS c WHERE c.programme_id = programmes.id))"
    )
