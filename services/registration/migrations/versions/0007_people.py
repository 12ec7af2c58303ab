"""Volunteers, their records, consents, who speaks for somebody, doubles and their merging, erasure and retention."""

from alembic import op
from sqlalchemy import text

from services.common.audit import audited
from services.registration.migrations.first_consent_texts import FIRST_TEXTS
from services.registration.migrations.row_security import secure

revision = "0007"
down_revision = "0006"

# phone_index and email_index find somebody by the contact alone, for the desk and for finding doubles; identity stays
# with contact and name. `row` names a row across merges, which change person_id; a number, because a random id costs
# sign-ups more than all the rest. A row is looked at again at review_at: once a year and not at every sweep.
PEOPLE = """
ALTER TABLE people
    ADD COLUMN merged_into uuid REFERENCES people,
    ADD COLUMN erased_at timestamptz;
CREATE INDEX people_merged_into ON people (merged_into) WHERE merged_into IS NOT NULL;

ALTER TABLE person_sites
    ADD COLUMN row bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN phone_index bytea,
    ADD COLUMN email_index bytea,
    ADD COLUMN review_at timestamptz NOT NULL DEFAULT now() + interval '12 months';
CREATE INDEX person_sites_phone_index ON person_sites (phone_index) WHERE phone_index IS NOT NULL;
CREATE INDEX person_sites_email_index ON person_sites (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX person_sites_review ON person_sites (review_at);

-- Who a person is by now: whom they were merged into, or themselves.
CREATE FUNCTION person_now(person uuid) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT coalesce(merged_into, id) FROM people WHERE id = person);

-- The person and all who were merged into them. What must not be rewritten (a chain of hashes) stays with whom it was
-- written for, and is read through this.
CREATE FUNCTION persons_of(person uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT person UNION ALL SELECT id FROM people WHERE merged_into = person
$$;
"""

VOLUNTEERS = """
-- One number and one ID number per person in the whole installation; neither says anything to who has no key.
CREATE TABLE volunteers (
    row bigint GENERATED ALWAYS AS IDENTITY,
    person_id uuid PRIMARY KEY REFERENCES people,
    volunteer_number text NOT NULL UNIQUE,
    id_number_hash bytea UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What a volunteer told a site beyond what every person tells it (person_sites). id_number and sex are ciphertext.
CREATE TABLE volunteer_sites (
    row bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    sex bytea NOT NULL,
    id_number bytea,
    encrypted_with text NOT NULL,
    area text REFERENCES areas,
    skills text[] NOT NULL DEFAULT '{}',
    professions text[] NOT NULL DEFAULT '{}',
    categories text[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, site_id)
);
CREATE INDEX volunteer_sites_site ON volunteer_sites (site_id, row);
CREATE INDEX volunteer_sites_encrypted_with ON volunteer_sites (encrypted_with);

-- Order 67: training has name, content, hours, provider and date; an award name, date and grantor; an evaluation
-- quality and date. Hours as minutes, like service.
CREATE TABLE trainings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    code text NOT NULL DEFAULT '',
    name text NOT NULL,
    content text NOT NULL,
    minutes integer NOT NULL CHECK (minutes BETWEEN 1 AND 60000),
    provider text NOT NULL,
    day date NOT NULL,
    valid_until date CHECK (valid_until >= day),
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX trainings_expiring ON trainings (site_id, valid_until) WHERE valid_until IS NOT NULL;
CREATE INDEX trainings_person ON trainings (person_id);
CREATE INDEX trainings_site ON trainings (site_id, position);

CREATE TABLE awards (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    name text NOT NULL,
    grantor text NOT NULL,
    day date NOT NULL,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX awards_person ON awards (person_id);
CREATE INDEX awards_site ON awards (site_id, position);

CREATE TABLE evaluations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    quality text NOT NULL CHECK (quality IN ('excellent', 'good', 'fair', 'poor')),
    evaluator text NOT NULL,
    day date NOT NULL,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX evaluations_person ON evaluations (person_id);
CREATE INDEX evaluations_site ON evaluations (site_id, position);
"""

