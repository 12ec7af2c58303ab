"""Who did what, when, to which record, from where: kept in the transaction that did it.

    op.execute(AUDIT)                                   # once per database, in a migration
    op.execute(audited("rooms"))                        # every table that people change
    record(session, "read", "people", person_id, ...)   # what leaves no trace in a table

The trigger looks at `hesheng.actor`, which every request sets (`Database.transaction`), so that no operation can
forget to tell. What the system does by itself, without an actor, is not audited: the event log has it. Ciphertext and
hashes are named as changed and never copied. Rows can be added and read; nobody, the service's own role included, can
change or delete one without dropping a trigger, not even to erase somebody: so a column that says something of one
person is named as changed and never copied either (`personal`).
"""

import json
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

AUDIT = r"""
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    address text,
    request_id text,
    site_id uuid,
    action text NOT NULL,
    kind text NOT NULL,
    record text NOT NULL,
    changed jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_site ON audit_log (site_id, id);
CREATE INDEX audit_log_record ON audit_log (record, id);
CREATE INDEX audit_log_actor ON audit_log (actor, id);
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON audit_log FOR SELECT USING (sees(site_id::text));
-- whoever may change a record may also tell of it
CREATE POLICY anybody_tells ON audit_log FOR INSERT WITH CHECK (true);

CREATE FUNCTION audit_log_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END
$$;
CREATE TRIGGER final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_final();

-- What was before and after, by column; a personal column (bytea, or among the second argument) is only named. That is
-- told by the column's type: who writes text that looks like ciphertext hides nothing.
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    present jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
    personal text[] := string_to_array(coalesce(TG_ARGV[1], ''), ', ') || ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = TG_RELID AND atttypid = 'bytea'::regtype AND attnum > 0);
    changes jsonb;
BEGIN
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN key = ANY (personal) THEN '"*"'::jsonb
        ELSE jsonb_build_array(before -> key, after -> key) END), '{}')
    INTO changes
    FROM jsonb_object_keys(before || after) AS key
    WHERE before -> key IS DISTINCT FROM after -> key AND key <> 'version';
    IF changes <> '{}' THEN
        INSERT INTO audit_log (actor, address, request_id, site_id, action, kind, record, changed)
        VALUES (
            current_setting('hesheng.actor'), nullif(current_setting('hesheng.address', true), ''),
            nullif(current_setting('hesheng.request', true), ''),
            (CASE TG_TABLE_NAME WHEN 'sites' THEN present ->> 'id' ELSE present ->> 'site_id' END)::uuid,
            lower(TG_OP), TG_TABLE_NAME,
            coalesce(present ->> 'id', present ->> 'code', present ->> TG_ARGV[0], ''), changes);
    END IF;
    RETURN NULL;
END
$$;
"""


_RECORD = text(
    "INSERT INTO audit_log (actor, address, request_id, site_id, action, kind, record, changed) VALUES ("
    " coalesce(nullif(current_setting('hesheng.actor', true), ''), 'system'),"
    " nullif(current_setting('hesheng.address', true), ''), nullif(current_setting('hesheng.request', true), ''),"
    " :site, :action, :kind, :record, cast(:facts AS jsonb))"
)


def audited(table: str, columns: str = "", key: str = "id", personal: str = "") -> str:
    """The statement that puts a table under audit.

    `columns` limits updates to those that name one of them (`"starts_at, capacity"`), for a table with counters that
    crowds change; `key` is the column that names the record where there is no `id` or `code`; `personal` lists columns
    (`"area, skills"`) whose content must not outlive the row.
    """
    update = f"UPDATE OF {columns}" if columns else "UPDATE"
    return f"""
    CREATE TRIGGER audited AFTER INSERT OR {update} OR DELETE ON {table} FOR EACH ROW
    WHEN (coalesce(current_setting('hesheng.actor', true), '') <> '') EXECUTE FUNCTION audit('{key}', '{personal}');
    """


def record(session: Session, action: str, kind: str, record_id: object, site_id: UUID | None, **facts: object) -> None:
    """Tell of something that changed no audited table: a reading of sensitive data, an import, a log-in."""
    told = {"site": site_id, "action": action, "kind": kind, "record": str(record_id)}
    session.execute(_RECORD, told | {"facts": json.dumps(facts, ensure_ascii=False, default=str)})


def record_each(
    session: Session, action: str, kind: str, records: Iterable[object], site_id: UUID | None, **facts: object
) -> None:
    """The same of each of many records, at one go."""
    told = {
        "site": site_id,
        "action": action,
        "kind": kind,
        "facts": json.dumps(facts, ensure_ascii=False, default=str),
    }
    rows = [told | {"record": str(record_id)} for record_id in records]
    if rows:
        session.execute(_RECORD, rows)
