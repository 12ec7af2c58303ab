-- One sign-up as the api sends it; `n` is its place in the group. Ids are drawn by the api: gen_random_uuid() reads
-- the system's randomness afresh for each, which took more time than all the rest. `age` is the person's on
-- `age_day`, where the shift or the site asks for one, `age_now` today's. In a transfer the place is the hold's, and the
-- window for sign-up is over. `came_from` is the keyed hash of an address whose contact nobody has proven. `terms` and
-- `helper` are told with the sign-up, and become records with it or not at all.
CREATE TYPE sign_up_helper AS (name bytea, phone bytea, relation text, language text);
CREATE TYPE sign_up_request AS (
    n integer, site_id uuid, shift_id uuid, request_id text, idempotency_key text, fingerprint bytea,
    person_id uuid, name bytea, phone bytea, email bytea, birth_date bytea, language text,
    encrypted_with text,
    phone_hash bytea, email_hash bytea, phone_index bytea, email_index bytea, age_band text, age_is_stored boolean, guardian_consent boolean,
    registration_id uuid, new_person_id uuid, event_id uuid,
    party_size integer, priority smallint, hold_id uuid, team_id uuid, group_id uuid, channel text, made_by text,
    address text, age_now integer, age integer, age_day date, in_transfer boolean, by_staff boolean,
    came_from text, terms boolean, helper sign_up_helper
);

-- What becomes of it. `size` is the number of places, `keeps` tells that they were held for it, `guardian` is the kind
-- of consent that was said with it and becomes a record.
CREATE TYPE sign_up_decision AS (
    request sign_up_request, verdict text, answer jsonb,
    activity_id uuid, person_id uuid, person_number bigint, is_new boolean, is_new_here boolean, fills boolean,
    registration_id uuid, status text, queue_number bigint, size integer, keeps boolean, during tstzrange,
    guardian text
);