CONSENTS = """
-- A version counts from effective_from. Where it asks `again`, consents to earlier ones are in force until then.
CREATE TABLE consent_texts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    zh text NOT NULL,
    en text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    effective_from timestamptz NOT NULL DEFAULT now(),
    again boolean NOT NULL DEFAULT false,
    UNIQUE (kind, number)
);

-- given_by says whose word it was, how the way it came, made_by who entered it. Of a guardian: which row spoke for the
-- minor, the name as it stood there (ciphertext, blanked by an erasure), and the keyed hash of name and contact, which
-- stays: whoever says that they were asked, or not, can be held against it. What a site said with one sign-up names its
-- registration.
CREATE TABLE consents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    kind text NOT NULL,
    text_id uuid NOT NULL REFERENCES consent_texts,
    given_by text NOT NULL CHECK (given_by IN ('person', 'guardian')),
    how text NOT NULL CHECK (how IN ('online', 'link', 'desk', 'phone', 'paper', 'site', 'sign_up')),
    made_by text NOT NULL,
    registration_id uuid,
    representative_id uuid,
    guardian bytea,
    guardian_hash bytea,
    encrypted_with text,
    given_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT consents_of_one_sign_up CHECK ((how = 'sign_up') = (registration_id IS NOT NULL)),
    CONSTRAINT consents_of_guardian CHECK (given_by = 'guardian' OR representative_id IS NULL),
    CONSTRAINT consents_who CHECK ((representative_id IS NULL) = (guardian_hash IS NULL)),
    CONSTRAINT consents_withdrawn_by_somebody CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX consents_person ON consents (person_id, site_id, kind);
CREATE INDEX consents_site ON consents (site_id, position);
CREATE INDEX consents_encrypted_with ON consents (encrypted_with) WHERE encrypted_with IS NOT NULL;
CREATE UNIQUE INDEX consents_one_in_force ON consents
    (person_id, site_id, kind, text_id, how, coalesce(guardian_hash, ''), registration_id) NULLS NOT DISTINCT
    WHERE withdrawn_at IS NULL;

-- A consent is evidence: it can be withdrawn once and move with its person in a merge, the guardian's name can be
-- encrypted anew or go with an erasure (the hash stays), and nothing else.
CREATE FUNCTION consent_is_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changing text[] := '{person_id,withdrawn_at,withdrawn_by,guardian,encrypted_with}';
BEGIN
    IF TG_OP = 'DELETE'
       OR to_jsonb(OLD) - changing <> to_jsonb(NEW) - changing
       OR OLD.guardian IS NULL AND NEW.guardian IS NOT NULL
       OR OLD.withdrawn_at IS NOT NULL
          AND (OLD.withdrawn_at, OLD.withdrawn_by) IS DISTINCT FROM (NEW.withdrawn_at, NEW.withdrawn_by) THEN
        RAISE EXCEPTION 'a consent is evidence: it can be withdrawn and nothing else';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON consents FOR EACH ROW EXECUTE FUNCTION consent_is_evidence();

-- Whether a consent to this version counts now: no later one that asks again has come into effect.
CREATE FUNCTION text_holds(text_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM consent_texts AS t JOIN consent_texts AS later ON later.kind = t.kind
                       WHERE t.id = text_id AND later.number > t.number AND later.again
                         AND later.effective_from <= now())
$$;

CREATE FUNCTION consent_in_force(person uuid, site uuid, consent text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM consents AS c WHERE c.person_id = person AND c.site_id = site AND c.kind = consent
                   AND c.withdrawn_at IS NULL AND text_holds(c.text_id))
$$;

-- Whether it was, to a text that counts no longer: they must agree again.
CREATE FUNCTION consent_outdated(person uuid, site uuid, consent text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT bool_or(true) AND NOT bool_or(text_holds(c.text_id)) FROM consents AS c
    WHERE c.person_id = person AND c.site_id = site AND c.kind = consent AND c.withdrawn_at IS NULL
$$;

-- Whether a guardian's consent is on file for a minor: for volunteering it covers signing up as well. What a site said
-- with one sign-up is evidence of that one, and counts where this `place` is asked about. A kind that is about to be
-- withdrawn is left out by `without`.
CREATE FUNCTION guardian_agreed(
    person uuid, site uuid, volunteering boolean, place uuid DEFAULT NULL, without text DEFAULT ''
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM consents AS c WHERE c.person_id = person AND c.site_id = site
                   AND (c.how <> 'sign_up' OR c.registration_id = place) AND c.kind <> without
                   AND c.withdrawn_at IS NULL AND text_holds(c.text_id) AND (c.kind = 'guardian_volunteering'
                        OR c.kind = 'guardian_signup' AND NOT volunteering))
$$;
"""

