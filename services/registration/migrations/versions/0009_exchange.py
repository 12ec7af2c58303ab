"""Imports and exports: their state in the open, their content encrypted, both forgotten when they are over."""

from alembic import op

from services.common.audit import audited
from services.registration.migrations.row_security import secure

revision = "0009"
down_revision = "0008"

# A file comes in parts, is checked and then applied, each in slices: whatever a slice does and how far it came is one
# commit. next_part and done_in_part say where to go on, rest (encrypted) is what the parts before left incomplete,
# records counts those before next_part. claim and claimed_until keep two workers off one file.
IMPORTS = """
CREATE TABLE imports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    kind text NOT NULL CHECK (kind IN ('people', 'volunteers', 'roster', 'teams', 'records')),
    state text NOT NULL DEFAULT 'uploading' CHECK (
        state IN ('uploading', 'checking', 'checked', 'applying', 'done', 'cancelled', 'failed')),
    made_by text NOT NULL,
    agreed text NOT NULL DEFAULT '',
    overwrite boolean NOT NULL DEFAULT false,
    parts integer NOT NULL DEFAULT 0,
    workbook boolean NOT NULL DEFAULT false,
    encoding text,
    delimiter text,
    fields text[],
    heading_row integer,
    next_part integer NOT NULL DEFAULT 1,
    done_in_part integer NOT NULL DEFAULT 0,
    records integer NOT NULL DEFAULT 0,
    rest bytea,
    rows integer NOT NULL DEFAULT 0,
    faulty_rows integer NOT NULL DEFAULT 0,
    faults integer NOT NULL DEFAULT 0,
    known_people integer NOT NULL DEFAULT 0,
    applied integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    new_people integer NOT NULL DEFAULT 0,
    known_records integer NOT NULL DEFAULT 0,
    minutes bigint NOT NULL DEFAULT 0,
    first_day date,
    last_day date,
    approved_by text,
    claim uuid,
    claimed_until timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    error text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    touched_at timestamptz NOT NULL DEFAULT now(),
    phase_began_at timestamptz NOT NULL DEFAULT now(),
    checked_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX imports_site ON imports (site_id, position);
CREATE INDEX imports_due ON imports (touched_at) WHERE state IN ('checking', 'applying');

-- content is ciphertext; Fernet keeps its own keys apart, encrypted_with says which
CREATE TABLE import_parts (
    import_id uuid NOT NULL REFERENCES imports,
    site_id uuid NOT NULL REFERENCES sites,
    number integer NOT NULL CHECK (number > 0),
    content bytea NOT NULL,
    encrypted_with text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, number)
);
-- Fernet's base64 does not shrink: do not let PostgreSQL try
ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTERNAL;

-- what is wrong, by row and column; never what stands there
CREATE TABLE import_faults (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id uuid NOT NULL REFERENCES imports,
    site_id uuid NOT NULL REFERENCES sites,
    "row" integer NOT NULL,
    "column" text NOT NULL,
    code text NOT NULL,
    title text NOT NULL DEFAULT '',
    other integer NOT NULL DEFAULT 0
);
CREATE INDEX import_faults_row ON import_faults (import_id, "row", id);

-- keyed hashes of the rows that were checked, to find doubles within the file
CREATE TABLE import_keys (
    import_id uuid NOT NULL REFERENCES imports,
    site_id uuid NOT NULL REFERENCES sites,
    key uuid NOT NULL,
    "row" integer NOT NULL,
    PRIMARY KEY (import_id, key)
);

-- whom a site erased, by keyed hashes alone, for as long as a file from before may wait: no import brings them back
CREATE TABLE erased_lately (
    site_id uuid NOT NULL REFERENCES sites,
    hash bytea NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (site_id, hash)
);
CREATE INDEX erased_lately_age ON erased_lately (erased_at);
"""

EXPORTS = """
CREATE TABLE exports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    format text NOT NULL CHECK (format IN ('csv', 'xlsx')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'deleted')),
    made_by text NOT NULL,
    rows integer NOT NULL DEFAULT 0,
    tables_done integer NOT NULL DEFAULT 0,
    tables integer NOT NULL DEFAULT 0,
    parts integer NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    claim uuid,
    claimed_until timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    error text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX exports_site ON exports (site_id, position);
CREATE INDEX exports_due ON exports (position) WHERE state IN ('waiting', 'running');

CREATE TABLE export_parts (
    export_id uuid NOT NULL REFERENCES exports,
    site_id uuid NOT NULL REFERENCES sites,
    number integer NOT NULL CHECK (number > 0),
    content bytea NOT NULL,
    encrypted_with text NOT NULL,
    PRIMARY KEY (export_id, number)
);
ALTER TABLE export_parts ALTER COLUMN content SET STORAGE EXTERNAL;
"""


def upgrade() -> None:
    """Make everything."""
    op.execute(IMPORTS)
    op.execute(EXPORTS)
    for table in (
        "imports",
        "import_parts",
        "import_faults",
        "import_keys",
        "erased_lately",
        "exports",
        "export_parts",
    ):
        secure(table)
    # What people do to an import; what the worker does has no actor. One entry for what came of it (imports/steps.py).
    op.execute(audited("imports", "state"))
    op.execute(audited("exports", "state"))
