"""Words that staff put in place of the built-in ones: every version that was saved, and which one a message was made
with."""

from alembic import op

from services.common.audit import audited

revision = "0009"
down_revision = "0008"

TEMPLATES = """
CREATE TABLE templates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- null: the operator's, for all sites that have none of their own
    site_id uuid,
    -- of a message, or the purpose of a link
    kind text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('mail', 'sms')),
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    version integer NOT NULL CHECK (version > 0),
    is_current boolean NOT NULL,
    -- all three null: from this version on there are no own words
    subject text,
    text text,
    note text,
    -- the version whose words were taken up again; 0 are those that were there before anybody changed them
    taken_from integer,
    saved_at timestamptz NOT NULL DEFAULT now(),
    saved_by text NOT NULL,
    CONSTRAINT templates_version UNIQUE NULLS NOT DISTINCT (site_id, kind, channel, language, version),
    CONSTRAINT templates_whole CHECK (num_nulls(subject, text, note) IN (0, 3))
);
CREATE UNIQUE INDEX templates_current ON templates (kind, site_id, channel, language) NULLS NOT DISTINCT
    WHERE is_current;

-- A site sees its own and those of all sites, and writes its own. FORCE: the service's role owns the tables.
ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON templates USING (sees(site_id::text)) WITH CHECK (sees(site_id::text));
CREATE POLICY everybody_reads ON templates FOR SELECT USING (site_id IS NULL);

-- What counts at a site for messages of a kind, by channel and language; null where all words are built in. Words are
-- claimed together with the message that they are for, so that no message asks for its own.
CREATE FUNCTION words_of(of_site uuid, of_kind text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_object_agg(channel || '.' || language, jsonb_build_object(
        'id', id, 'version', version, 'subject', subject, 'text', text, 'note', note))
    FROM (
        SELECT DISTINCT ON (channel, language) * FROM templates
        WHERE kind = of_kind AND (site_id = of_site OR site_id IS NULL) AND is_current AND text IS NOT NULL
        ORDER BY channel, language, site_id NULLS LAST
    ) AS words
$$;
"""

MADE_WITH = """
ALTER TABLE messages
    -- the words it was made with last: null and 0 are the built-in ones, both null one that was not made yet
    ADD COLUMN template_id bigint REFERENCES templates (id),
    ADD COLUMN template_version integer,
    -- why these words could not be used, so that the built-in ones went out
    ADD COLUMN template_fault text;
CREATE INDEX messages_template_faults ON messages (template_id, number) WHERE template_fault IS NOT NULL;
"""


def upgrade() -> None:
    """Keep words, and say of messages which they were made with."""
    op.execute(TEMPLATES)
    op.execute(audited("templates", columns="text"))
    op.execute(MADE_WITH)