-- Whether one can sign up for a shift at a moment, for whoever asks: pages, programs, and the function below. The public
-- until it begins, or as long as the activity says; staff, who see who stands before them, until it ends.
CREATE FUNCTION sign_up_state(
    activity_status text, shift_status text, starts_at timestamptz, ends_at timestamptz, opens_at timestamptz,
    closes_at timestamptz, by_staff boolean, moment timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN activity_status <> 'published' OR shift_status <> 'open' OR ends_at <= moment THEN 'closed'
    WHEN starts_at <= moment AND NOT by_staff THEN 'closed'
    WHEN opens_at > moment THEN 'not_yet'
    WHEN closes_at <= moment AND NOT by_staff THEN 'no_longer'
    ELSE 'open'
END;

-- Places that sign-ups from one address may take on a shift while nobody has proven their contacts: a crowd at a centre
-- shares an address, and whoever invents people has one too. Half of a small shift stays for everybody else, but who
-- only waits takes nothing; the first party from an address has its place, however large.
CREATE FUNCTION most_from_one_address(capacity integer, waits boolean) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN least(greatest(30, capacity / 3), CASE WHEN NOT waits THEN greatest(1, capacity / 2) END);

-- Statement by statement, because each sees what was committed while the one before it waited for a lock:
--   1. the shifts, in id order, so that two groups never wait for each other. An impatient group leaves out those that
--      somebody holds: their sign-ups get the verdict `held`, and nobody else's waits for them; then their venues.
--      Holds that ran out are let go;
--   2. the idempotency keys, without waiting;
--   3. people, and identities that nobody has yet, in order, so that nobody gets two places at one time and two
--      processes do not make one person twice;
--   4. a verdict for each request, in the order of the group;
--   5. the details that are filled in, in order;
--   6. everything that follows from the verdicts, in one statement. Outbox ids are drawn under the shifts' locks.
-- The planner is told to use the indexes: it sees empty tables at first, and the plan stays for the session. Each
-- lookup is a LATERAL with OFFSET 0, because it took joins with tables that were small once for a scan of them all:
-- 4 ms instead of 0.4 ms at 4,000 people.
CREATE FUNCTION sign_up(requests jsonb, patient boolean) RETURNS TABLE (n integer, verdict text, answer jsonb)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    asked sign_up_request[];
    reached uuid[];
    any_held boolean;
    venues_of uuid[];
    busy integer[];
    decided sign_up_decision[];
    moment timestamptz;
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    asked := ARRAY(SELECT r FROM jsonb_populate_recordset(NULL::sign_up_request, requests) AS r);

    IF patient THEN
        SELECT coalesce(array_agg(id), '{}'), bool_or(held > 0), array_agg(venue_id) FILTER (WHERE venue_id IS NOT NULL)
        INTO reached, any_held, venues_of FROM (
            SELECT id, held, venue_id FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r)
            ORDER BY id FOR NO KEY UPDATE) AS l;
    ELSE
        SELECT coalesce(array_agg(id), '{}'), bool_or(held > 0), array_agg(venue_id) FILTER (WHERE venue_id IS NOT NULL)
        INTO reached, any_held, venues_of FROM (
            SELECT id, held, venue_id FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS l;
    END IF;
    IF venues_of IS NOT NULL THEN
        PERFORM 1 FROM venues WHERE id = ANY (venues_of) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF any_held THEN
        WITH gone AS (
            DELETE FROM holds WHERE shift_id = ANY (reached) AND expires_at <= clock_timestamp() RETURNING *
        )
        UPDATE shifts AS s SET held = s.held - g.places
        FROM (SELECT shift_id, sum(places) AS places FROM gone GROUP BY 1) AS g WHERE s.id = g.shift_id;
    END IF;

    busy := ARRAY(
        SELECT r.n FROM unnest(asked) AS r
        WHERE r.idempotency_key IS NOT NULL
          AND NOT pg_try_advisory_xact_lock(idempotency_lock(r.site_id::text, r.idempotency_key)));

    PERFORM pg_advisory_xact_lock(needed.lock) FROM (
        SELECT DISTINCT CASE WHEN i.known IS NULL THEN identity_lock(i.hash) ELSE person_lock(i.known) END AS lock
        FROM unnest(asked) AS r CROSS JOIN LATERAL (VALUES
            (r.phone_hash, (SELECT p.person_id FROM person_sites AS p WHERE p.phone_hash = r.phone_hash
                            ORDER BY p.created_at LIMIT 1)),
            (r.email_hash, (SELECT p.person_id FROM person_sites AS p WHERE p.email_hash = r.email_hash
                            ORDER BY p.created_at LIMIT 1)),
            (NULL, r.person_id)
        ) AS i (hash, known)
        WHERE i.hash IS NOT NULL OR i.known IS NOT NULL
        ORDER BY lock OFFSET 0
    ) AS needed;

    moment := clock_timestamp();
    WITH matched AS MATERIALIZED (
        SELECT r AS request, coalesce(r.party_size, 1) AS size,
            CASE WHEN r.person_id IS NULL THEN coalesce(
                -- whose these details are: of whoever gave them first, at any site, or was merged with them (0007)
                (SELECT coalesce(x.merged_into, x.id) FROM person_sites AS p JOIN people AS x ON x.id = p.person_id
                 WHERE p.phone_hash = r.phone_hash ORDER BY p.created_at LIMIT 1),
                (SELECT coalesce(x.merged_into, x.id) FROM person_sites AS p JOIN people AS x ON x.id = p.person_id
                 WHERE p.email_hash = r.email_hash ORDER BY p.created_at LIMIT 1))
            ELSE (SELECT s.person_id FROM person_sites AS s WHERE s.site_id = r.site_id AND s.person_id = (
                SELECT coalesce(x.merged_into, x.id) FROM people AS x WHERE x.id = r.person_id))
            END AS found
        FROM unnest(asked) AS r
    ), known AS MATERIALIZED (
        SELECT m.request, m.found, m.size, p.number, s.activity_id, s.last_queue_number, s.venue_id, s.during,
            f.places AS from_there, s.capacity,
            h.places IS NOT NULL AS keeps, a.waitlist_order = 'priority' AS by_priority,
            s.starts_at <= moment AS running,
            -- who waits has no turn any more once the shift runs
            CASE WHEN s.waitlisted > 0 AND s.starts_at > moment THEN 0
                 WHEN s.venue_id IS NULL THEN s.free
                 ELSE least(s.free, venue_free(s.id)) END AS free,
            CASE WHEN s.waitlisted = 0 THEN 0
                 WHEN a.party_limit = 1 AND a.waitlist_order = 'order' THEN s.waitlisted
                 ELSE (SELECT count(*) FROM registrations AS w WHERE w.shift_id = s.id AND w.status = 'waitlisted'
                       AND (a.waitlist_order = 'order' OR w.queue_number <= 0
                            OR w.priority >= coalesce((m.request).priority, 0)))
            END AS ahead,
            d.person_id IS NULL AS is_new_here,
            d.person_id IS NOT NULL AND (d.phone IS NULL AND (m.request).phone IS NOT NULL
                OR d.email IS NULL AND (m.request).email IS NOT NULL
                OR d.birth_date IS NULL AND (m.request).birth_date IS NOT NULL) AS fills,
            CASE
                WHEN (m.request).n = ANY (busy) THEN 'in_progress'
                WHEN k.fingerprint <> (m.request).fingerprint THEN 'key_reused'
                WHEN k.fingerprint IS NOT NULL THEN 'replay'
                WHEN s.id IS NULL THEN 'no_shift'
                WHEN s.id <> ALL (reached) THEN 'held'
                WHEN w.state = 'closed' OR w.state <> 'open' AND (m.request).in_transfer IS NOT TRUE THEN w.state
                WHEN (m.request).person_id IS NOT NULL AND m.found IS NULL THEN 'no_person'
                -- what the site was told first counts: no consent is saved by telling another birth date
                WHEN d.birth_date IS NOT NULL AND NOT coalesce((m.request).age_is_stored, false) THEN 'birth_date'
                WHEN s.asks_age AND (m.request).age_day IS DISTINCT FROM s.local_day THEN 'birth_date'
                WHEN (m.request).age_now IS NULL AND (s.asks_age OR a.guardian_below > 14) THEN 'age_unknown'
                WHEN (m.request).age < c.minimum_age THEN 'too_young'
                WHEN NOT (m.request).guardian_consent AND (m.request).age_now < a.guardian_below
                     AND NOT guardian_agreed(m.found, (m.request).site_id, a.volunteering)
                     THEN CASE WHEN consent_outdated(m.found, (m.request).site_id, 'guardian_volunteering')
                               OR NOT a.volunteering
                                  AND consent_outdated(m.found, (m.request).site_id, 'guardian_signup')
                          THEN 'consent_again' ELSE 'consent' END
                -- what a guardian said to staff is on record with the guardian, or not at all
                WHEN (m.request).guardian_consent AND (m.request).age_now < a.guardian_below
                     AND starts_with((m.request).made_by, 'staff:')
                     AND NOT guardian_agreed(m.found, (m.request).site_id, a.volunteering)
                     AND NOT EXISTS (SELECT FROM representatives AS x WHERE x.person_id = m.found
                                     AND x.site_id = (m.request).site_id AND x.kind = 'guardian') THEN 'no_guardian'
                WHEN g.id IS NOT NULL THEN 'already'
                WHEN o.id IS NOT NULL THEN 'overlap'
                WHEN m.size > a.party_limit AND (m.request).in_transfer IS NOT TRUE THEN 'party'
                WHEN m.size > h.places THEN 'hold'
                WHEN a.per_person_limit <= (
                    SELECT count(*) FROM registrations AS l
                    WHERE l.person_id = m.found AND l.activity_id = s.activity_id AND l.status <> 'cancelled'
                ) THEN 'limit'
                WHEN u.unmet <> '{}' THEN 'unmet'
                ELSE 'accepted'
            END AS verdict,
            CASE WHEN k.fingerprint IS NOT NULL THEN k.answer
                 ELSE jsonb_build_object('registration_id', coalesce(g.id, o.id),
                    'elsewhere', g.id IS NULL AND o.site_id <> (m.request).site_id,
                    'birth_date', encode(d.birth_date, 'escape'), 'local_day', s.local_day,
                    'other_email', coalesce(d.email_index <> (m.request).email_index, false),
                    'time_zone', c.time_zone, 'unmet', u.unmet,
                    'party_limit', a.party_limit, 'held', h.places, 'per_person_limit', a.per_person_limit,
                    'minimum_age', c.minimum_age, 'guardian_below', a.guardian_below,
                    'opens_at', a.registration_opens_at, 'closes_at', a.registration_closes_at)
            END AS answer,
            CASE WHEN (m.request).age_now < a.guardian_below
                 AND NOT guardian_agreed(m.found, (m.request).site_id, a.volunteering)
                 THEN CASE WHEN a.volunteering THEN 'guardian_volunteering' ELSE 'guardian_signup' END
            END AS guardian
        FROM matched AS m
        LEFT JOIN LATERAL (
            SELECT x.fingerprint, x.answer FROM idempotency_keys AS x
            WHERE x.owner = (m.request).site_id::text AND x.key = (m.request).idempotency_key OFFSET 0
        ) AS k ON true
        LEFT JOIN LATERAL (
            SELECT x.minimum_age, x.guardian_below, x.time_zone FROM sites AS x WHERE x.id = (m.request).site_id OFFSET 0
        ) AS c ON true
        LEFT JOIN LATERAL (
            SELECT x.*, x.capacity - x.confirmed - x.offered - x.held AS free,
                   tstzrange(x.starts_at, x.ends_at) AS during,
                   c.minimum_age > 0
                   OR coalesce(x.requirements ->> 'min_age', x.requirements ->> 'max_age') IS NOT NULL AS asks_age
            FROM shifts AS x WHERE x.id = (m.request).shift_id AND x.site_id = (m.request).site_id OFFSET 0
        ) AS s ON true
        LEFT JOIN LATERAL (
            SELECT x.*, CASE WHEN x.volunteering THEN 18 ELSE c.guardian_below END AS guardian_below
            FROM activities AS x WHERE x.id = s.activity_id OFFSET 0
        ) AS a ON true
        LEFT JOIN LATERAL (
            SELECT sign_up_state(a.status, s.status, s.starts_at, s.ends_at, a.registration_opens_at,
                                 a.registration_closes_at, coalesce((m.request).by_staff, false), moment) AS state
            OFFSET 0
        ) AS w ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(x.party_size), 0) AS places FROM registrations AS x
            WHERE (m.request).came_from IS NOT NULL AND x.shift_id = s.id AND x.came_from = (m.request).came_from
              AND x.status <> 'cancelled' OFFSET 0
        ) AS f ON true
        LEFT JOIN LATERAL (SELECT x.number FROM people AS x WHERE x.id = m.found OFFSET 0) AS p ON true
        LEFT JOIN LATERAL (
            SELECT x.* FROM person_sites AS x
            WHERE x.person_id = m.found AND x.site_id = (m.request).site_id OFFSET 0
        ) AS d ON true
        LEFT JOIN LATERAL (
            SELECT x.id FROM registrations AS x
            WHERE m.found IS NOT NULL AND x.shift_id = s.id AND x.person_id = m.found AND x.status <> 'cancelled'
            OFFSET 0
        ) AS g ON true
        LEFT JOIN LATERAL (
            SELECT x.id, x.site_id FROM registrations AS x
            WHERE m.found IS NOT NULL AND x.person_id = m.found AND x.status = 'confirmed' AND x.during && s.during
            LIMIT 1
        ) AS o ON true
        LEFT JOIN LATERAL (
            SELECT x.places FROM holds AS x
            WHERE x.id = (m.request).hold_id AND x.shift_id = s.id AND x.expires_at > moment OFFSET 0
        ) AS h ON true
        LEFT JOIN LATERAL (
            SELECT CASE WHEN (m.request).age NOT BETWEEN coalesce((s.requirements ->> 'min_age')::integer, 0)
                        AND coalesce((s.requirements ->> 'max_age')::integer, 999)
                   THEN '{age}'::text[] ELSE '{}' END
                   || person_meets(m.found, (m.request).site_id, s.requirements, s.local_day) AS unmet
            WHERE s.requirements <> '{}' OFFSET 0
        ) AS u ON true
    ), first AS (
        -- A person has one turn in a group, and so has a venue, for one shift: whoever comes with another waits for
        -- the next group.
        SELECT *, CASE
            WHEN verdict = 'accepted' AND (request).came_from IS NOT NULL
                 AND greatest(most_from_one_address(capacity, NOT keeps AND free < size), size)
                     < from_there + sum(size) OVER (
                 PARTITION BY verdict, (request).shift_id, (request).came_from ORDER BY (request).n) THEN 'one_address'
            WHEN verdict = 'accepted' AND found IS NOT NULL
                 AND row_number() OVER (PARTITION BY verdict, found ORDER BY (request).n) > 1 THEN 'again'
            WHEN verdict = 'accepted' AND venue_id IS NOT NULL AND NOT keeps AND (request).shift_id <> first_value(
                 (request).shift_id) OVER (PARTITION BY verdict, venue_id ORDER BY keeps, (request).n) THEN 'again'
            ELSE verdict END AS final
        FROM known
    ), reaching AS (
        -- In the order of the group each takes its places; nobody passes a party that does not fit.
        SELECT *, NOT keeps AND free < sum(CASE WHEN keeps THEN 0 ELSE size END) OVER (
            PARTITION BY final, (request).shift_id ORDER BY (request).n) AS waits
        FROM first
    ), settled AS (
        -- Nobody is put on the waitlist of a shift that runs.
        SELECT request, size, found, number, activity_id, last_queue_number, ahead, by_priority, is_new_here, fills,
            keeps, during, guardian, answer, waits,
            CASE WHEN final = 'accepted' AND waits AND running THEN 'full' ELSE final END AS final
        FROM reaching
    ), numbered AS (
        SELECT *, (request).registration_id, coalesce(found, (request).new_person_id) AS person_id,
            CASE WHEN final <> 'accepted' OR found IS NOT NULL THEN number
                 ELSE nextval('people_number_seq') END AS person_number,
            CASE WHEN waits THEN 'waitlisted' ELSE 'confirmed' END AS status,
            CASE WHEN waits THEN last_queue_number + row_number() OVER (
                PARTITION BY final, (request).shift_id, waits ORDER BY (request).n) END AS queue_number,
            CASE WHEN waits THEN ahead + row_number() OVER (
                PARTITION BY final, (request).shift_id, waits
                ORDER BY CASE WHEN by_priority THEN -coalesce((request).priority, 0) ELSE 0 END, (request).n
            ) END AS waitlist_position
        FROM settled
    )
    SELECT array_agg(ROW(
        request, final,
        CASE WHEN final = 'accepted' THEN jsonb_build_object(
            'id', registration_id, 'shift_id', (request).shift_id, 'activity_id', activity_id,
            'site_id', (request).site_id, 'person_id', person_id, 'status', status,
            'party_size', size, 'priority', coalesce((request).priority, 0),
            'waitlist_position', waitlist_position, 'offer_expires_at', NULL,
            'team_id', (request).team_id, 'group_id', (request).group_id,
            'channel', coalesce((request).channel, 'site'), 'other_email', answer -> 'other_email',
            'cancel_reason', NULL, 'outcome', NULL, 'checked_in_at', NULL, 'checked_out_at', NULL,
            'service_minutes', 0, 'version', 1,
            'created_at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) ELSE answer END,
        activity_id, person_id, person_number, found IS NULL, is_new_here, fills, registration_id, status, queue_number,
        size, keeps, during, guardian
    )::sign_up_decision ORDER BY (request).n) INTO decided FROM numbered;

    PERFORM 1 FROM person_sites AS p
    WHERE (p.person_id, p.site_id) IN (
        SELECT d.person_id, (d.request).site_id FROM unnest(decided) AS d WHERE d.fills AND d.verdict = 'accepted')
    ORDER BY p.person_id, p.site_id FOR NO KEY UPDATE;

    WITH accepted AS MATERIALIZED (
        SELECT * FROM unnest(decided) AS d WHERE d.verdict = 'accepted'
    ), new_people AS (
        INSERT INTO people (id, number) SELECT person_id, person_number FROM accepted WHERE is_new
    ), told AS (
        INSERT INTO person_sites
            (person_id, site_id, name, phone, email, birth_date, language, phone_hash, email_hash, phone_index,
             email_index, encrypted_with)
        SELECT person_id, (request).site_id, (request).name, (request).phone, (request).email, (request).birth_date,
               (request).language, (request).phone_hash, (request).email_hash, (request).phone_index,
               (request).email_index, (request).encrypted_with
        FROM accepted WHERE is_new_here ORDER BY 1, 2
        ON CONFLICT DO NOTHING
    ), filled AS (
        UPDATE person_sites AS p
           SET phone = coalesce(p.phone, (d.request).phone), email = coalesce(p.email, (d.request).email),
               phone_hash = CASE WHEN p.phone IS NULL THEN (d.request).phone_hash ELSE p.phone_hash END,
               email_hash = CASE WHEN p.email IS NULL THEN (d.request).email_hash ELSE p.email_hash END,
               phone_index = CASE WHEN p.phone IS NULL THEN (d.request).phone_index ELSE p.phone_index END,
               email_index = CASE WHEN p.email IS NULL THEN (d.request).email_index ELSE p.email_index END,
               birth_date = coalesce(p.birth_date, (d.request).birth_date), version = p.version + 1,
               encrypted_with = CASE p.encrypted_with WHEN (d.request).encrypted_with THEN p.encrypted_with ELSE '' END
        FROM accepted AS d WHERE d.fills AND p.person_id = d.person_id AND p.site_id = (d.request).site_id
    ), agreed AS (
        INSERT INTO consents (person_id, site_id, kind, text_id, given_by, how, made_by, registration_id,
                              representative_id, guardian, guardian_hash, encrypted_with)
        SELECT accepted.person_id, (request).site_id, said.kind, t.id, said.given_by, said.how, said.made_by,
               CASE WHEN said.how = 'sign_up' THEN accepted.registration_id END, g.id, g.name, g.identity_hash,
               g.encrypted_with
        FROM accepted CROSS JOIN LATERAL (VALUES
            (guardian, 'guardian', 'sign_up', coalesce(nullif((request).made_by, ''), 'site')),
            (CASE WHEN (request).terms THEN 'terms' END, 'person', 'online', 'web'),
            (CASE WHEN ((request).helper).name IS NOT NULL AND NOT EXISTS (
                SELECT FROM representatives AS x
                WHERE x.person_id = accepted.person_id AND x.site_id = (request).site_id AND x.kind = 'helper')
             THEN 'helper' END, 'person', 'online', 'web')
        ) AS said (kind, given_by, how, made_by)
        CROSS JOIN LATERAL (
            SELECT x.id FROM consent_texts AS x WHERE x.kind = said.kind AND x.effective_from <= now()
            ORDER BY x.number DESC LIMIT 1) AS t
        LEFT JOIN LATERAL (
            SELECT x.* FROM representatives AS x WHERE said.given_by = 'guardian' AND x.kind = 'guardian'
               AND x.person_id = accepted.person_id AND x.site_id = (request).site_id OFFSET 0
        ) AS g ON true
        WHERE said.kind IS NOT NULL
        ON CONFLICT DO NOTHING
    ), helped AS (
        -- a helper whom the site knows already stays: a stranger does not name another
        INSERT INTO representatives (person_id, site_id, kind, name, phone, relation, language, encrypted_with)
        SELECT person_id, (request).site_id, 'helper', ((request).helper).name, ((request).helper).phone,
               ((request).helper).relation, ((request).helper).language, (request).encrypted_with
        FROM accepted WHERE ((request).helper).name IS NOT NULL
        ON CONFLICT DO NOTHING
    ), seats AS (
        INSERT INTO registrations
            (id, shift_id, activity_id, site_id, person_id, age_band, status, queue_number, party_size, priority,
             team_id, group_id, channel, made_by, came_from, during, created_at)
        SELECT registration_id, (request).shift_id, activity_id, (request).site_id, person_id,
               coalesce((request).age_band, 'unknown'), status, queue_number, size, coalesce((request).priority, 0),
               (request).team_id, (request).group_id, coalesce((request).channel, 'site'),
               coalesce((request).made_by, ''), (request).came_from, during, moment
        FROM accepted ORDER BY (request).n
    ), counted AS (
        UPDATE shifts AS s SET confirmed = s.confirmed + t.confirmed, waitlisted = s.waitlisted + t.waitlisted,
               held = s.held - t.kept, last_queue_number = s.last_queue_number + t.queued
        FROM (SELECT (request).shift_id, coalesce(sum(size) FILTER (WHERE status = 'confirmed'), 0) AS confirmed,
                     coalesce(sum(size) FILTER (WHERE status = 'waitlisted'), 0) AS waitlisted,
                     coalesce(sum(size) FILTER (WHERE keeps), 0) AS kept,
                     count(*) FILTER (WHERE status = 'waitlisted') AS queued
              FROM accepted GROUP BY 1) AS t
        WHERE s.id = t.shift_id
    ), used AS (
        DELETE FROM holds AS h USING accepted AS d WHERE d.keeps AND h.id = (d.request).hold_id AND h.places = d.size
    ), left_over AS (
        -- the sweep gives the rest to who waits
        UPDATE holds AS h SET places = h.places - d.size, expires_at = moment
        FROM accepted AS d WHERE d.keeps AND h.id = (d.request).hold_id AND h.places > d.size
    ), audited AS (
        INSERT INTO audit_log (actor, address, request_id, site_id, action, kind, record, changed)
        SELECT (request).made_by, (request).address, (request).request_id, (request).site_id, 'insert',
               'registrations', registration_id::text, jsonb_build_object(
                   'status', jsonb_build_array(NULL, status), 'shift_id', jsonb_build_array(NULL, (request).shift_id))
        FROM accepted
        -- within a transaction of somebody's, the trigger does it
        WHERE starts_with((request).made_by, 'staff:') AND coalesce(current_setting('hesheng.actor', true), '') = ''
    ), events AS (
        INSERT INTO outbox (event_id, type, aggregate, request_id, data)
        SELECT (request).event_id, 'hesheng.registration.' || status || '.v1', activity_id::text, (request).request_id,
            jsonb_build_object(
                'registration_id', registration_id, 'version', 1, 'shift_id', (request).shift_id,
                'activity_id', activity_id, 'site_id', (request).site_id, 'person_id', person_id,
                'person_number', person_number, 'age_band', coalesce((request).age_band, 'unknown'), 'places', size,
                'channel', coalesce((request).channel, 'site'), 'team_id', (request).team_id)
        FROM accepted ORDER BY (request).n
    )
    INSERT INTO idempotency_keys (owner, key, fingerprint, answer)
    SELECT (request).site_id::text, (request).idempotency_key, (request).fingerprint, accepted.answer
    FROM accepted WHERE (request).idempotency_key IS NOT NULL;

    RETURN QUERY SELECT (d.request).n, d.verdict, d.answer FROM unnest(decided) AS d;
END
$$;
