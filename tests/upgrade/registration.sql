SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE TYPE public.sign_up_request AS (
	n integer,
	site_id uuid,
	shift_id uuid,
	request_id text,
	idempotency_key text,
	fingerprint bytea,
	person_id uuid,
	name bytea,
	phone bytea,
	email bytea,
	birth_date bytea,
	language text,
	encrypted_with text,
	phone_hash bytea,
	email_hash bytea,
	age_band text,
	age_is_stored boolean,
	guardian_consent boolean,
	registration_id uuid,
	new_person_id uuid,
	event_id uuid
);
CREATE TYPE public.sign_up_decision AS (
	request public.sign_up_request,
	verdict text,
	answer jsonb,
	activity_id uuid,
	person_id uuid,
	person_number bigint,
	is_new boolean,
	is_new_here boolean,
	fills boolean,
	registration_id uuid,
	status text,
	queue_number bigint
);
CREATE FUNCTION public.idempotency_lock(owner text, key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN hashtextextended(((owner || ' '::text) || key), (0)::bigint);
CREATE FUNCTION public.identity_lock(hash bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN hashtextextended(encode(hash, 'hex'::text), (1)::bigint);
CREATE FUNCTION public.sees(owner text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (current_setting('hesheng.site'::text, true) = ANY (ARRAY['*'::text, owner]));
CREATE FUNCTION public.sign_up(requests jsonb, patient boolean) RETURNS TABLE(n integer, verdict text, answer jsonb)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
DECLARE
    asked sign_up_request[];
    reached uuid[];
    busy integer[];
    decided sign_up_decision[];
    moment timestamptz;
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    asked := ARRAY(SELECT r FROM jsonb_populate_recordset(NULL::sign_up_request, requests) AS r);
    IF patient THEN
        PERFORM 1 FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r) ORDER BY id FOR NO KEY UPDATE;
    ELSE
        reached := ARRAY(SELECT id FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r)
                         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    busy := ARRAY(
        SELECT r.n FROM unnest(asked) AS r
        WHERE r.idempotency_key IS NOT NULL
          AND NOT pg_try_advisory_xact_lock(idempotency_lock(r.site_id::text, r.idempotency_key)));
    PERFORM pg_advisory_xact_lock(unknown.lock) FROM (
        SELECT DISTINCT identity_lock(i.hash) AS lock
        FROM unnest(asked) AS r CROSS JOIN LATERAL (VALUES
            (r.phone_hash, EXISTS (SELECT FROM person_sites AS p WHERE p.phone_hash = r.phone_hash)),
            (r.email_hash, EXISTS (SELECT FROM person_sites AS p WHERE p.email_hash = r.email_hash))
        ) AS i (hash, is_known)
        WHERE i.hash IS NOT NULL AND NOT i.is_known
        ORDER BY lock OFFSET 0
    ) AS unknown;
    moment := clock_timestamp();
    WITH matched AS MATERIALIZED (
        SELECT r AS request,
            CASE WHEN r.person_id IS NULL THEN coalesce(
                -- whose these details are: of whoever gave them first, at any site
                (SELECT p.person_id FROM person_sites AS p WHERE p.phone_hash = r.phone_hash
                 ORDER BY p.created_at LIMIT 1),
                (SELECT p.person_id FROM person_sites AS p WHERE p.email_hash = r.email_hash
                 ORDER BY p.created_at LIMIT 1))
            ELSE (SELECT s.person_id FROM person_sites AS s WHERE s.person_id = r.person_id AND s.site_id = r.site_id)
            END AS found
        FROM unnest(asked) AS r
    ), known AS MATERIALIZED (
        SELECT m.request, m.found, p.number, s.activity_id, s.waitlisted, s.last_queue_number,
            CASE WHEN s.waitlisted > 0 THEN 0 ELSE s.capacity - s.confirmed END AS free,
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
                WHEN s.status <> 'open' OR a.status <> 'published' OR s.starts_at <= moment THEN 'closed'
                WHEN (m.request).person_id IS NOT NULL AND m.found IS NULL THEN 'no_person'
                -- what the site was told first counts: no consent is saved by telling another birth date
                WHEN d.birth_date IS NOT NULL AND NOT coalesce((m.request).age_is_stored, false) THEN 'birth_date'
                WHEN NOT (m.request).guardian_consent AND ((m.request).age_band = 'under_14'
                     OR (m.request).age_band = '14_17' AND a.volunteering) THEN 'consent'
                WHEN g.id IS NOT NULL THEN 'already'
                ELSE 'accepted'
            END AS verdict,
            CASE WHEN k.fingerprint IS NOT NULL THEN k.answer
                 ELSE jsonb_build_object('registration_id', g.id, 'birth_date', encode(d.birth_date, 'escape'))
            END AS answer
        FROM matched AS m
        LEFT JOIN idempotency_keys AS k
               ON k.owner = (m.request).site_id::text AND k.key = (m.request).idempotency_key
        LEFT JOIN shifts AS s ON s.id = (m.request).shift_id AND s.site_id = (m.request).site_id
        LEFT JOIN activities AS a ON a.id = s.activity_id
        LEFT JOIN people AS p ON p.id = m.found
        LEFT JOIN person_sites AS d ON d.person_id = m.found AND d.site_id = (m.request).site_id
        LEFT JOIN registrations AS g ON g.shift_id = s.id AND g.person_id = m.found AND g.status <> 'cancelled'
    ), first AS (
        -- A person has one turn in a group; whoever comes again waits for the next group.
        SELECT *, CASE WHEN verdict = 'accepted' AND found IS NOT NULL AND row_number() OVER (
            PARTITION BY verdict, found ORDER BY (request).n) > 1 THEN 'again' ELSE verdict END AS final
        FROM known
    ), placed AS (
        SELECT *, row_number() OVER (PARTITION BY final, (request).shift_id ORDER BY (request).n) AS place FROM first
    ), numbered AS (
        SELECT *, (request).registration_id, coalesce(found, (request).new_person_id) AS person_id,
            CASE WHEN final <> 'accepted' OR found IS NOT NULL THEN number
                 ELSE nextval('people_number_seq') END AS person_number,
            CASE WHEN place > free THEN 'waitlisted' ELSE 'confirmed' END AS status,
            CASE WHEN place > free THEN last_queue_number + place - free END AS queue_number
        FROM placed
    )
    SELECT array_agg(ROW(
        request, final,
        CASE WHEN final = 'accepted' THEN jsonb_build_object(
            'id', registration_id, 'shift_id', (request).shift_id, 'activity_id', activity_id,
            'site_id', (request).site_id, 'person_id', person_id, 'status', status,
            'waitlist_position', CASE WHEN place > free THEN waitlisted + place - free END,
            'cancel_reason', NULL, 'outcome', NULL, 'checked_in_at', NULL, 'checked_out_at', NULL,
            'service_minutes', 0, 'version', 1,
            'created_at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) ELSE answer END,
        activity_id, person_id, person_number, found IS NULL, is_new_here, fills, registration_id, status, queue_number
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
            (person_id, site_id, name, phone, email, birth_date, language, phone_hash, email_hash, encrypted_with)
        SELECT person_id, (request).site_id, (request).name, (request).phone, (request).email, (request).birth_date,
               (request).language, (request).phone_hash, (request).email_hash, (request).encrypted_with
        FROM accepted WHERE is_new_here ORDER BY 1, 2
        ON CONFLICT DO NOTHING
    ), filled AS (
        UPDATE person_sites AS p
           SET phone = coalesce(p.phone, (d.request).phone), email = coalesce(p.email, (d.request).email),
               phone_hash = CASE WHEN p.phone IS NULL THEN (d.request).phone_hash ELSE p.phone_hash END,
               email_hash = CASE WHEN p.email IS NULL THEN (d.request).email_hash ELSE p.email_hash END,
               birth_date = coalesce(p.birth_date, (d.request).birth_date), version = p.version + 1,
               encrypted_with = CASE p.encrypted_with WHEN (d.request).encrypted_with THEN p.encrypted_with ELSE '' END
        FROM accepted AS d WHERE d.fills AND p.person_id = d.person_id AND p.site_id = (d.request).site_id
    ), seats AS (
        INSERT INTO registrations
            (id, shift_id, activity_id, site_id, person_id, age_band, status, queue_number, created_at)
        SELECT registration_id, (request).shift_id, activity_id, (request).site_id, person_id,
               coalesce((request).age_band, 'unknown'), status, queue_number, moment
        FROM accepted ORDER BY (request).n
    ), counted AS (
        UPDATE shifts AS s SET confirmed = s.confirmed + t.confirmed, waitlisted = s.waitlisted + t.waitlisted,
               last_queue_number = s.last_queue_number + t.waitlisted
        FROM (SELECT (request).shift_id, count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
                     count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
              FROM accepted GROUP BY 1) AS t
        WHERE s.id = t.shift_id
    ), events AS (
        INSERT INTO outbox (event_id, type, aggregate, request_id, data)
        SELECT (request).event_id, 'hesheng.registration.' || status || '.v1', activity_id::text, (request).request_id,
            jsonb_build_object(
                'registration_id', registration_id, 'version', 1, 'shift_id', (request).shift_id,
                'activity_id', activity_id, 'site_id', (request).site_id, 'person_id', person_id,
                'person_number', person_number, 'age_band', coalesce((request).age_band, 'unknown'))
        FROM accepted ORDER BY (request).n
    )
    INSERT INTO idempotency_keys (owner, key, fingerprint, answer)
    SELECT (request).site_id::text, (request).idempotency_key, (request).fingerprint, accepted.answer
    FROM accepted WHERE (request).idempotency_key IS NOT NULL;
    RETURN QUERY SELECT (d.request).n, d.verdict, d.answer FROM unnest(decided) AS d;
END
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.activities (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    number bigint NOT NULL,
    site_id uuid NOT NULL,
    room_id uuid,
    team_id uuid,
    kind text NOT NULL,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    place text NOT NULL,
    description_zh text NOT NULL,
    description_en text NOT NULL,
    volunteering boolean NOT NULL,
    reminder_minutes integer[] NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT activities_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'published'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.activities FORCE ROW LEVEL SECURITY;
ALTER TABLE public.activities ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.activities_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.areas (
    code text NOT NULL,
    parent text,
    level text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT areas_level_check CHECK ((level = ANY (ARRAY['province'::text, 'city'::text, 'district'::text, 'subdistrict'::text, 'community'::text])))
);
CREATE TABLE public.event_log (
    one boolean DEFAULT true NOT NULL,
    epoch uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT event_log_one_check CHECK (one)
);
CREATE TABLE public.idempotency_keys (
    key text NOT NULL,
    owner text NOT NULL,
    fingerprint bytea NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE TABLE public.log_heads (
    partition smallint NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.outbox (
    id bigint NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    type text NOT NULL,
    aggregate text NOT NULL,
    partition smallint GENERATED ALWAYS AS ((get_byte(decode(md5(aggregate), 'hex'::text), 0) >> 4)) STORED NOT NULL,
    sequence bigint,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    request_id text,
    data jsonb NOT NULL
);
CREATE SEQUENCE public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;
CREATE TABLE public.people (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    number bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.people FORCE ROW LEVEL SECURITY;
ALTER TABLE public.people ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.people_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.person_sites (
    person_id uuid NOT NULL,
    site_id uuid NOT NULL,
    name bytea NOT NULL,
    phone bytea,
    email bytea,
    birth_date bytea,
    encrypted_with text NOT NULL,
    language text DEFAULT 'zh-CN'::text NOT NULL,
    phone_hash bytea,
    email_hash bytea,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.person_sites FORCE ROW LEVEL SECURITY;
CREATE TABLE public.registrations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    shift_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    age_band text NOT NULL,
    status text NOT NULL,
    queue_number bigint,
    cancel_reason text,
    version integer DEFAULT 1 NOT NULL,
    outcome text,
    checked_in_at timestamp with time zone,
    checked_out_at timestamp with time zone,
    service_minutes integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT registrations_outcome_check CHECK ((outcome = ANY (ARRAY['present'::text, 'attended'::text, 'no_show'::text]))),
    CONSTRAINT registrations_status_check CHECK ((status = ANY (ARRAY['confirmed'::text, 'waitlisted'::text, 'cancelled'::text]))),
    CONSTRAINT registrations_waiting_in_order CHECK (((status <> 'waitlisted'::text) OR (queue_number IS NOT NULL)))
);
ALTER TABLE ONLY public.registrations FORCE ROW LEVEL SECURITY;
ALTER TABLE public.registrations ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registrations_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rooms (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    site_id uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    capacity integer NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT rooms_capacity_check CHECK ((capacity > 0))
);
ALTER TABLE ONLY public.rooms FORCE ROW LEVEL SECURITY;
ALTER TABLE public.rooms ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rooms_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.sent_pages (
    subscriber text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL
);
CREATE TABLE public.shifts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    activity_id uuid NOT NULL,
    site_id uuid NOT NULL,
    role_zh text NOT NULL,
    role_en text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    local_day date NOT NULL,
    capacity integer NOT NULL,
    confirmed integer DEFAULT 0 NOT NULL,
    waitlisted integer DEFAULT 0 NOT NULL,
    last_queue_number bigint DEFAULT 0 NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT shifts_confirmed_check CHECK ((confirmed >= 0)),
    CONSTRAINT shifts_in_order CHECK ((starts_at < ends_at)),
    CONSTRAINT shifts_never_oversold CHECK ((confirmed <= capacity)),
    CONSTRAINT shifts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'cancelled'::text]))),
    CONSTRAINT shifts_waitlisted_check CHECK ((waitlisted >= 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY public.shifts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.shifts ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.shifts_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.site_keys (
    key_id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    site_id uuid NOT NULL,
    label text NOT NULL,
    prefix text NOT NULL,
    sha256 text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);
ALTER TABLE ONLY public.site_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE public.site_keys ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.site_keys_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.sites (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    area text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    time_zone text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    version integer DEFAULT 1 NOT NULL
);
ALTER TABLE public.sites ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sites_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.teams (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint NOT NULL,
    site_id uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    kind text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT teams_kind_check CHECK ((kind = ANY (ARRAY['choir'::text, 'volunteers'::text])))
);
ALTER TABLE ONLY public.teams FORCE ROW LEVEL SECURITY;
ALTER TABLE public.teams ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.teams_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
INSERT INTO public.activities OVERRIDING SYSTEM VALUE VALUES ('73aee02b-99e1-4913-a578-a9c87e66fe07', 1, '719f6711-65fe-48a3-8d77-6603d7edb589', NULL, NULL, 'class', '指尖科普课堂', 'Smartphone class', '一号教室', '', '', false, '{1440,120}', 'published', 2);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.areas VALUES ('140107', NULL, 'district', '杏花岭区', 'Xinghualing', 1);
INSERT INTO public.areas VALUES ('140107901', '140107', 'community', '示例社区', 'Sample community', 1);
INSERT INTO public.event_log VALUES (true, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', '2026-11-27 18:48:06.949473+00');
INSERT INTO public.idempotency_keys VALUES ('f1b1187db2544401a9de89d1fe5b5ca9', 'operator', '\x8501e8f8c308652d2a8506e2c732687450da29a9bf2c32fe3596a29c5fe4ee2b', '{"id": "719f6711-65fe-48a3-8d77-6603d7edb589", "area": "140107901", "address": "", "name_en": "Sample centre", "name_zh": "示例服务中心", "version": 1, "time_zone": "Asia/Shanghai"}', '2026-11-27 18:48:16.666344+00');
INSERT INTO public.idempotency_keys VALUES ('4ab6e7f811b743d58392fa8be9439c12', 'operator', '\xbbd6af9783d6b29299bdac02a6aae34a5d98b584e3ab8399f19473da998b3636', '{"id": "738d1a75-dbea-4982-8458-1bf5beef61d2", "label": "tests", "prefix": "hsk_DTr7bL", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "created_at": "2026-11-27T18:48:16.720655Z", "revoked_at": null}', '2026-11-27 18:48:16.720655+00');
INSERT INTO public.idempotency_keys VALUES ('fbe6248777604aa897880d77068c6d6b', '719f6711-65fe-48a3-8d77-6603d7edb589', '\xe11ff501e17578830da99eebbc0e0d622676c0aeeb2c8ebc22c93a5b100e6cff', '{"id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "kind": "class", "place": "一号教室", "number": 1, "status": "draft", "room_id": null, "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "team_id": null, "version": 1, "title_en": "Smartphone class", "title_zh": "指尖科普课堂", "volunteering": false, "description_en": "", "description_zh": "", "reminder_minutes": [1440, 120]}', '2026-11-27 18:48:16.770108+00');
INSERT INTO public.idempotency_keys VALUES ('d2211b46a9e64205aa0cbc68c9b5a4fa', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x2e6bf747feee27c8892b2597833453cdd412d56cc3b6281b88aa697541533a89', '{"id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "status": "open", "ends_at": "2046-11-22T20:48:16.844910Z", "role_en": "participant", "role_zh": "参与者", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "capacity": 2, "confirmed": 0, "local_day": "2046-11-23", "starts_at": "2046-11-22T18:48:16.844910Z", "waitlisted": 0, "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07"}', '2026-11-27 18:48:16.852669+00');
INSERT INTO public.idempotency_keys VALUES ('4dec3d782565475a971b2b43e997c700', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x7946760f57f3170a17ded7e291c52b7771c879eb3fd3ab801a8bb36511499a45', '{"id": "49e83a24-95b6-4a88-92db-f620b5c3a47a", "status": "confirmed", "outcome": null, "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4", "created_at": "2026-11-27T18:48:17.027234Z", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "cancel_reason": null, "checked_in_at": null, "checked_out_at": null, "service_minutes": 0, "waitlist_position": null}', '2026-11-27 18:48:17.008334+00');
INSERT INTO public.idempotency_keys VALUES ('1932d78cd97141ce839138998ecec0d2', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x5a4c8beb5c3a8304cfe9300d7d8786c121c5911c6fbcb8680ec00f20ced62a89', '{"id": "b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2", "status": "confirmed", "outcome": null, "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "46f07d83-f369-4fe8-a2d5-8686a282b719", "created_at": "2026-11-27T18:48:17.129320Z", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "cancel_reason": null, "checked_in_at": null, "checked_out_at": null, "service_minutes": 0, "waitlist_position": null}', '2026-11-27 18:48:17.128953+00');
INSERT INTO public.idempotency_keys VALUES ('353ca42c710e4d3e840969c051d51cb5', '719f6711-65fe-48a3-8d77-6603d7edb589', '\xc51e5679c3dee3c674d66bc94a75adbba6f22d2f0a0921dbb1ea2475eecaeb9a', '{"id": "0d2e73b5-05a5-48d2-9c0d-beddb9896e75", "status": "waitlisted", "outcome": null, "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "f9d1e344-e43b-4682-9a59-1ef443fecdb7", "created_at": "2026-11-27T18:48:17.165367Z", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "cancel_reason": null, "checked_in_at": null, "checked_out_at": null, "service_minutes": 0, "waitlist_position": 1}', '2026-11-27 18:48:17.165068+00');
INSERT INTO public.idempotency_keys VALUES ('1708b0f74f8c4f079f609cac7f542fbc', '719f6711-65fe-48a3-8d77-6603d7edb589', '\xd1dcf468ad5a103f4264a2eef27ced560d6ae8966753221fe0439047282c42ee', '{"id": "ade5c9b1-cfb7-4029-b619-09564ef64bcf", "status": "waitlisted", "outcome": null, "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6", "created_at": "2026-11-27T18:48:17.183041Z", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "cancel_reason": null, "checked_in_at": null, "checked_out_at": null, "service_minutes": 0, "waitlist_position": 2}', '2026-11-27 18:48:17.182687+00');
INSERT INTO public.log_heads VALUES (1, 0);
INSERT INTO public.log_heads VALUES (2, 0);
INSERT INTO public.log_heads VALUES (3, 0);
INSERT INTO public.log_heads VALUES (4, 0);
INSERT INTO public.log_heads VALUES (5, 0);
INSERT INTO public.log_heads VALUES (8, 0);
INSERT INTO public.log_heads VALUES (9, 0);
INSERT INTO public.log_heads VALUES (10, 0);
INSERT INTO public.log_heads VALUES (11, 0);
INSERT INTO public.log_heads VALUES (12, 0);
INSERT INTO public.log_heads VALUES (13, 0);
INSERT INTO public.log_heads VALUES (14, 0);
INSERT INTO public.log_heads VALUES (7, 1);
INSERT INTO public.log_heads VALUES (6, 1);
INSERT INTO public.log_heads VALUES (0, 2);
INSERT INTO public.log_heads VALUES (15, 8);
INSERT INTO public.outbox VALUES (1, '4c4bf997-abee-4d17-ba46-1c5b36bbf459', 'hesheng.area.saved.v1', '140107', DEFAULT, 1, '2026-11-27 18:48:16.605884+00', '0c2a6e1dde154531b79519bbf8f39a3d', '{"code": "140107", "level": "district", "parent": null, "name_en": "Xinghualing", "name_zh": "杏花岭区"}');
INSERT INTO public.outbox VALUES (2, '653ebffe-e82f-43c9-96e1-6a8c191120b7', 'hesheng.area.saved.v1', '140107901', DEFAULT, 1, '2026-11-27 18:48:16.637885+00', '1e048cabb6ae440e955ef765baabcdfa', '{"code": "140107901", "level": "community", "parent": "140107", "name_en": "Sample community", "name_zh": "示例社区"}');
INSERT INTO public.outbox VALUES (3, 'e97fe9cb-078c-40a1-aecf-2e909adc2b78', 'hesheng.site.saved.v1', '719f6711-65fe-48a3-8d77-6603d7edb589', DEFAULT, 1, '2026-11-27 18:48:16.694526+00', '000a68ed3ee74cfaaa9128d5dce4ea36', '{"area": "140107901", "name_en": "Sample centre", "name_zh": "示例服务中心", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "time_zone": "Asia/Shanghai"}');
INSERT INTO public.outbox VALUES (4, 'e4073b3a-58a0-422b-bbed-8c0a8216c0eb', 'hesheng.site_key.issued.v1', '719f6711-65fe-48a3-8d77-6603d7edb589', DEFAULT, 2, '2026-11-27 18:48:16.743158+00', '784d9a22e8714a7ca13a574b7980ca62', '{"key_id": "738d1a75-dbea-4982-8458-1bf5beef61d2", "sha256": "962017a7c7da1dcaa6bbc638d808596872b7a56379bd1a8de34e74c2131866be", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589"}');
INSERT INTO public.outbox VALUES (5, 'ae1d13fa-62f2-4b22-a244-6485ba21490d', 'hesheng.activity.published.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 1, '2026-11-27 18:48:16.929006+00', 'ce6e7ae7969a435e9ef1db7d15491f4f', '{"kind": "class", "place": "一号教室", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "title_en": "Smartphone class", "title_zh": "指尖科普课堂", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "volunteering": false, "activity_number": 1, "reminder_minutes": [1440, 120]}');
INSERT INTO public.outbox VALUES (6, 'e0513d6f-4df3-48e1-a2e4-3b6b317c4faf', 'hesheng.shift.opened.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 2, '2026-11-27 18:48:16.929095+00', 'ce6e7ae7969a435e9ef1db7d15491f4f', '{"ends_at": "2046-11-22T20:48:16.844910Z", "role_en": "participant", "role_zh": "参与者", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "capacity": 2, "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "local_day": "2046-11-23", "starts_at": "2046-11-22T18:48:16.844910Z", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07"}');
INSERT INTO public.outbox VALUES (7, '97d76ec5-9080-440c-9c46-2a22164dd969', 'hesheng.registration.confirmed.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 3, '2026-11-27 18:48:17.086156+00', 'dd831b317fce4acaa2df865e5043683e', '{"site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 1, "registration_id": "49e83a24-95b6-4a88-92db-f620b5c3a47a"}');
INSERT INTO public.outbox VALUES (8, 'b1bd139e-4c4a-4db8-9e2c-a9f58240c145', 'hesheng.registration.confirmed.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 4, '2026-11-27 18:48:17.129818+00', 'f17b2378c9684b95abe43f3081adb02b', '{"site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "46f07d83-f369-4fe8-a2d5-8686a282b719", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 2, "registration_id": "b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2"}');
INSERT INTO public.outbox VALUES (9, '47402a19-6743-41d6-bf7b-1f4d51c62493', 'hesheng.registration.waitlisted.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 5, '2026-11-27 18:48:17.165854+00', 'c8bf4d56774e40f997ca0c7436a2fed3', '{"site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "f9d1e344-e43b-4682-9a59-1ef443fecdb7", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 3, "registration_id": "0d2e73b5-05a5-48d2-9c0d-beddb9896e75"}');
INSERT INTO public.outbox VALUES (11, '136b5b71-c4cc-40be-bd58-ac67e3bef867', 'hesheng.registration.cancelled.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 7, '2026-11-27 18:48:17.369319+00', 'da3655bc729a4108853e0751b31ec442', '{"reason": "person", "site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 2, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 1, "was_waitlisted": false, "registration_id": "49e83a24-95b6-4a88-92db-f620b5c3a47a"}');
INSERT INTO public.outbox VALUES (12, 'dc256805-a959-4856-aa11-7ed8d0e74e94', 'hesheng.registration.promoted.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 8, '2026-11-27 18:48:17.369479+00', 'da3655bc729a4108853e0751b31ec442', '{"site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 2, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "f9d1e344-e43b-4682-9a59-1ef443fecdb7", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 3, "registration_id": "0d2e73b5-05a5-48d2-9c0d-beddb9896e75"}');
INSERT INTO public.outbox VALUES (10, 'cbf1478d-d747-4de9-93af-82517ecdf728', 'hesheng.registration.waitlisted.v1', '73aee02b-99e1-4913-a578-a9c87e66fe07', DEFAULT, 6, '2026-11-27 18:48:17.183442+00', '0d16b4acea564faea65d243c3d6d2fc8', '{"site_id": "719f6711-65fe-48a3-8d77-6603d7edb589", "version": 1, "age_band": "35_59", "shift_id": "e764a4de-f6a2-4f23-8edc-2d7c3f55b734", "person_id": "fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6", "activity_id": "73aee02b-99e1-4913-a578-a9c87e66fe07", "person_number": 4, "registration_id": "ade5c9b1-cfb7-4029-b619-09564ef64bcf"}');
INSERT INTO public.people VALUES ('2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', 1, '2026-11-27 18:48:17.008334+00');
INSERT INTO public.people VALUES ('46f07d83-f369-4fe8-a2d5-8686a282b719', 2, '2026-11-27 18:48:17.128953+00');
INSERT INTO public.people VALUES ('f9d1e344-e43b-4682-9a59-1ef443fecdb7', 3, '2026-11-27 18:48:17.165068+00');
INSERT INTO public.people VALUES ('fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', 4, '2026-11-27 18:48:17.182687+00');
INSERT INTO public.person_sites VALUES ('2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x67414141414142724364427773575664753477715969314446457374424154375964463430684b37535f4e52554c343631344b364f57684e57372d415957754230684669504c44636378414a4348587666545a61736a534f676b4647775f414d6c673d3d', NULL, '\x67414141414142724364427757675977562d4f6c4d7a33754c5465514b4a35784e6d4579584477626369654d723470553752383938654c4164714555735a716b627071683977684c75456c42685f66487931504b31354c64596c4e756f48556433413d3d', '\x6741414141414272436442776b344e515a5958736748575670754777764346474f5f5f54566573666531624c6b795a616255584f376778787561355f635539772d59686b655879594f385732625f566576664d3447646847396f54725764485179413d3d', '3cbe8d165645', 'zh-CN', NULL, '\x3c074e0d2198549dc61ee868f7584bf8ded9554d13660c09c3242b6ab4e9e868', 1, '2026-11-27 18:48:17.008334+00');
INSERT INTO public.person_sites VALUES ('46f07d83-f369-4fe8-a2d5-8686a282b719', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x674141414141427243644278306b6a4d5f584637656b7847652d454475736d54563235654b7441336461476d364a6e77465f77472d4a70674f3374566d414730747166562d6e6f32626d595a4b7849475a63355565637442755f496530704d5233413d3d', NULL, '\x674141414141427243644278315a6256463351536e637330343474436a5f726a4b49613052314a47567550574c68324e396c387963564157525735596d4a5a3777534e4a4f756c5a77686267795970793269617962343953496735784655447675673d3d', '\x674141414141427243644278684b5f5766684e48515430422d79465566637a745470594c6b38644931413775695166345144635a69514f785557374c384450354c704134615045646645756d41782d7a4e366d58314e4d6e5f4e6d776261416566673d3d', '3cbe8d165645', 'zh-CN', NULL, '\x6fa6e7eb51cf454056e40926255b3a708f33aa745cbe952ef5f87cc3f2c6889e', 1, '2026-11-27 18:48:17.128953+00');
INSERT INTO public.person_sites VALUES ('f9d1e344-e43b-4682-9a59-1ef443fecdb7', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x6741414141414272436442785f6d414c5f734d6442435361783061324a397465314d4c7647324650746b4a6a493572774d6f5238324d4e45504e71375a44635170366b6d363171624c636d544c58576b6c57746278416e646d4452704142523668413d3d', NULL, '\x674141414141427243644278416c6e71666666716d31374e4b574877414f6d4449487768523252344a435a4c6d49695f7446386864367672616345466f416b67733839622d686b73556554473056676b45784f6e5770486a534b4d655f42665869773d3d', '\x674141414141427243644278675257714b6543732d436774576537614270746c5079786b6458524c4a36304f4b2d63547674797474444979645a4b516f73654f3331423849614b7961696b666b61424d41475f4875486e5f567a56585231316f6a673d3d', '3cbe8d165645', 'zh-CN', NULL, '\x61b6da930de2a80d933365651166fd21ea4efcd6dacee9af4557107a7be70790', 1, '2026-11-27 18:48:17.165068+00');
INSERT INTO public.person_sites VALUES ('fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', '719f6711-65fe-48a3-8d77-6603d7edb589', '\x6741414141414272436442786d5a616f713857365953496a6e54745879643367745a2d397553764d37657a7143345631664f76426f41556863525172423434425232566d6d422d616b657654583064544d6f415a6c7a79717a62586f7776417356773d3d', NULL, '\x67414141414142724364427855797a71423833736e3179725854536d4468422d577963564d7371376743394e55504769784b556f36724f6d6b4b4c3554522d674c6b365050356f5f735466746a4b516d50524932347041506a616f7a33764a4366773d3d', '\x67414141414142724364427864637035486e364e683235356a536a686135677137754736626f5f4f6e52434777723867394f4d75785030734d4433554f6d3955545258423743763863363051656852654e6c2d6a4177585a724178615059316e62773d3d', '3cbe8d165645', 'zh-CN', NULL, '\xd3752d62c622fa1e6ba40b33ae12da0bce32d6e7b9721893ef34b4aa5a46ea18', 1, '2026-11-27 18:48:17.182687+00');
INSERT INTO public.registrations OVERRIDING SYSTEM VALUE VALUES ('b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', 2, 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', '46f07d83-f369-4fe8-a2d5-8686a282b719', '35_59', 'confirmed', NULL, NULL, 1, NULL, NULL, NULL, 0, '2026-11-27 18:48:17.12932+00');
INSERT INTO public.registrations OVERRIDING SYSTEM VALUE VALUES ('ade5c9b1-cfb7-4029-b619-09564ef64bcf', 4, 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', 'fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', '35_59', 'waitlisted', 2, NULL, 1, NULL, NULL, NULL, 0, '2026-11-27 18:48:17.183041+00');
INSERT INTO public.registrations OVERRIDING SYSTEM VALUE VALUES ('49e83a24-95b6-4a88-92db-f620b5c3a47a', 1, 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', '2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', '35_59', 'cancelled', NULL, 'person', 2, NULL, NULL, NULL, 0, '2026-11-27 18:48:17.027234+00');
INSERT INTO public.registrations OVERRIDING SYSTEM VALUE VALUES ('0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 3, 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', 'f9d1e344-e43b-4682-9a59-1ef443fecdb7', '35_59', 'confirmed', 1, NULL, 2, NULL, NULL, NULL, 0, '2026-11-27 18:48:17.165367+00');
INSERT INTO public.sent_pages VALUES ('notifications', 7, 1);
INSERT INTO public.sent_pages VALUES ('reporting', 0, 2);
INSERT INTO public.sent_pages VALUES ('reporting', 6, 1);
INSERT INTO public.sent_pages VALUES ('reporting', 7, 1);
INSERT INTO public.sent_pages VALUES ('notifications', 0, 2);
INSERT INTO public.sent_pages VALUES ('notifications', 6, 1);
INSERT INTO public.sent_pages VALUES ('notifications', 15, 8);
INSERT INTO public.sent_pages VALUES ('reporting', 15, 8);
INSERT INTO public.shifts OVERRIDING SYSTEM VALUE VALUES ('e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 1, '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', '参与者', 'participant', '2046-11-22 18:48:16.84491+00', '2046-11-22 20:48:16.84491+00', '2046-11-23', 2, 2, 1, 2, 'open', 1);
INSERT INTO public.site_keys OVERRIDING SYSTEM VALUE VALUES ('738d1a75-dbea-4982-8458-1bf5beef61d2', 1, '719f6711-65fe-48a3-8d77-6603d7edb589', 'tests', 'hsk_DTr7bL', '962017a7c7da1dcaa6bbc638d808596872b7a56379bd1a8de34e74c2131866be', '2026-11-27 18:48:16.720655+00', NULL);
INSERT INTO public.sites OVERRIDING SYSTEM VALUE VALUES ('719f6711-65fe-48a3-8d77-6603d7edb589', 1, '140107901', '示例服务中心', 'Sample centre', 'Asia/Shanghai', '', 1);
SELECT pg_catalog.setval('public.activities_number_seq', 1, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 12, true);
SELECT pg_catalog.setval('public.people_number_seq', 4, true);
SELECT pg_catalog.setval('public.registrations_position_seq', 4, true);
SELECT pg_catalog.setval('public.rooms_position_seq', 1, false);
SELECT pg_catalog.setval('public.shifts_position_seq', 1, true);
SELECT pg_catalog.setval('public.site_keys_position_seq', 1, true);
SELECT pg_catalog.setval('public.sites_position_seq', 1, true);
SELECT pg_catalog.setval('public.teams_position_seq', 1, false);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_number_key UNIQUE (number);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.areas
    ADD CONSTRAINT areas_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key, owner);
ALTER TABLE ONLY public.log_heads
    ADD CONSTRAINT log_heads_pkey PRIMARY KEY (partition);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_gapless UNIQUE (partition, sequence);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_number_key UNIQUE (number);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person_sites
    ADD CONSTRAINT person_sites_pkey PRIMARY KEY (person_id, site_id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_position_key UNIQUE ("position");
ALTER TABLE ONLY public.sent_pages
    ADD CONSTRAINT sent_pages_pkey PRIMARY KEY (subscriber, partition);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_position_key UNIQUE ("position");
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_position_key UNIQUE ("position");
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_sha256_key UNIQUE (sha256);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_position_key UNIQUE ("position");
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_position_key UNIQUE ("position");
CREATE INDEX activities_site ON public.activities USING btree (site_id, number);
CREATE INDEX areas_parent ON public.areas USING btree (parent, code);
CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX outbox_unsequenced ON public.outbox USING btree (id) WHERE (sequence IS NULL);
CREATE INDEX person_sites_email ON public.person_sites USING btree (email_hash) WHERE (email_hash IS NOT NULL);
CREATE INDEX person_sites_encrypted_with ON public.person_sites USING btree (encrypted_with);
CREATE INDEX person_sites_phone ON public.person_sites USING btree (phone_hash) WHERE (phone_hash IS NOT NULL);
CREATE INDEX person_sites_site ON public.person_sites USING btree (site_id);
CREATE UNIQUE INDEX registrations_once ON public.registrations USING btree (shift_id, person_id) WHERE (status <> 'cancelled'::text);
CREATE INDEX registrations_person ON public.registrations USING btree (person_id);
CREATE UNIQUE INDEX registrations_queue ON public.registrations USING btree (shift_id, queue_number) WHERE (status = 'waitlisted'::text);
CREATE INDEX registrations_shift ON public.registrations USING btree (shift_id, "position");
CREATE INDEX rooms_site ON public.rooms USING btree (site_id, "position");
CREATE INDEX shifts_activity ON public.shifts USING btree (activity_id, "position");
CREATE INDEX shifts_site ON public.shifts USING btree (site_id);
CREATE INDEX site_keys_site ON public.site_keys USING btree (site_id, "position");
CREATE INDEX teams_site ON public.teams USING btree (site_id, "position");
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(id);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);
ALTER TABLE ONLY public.areas
    ADD CONSTRAINT areas_parent_fkey FOREIGN KEY (parent) REFERENCES public.areas(code);
ALTER TABLE ONLY public.person_sites
    ADD CONSTRAINT person_sites_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(id);
ALTER TABLE ONLY public.person_sites
    ADD CONSTRAINT person_sites_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_shift_id_fkey FOREIGN KEY (shift_id) REFERENCES public.shifts(id);
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_activity_id_fkey FOREIGN KEY (activity_id) REFERENCES public.activities(id);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_area_fkey FOREIGN KEY (area) REFERENCES public.areas(code);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(id);
ALTER TABLE public.activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_site ON public.activities USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.idempotency_keys USING (public.sees(owner)) WITH CHECK (public.sees(owner));
CREATE POLICY own_site ON public.people USING (((current_setting('hesheng.site'::text, true) = '*'::text) OR (EXISTS ( SELECT 1
   FROM public.person_sites
  WHERE (person_sites.person_id = people.id))))) WITH CHECK (((current_setting('hesheng.site'::text, true) = '*'::text) OR (EXISTS ( SELECT 1
   FROM public.person_sites
  WHERE (person_sites.person_id = people.id)))));
CREATE POLICY own_site ON public.person_sites USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.registrations USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.rooms USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.shifts USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.site_keys USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
CREATE POLICY own_site ON public.teams USING (public.sees((site_id)::text)) WITH CHECK (public.sees((site_id)::text));
ALTER TABLE public.people ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.person_sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.registrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.rooms ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.shifts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.site_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.teams ENABLE ROW LEVEL SECURITY;