REPRESENTATIVES = """
-- Who speaks for a person at a site: the guardian of a minor, the helper of an elder. A claimant is whom another form
-- named as the guardian before staff confirmed the first, and speaks for nobody. All of it ciphertext. Whoever was
-- named online, by anybody, is not confirmed: staff do that. By identity_hash (name and contact) a guardian is known
-- again in the consents that they gave.
CREATE TABLE representatives (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL REFERENCES people,
    site_id uuid NOT NULL REFERENCES sites,
    kind text NOT NULL CHECK (kind IN ('guardian', 'helper', 'claimant')),
    relation text NOT NULL DEFAULT '',
    name bytea NOT NULL,
    phone bytea,
    email bytea,
    email_index bytea,
    identity_hash bytea,
    confirmed boolean NOT NULL DEFAULT false,
    email_proven boolean NOT NULL DEFAULT false,
    encrypted_with text NOT NULL,
    language text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person_id, site_id, kind),
    CONSTRAINT representatives_reachable CHECK (phone IS NOT NULL OR email IS NOT NULL),
    CONSTRAINT representatives_known_again CHECK (kind <> 'guardian' OR identity_hash IS NOT NULL)
);
CREATE INDEX representatives_site ON representatives (site_id);
CREATE INDEX representatives_encrypted_with ON representatives (encrypted_with);
"""

LANGUAGES = """
-- Whoever was never asked gets the site's messages in the site's usual language.
CREATE FUNCTION usual_language() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.language := (SELECT language FROM sites WHERE id = NEW.site_id);
    RETURN NEW;
END
$$;
ALTER TABLE person_sites ALTER COLUMN language DROP DEFAULT;
CREATE TRIGGER usual_language BEFORE INSERT ON person_sites
    FOR EACH ROW WHEN (NEW.language IS NULL) EXECUTE FUNCTION usual_language();
CREATE TRIGGER usual_language BEFORE INSERT ON representatives
    FOR EACH ROW WHEN (NEW.language IS NULL) EXECUTE FUNCTION usual_language();
"""

MERGES = """
-- site_id is set where a site merged doubles that are wholly its own; null where the operator did.
CREATE TABLE merges (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    merged uuid NOT NULL REFERENCES people,
    survivor uuid NOT NULL REFERENCES people,
    site_id uuid REFERENCES sites,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    undone_by text,
    CHECK (merged <> survivor)
);
CREATE UNIQUE INDEX merges_once ON merges (merged) WHERE undone_at IS NULL;
CREATE INDEX merges_merged ON merges (merged);
CREATE INDEX merges_survivor ON merges (survivor);

-- Which rows a merge moved, so that undoing it gives back exactly these.
CREATE TABLE merge_moves (
    merge_id uuid NOT NULL REFERENCES merges,
    table_name text NOT NULL,
    row_key text NOT NULL,
    PRIMARY KEY (table_name, row_key, merge_id)
);
CREATE INDEX merge_moves_merge ON merge_moves (merge_id);

-- Who look like doubles and are two people, as somebody decided; each pair once, the smaller id first.
CREATE TABLE two_people (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    one uuid NOT NULL REFERENCES people,
    two uuid NOT NULL REFERENCES people,
    site_id uuid REFERENCES sites,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (one, two),
    CHECK (one < two)
);
CREATE INDEX two_people_two ON two_people (two);
"""

# What a person lacks of what a shift asks for. Skills, professions and consents count where they were told; training
# counts wherever it was given, for it is a record and holds for every site, where it still holds on the day of the
# shift. Whoever is new lacks everything.
REQUIREMENTS = """
DROP FUNCTION person_meets(uuid, uuid, jsonb);
CREATE FUNCTION person_meets(person uuid, site uuid, requirements jsonb, on_day date DEFAULT current_date)
RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    scope text := current_setting('hesheng.site', true);
    lacks text[];
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    SELECT coalesce(array_agg(CASE WHEN asked.kind = 'consents' AND consent_outdated(person, site, asked.code)
                              THEN 'consents_again' ELSE asked.kind END || ':' || asked.code
                              ORDER BY asked.kind, asked.code), '{}') INTO lacks
    FROM (SELECT r.key AS kind, c.code FROM jsonb_each(requirements) AS r
          CROSS JOIN LATERAL jsonb_array_elements_text(
              CASE jsonb_typeof(r.value) WHEN 'array' THEN r.value ELSE '[]' END) AS c (code)
          WHERE r.key IN ('skills', 'professions', 'consents', 'training')) AS asked
    WHERE NOT coalesce(CASE asked.kind
        WHEN 'skills' THEN (SELECT asked.code = ANY (v.skills) FROM volunteer_sites AS v
                            WHERE v.person_id = person AND v.site_id = site)
        WHEN 'professions' THEN (SELECT asked.code = ANY (v.professions) FROM volunteer_sites AS v
                                 WHERE v.person_id = person AND v.site_id = site)
        WHEN 'consents' THEN consent_in_force(person, site, asked.code)
        WHEN 'training' THEN EXISTS (SELECT FROM trainings AS t WHERE t.person_id = person AND t.code = asked.code
                                     AND coalesce(t.valid_until >= on_day, true))
    END, false);
    PERFORM set_config('hesheng.site', coalesce(scope, ''), true);
    RETURN lacks;
END
$$;
"""

RETENTION = """
-- After a restore: which erasures the log has, among those that the others know of (repeated_erasures.py).
CREATE INDEX outbox_erasures ON outbox (event_id)
    WHERE type IN ('hesheng.person.erased.v1', 'hesheng.person.erased_at_site.v1');

CREATE TABLE retention (
    site_id uuid PRIMARY KEY REFERENCES sites,
    months integer NOT NULL CHECK (months BETWEEN 1 AND 120),
    minors_months integer NOT NULL CHECK (minors_months BETWEEN 1 AND 120),
    version integer NOT NULL DEFAULT 1
);
"""

# A merged person is still known to the sites that knew them, so that an id that a site noted down leads to who they
# are by now.
POLICIES = """
DROP POLICY own_site ON people;
CREATE POLICY own_site ON people USING (
    current_setting('hesheng.site', true) = '*'
    OR EXISTS (SELECT FROM person_sites WHERE person_sites.person_id IN (people.id, people.merged_into))
);
"""

OWNED = (
    "volunteer_sites", "trainings", "awards", "evaluations", "consents", "representatives", "merges", "two_people",
    "retention",
)  # fmt: skip


def upgrade() -> None:
    """Make everything."""
    for statements in (
        PEOPLE,
        VOLUNTEERS,
        CONSENTS,
        REPRESENTATIVES,
        LANGUAGES,
        REQUIREMENTS,
        MERGES,
        RETENTION,
        POLICIES,
    ):
        op.execute(statements)
    for table in OWNED:
        secure(table)
    known = "SELECT FROM volunteer_sites WHERE volunteer_sites.person_id = volunteers.person_id"
    secure("volunteers", f"current_setting('hesheng.site', true) = '*' OR EXISTS ({known})")
    secure("merge_moves", "EXISTS (SELECT FROM merges WHERE merges.id = merge_moves.merge_id)")
    for table in ("trainings", "awards", "evaluations", "consents", "merges", "two_people"):
        op.execute(audited(table))
    op.execute(audited("representatives", personal="relation"))
    op.execute(audited("volunteers", key="person_id", personal="volunteer_number"))
    op.execute(audited("volunteer_sites", key="person_id", personal="area, skills, professions, categories"))
    op.execute(audited("retention", key="site_id"))
    insert = text("INSERT INTO consent_texts (kind, number, zh, en) VALUES (:kind, 1, :zh, :en)")
    for kind, zh, en in FIRST_TEXTS:
        op.execute(insert.bindparams(kind=kind, zh=zh, en=en))
