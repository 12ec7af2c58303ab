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
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.activities (
    activity_id uuid NOT NULL,
    activity_number bigint NOT NULL,
    site_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    CONSTRAINT activities_status_check CHECK ((status = ANY (ARRAY['open'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.activities FORCE ROW LEVEL SECURITY;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.applied (
    id bigint NOT NULL,
    producer text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE public.applied_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.applied_id_seq OWNED BY public.applied.id;
CREATE TABLE public.areas (
    code text NOT NULL,
    parent text,
    level text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL
);
CREATE TABLE public.facts (
    registration_id uuid NOT NULL,
    version integer NOT NULL,
    site_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    activity_number bigint NOT NULL,
    person_id uuid NOT NULL,
    person_number bigint NOT NULL,
    kind text NOT NULL,
    age_band text NOT NULL,
    day date NOT NULL,
    status text NOT NULL,
    promoted boolean DEFAULT false NOT NULL,
    outcome text,
    service_minutes integer DEFAULT 0 NOT NULL,
    CONSTRAINT facts_outcome_check CHECK ((outcome = ANY (ARRAY['present'::text, 'attended'::text, 'no_show'::text]))),
    CONSTRAINT facts_status_check CHECK ((status = ANY (ARRAY['confirmed'::text, 'waitlisted'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.facts FORCE ROW LEVEL SECURITY;
CREATE VIEW public.bucket_source AS
 SELECT site_id,
    day,
    kind,
    age_band,
    (count(*))::integer AS registrations,
    (count(*) FILTER (WHERE (status = 'confirmed'::text)))::integer AS confirmed,
    (count(*) FILTER (WHERE (status = 'waitlisted'::text)))::integer AS waitlisted,
    (count(*) FILTER (WHERE promoted))::integer AS promotions,
    (count(*) FILTER (WHERE (status = 'cancelled'::text)))::integer AS cancellations,
    (count(*) FILTER (WHERE (outcome = ANY (ARRAY['present'::text, 'attended'::text]))))::integer AS attended,
    (count(*) FILTER (WHERE (outcome = 'no_show'::text)))::integer AS no_shows,
    (sum(service_minutes))::integer AS service_minutes
   FROM public.facts
  GROUP BY site_id, day, kind, age_band;
CREATE TABLE public.buckets (
    site_id uuid NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    age_band text NOT NULL,
    registrations integer NOT NULL,
    confirmed integer NOT NULL,
    waitlisted integer NOT NULL,
    promotions integer NOT NULL,
    cancellations integer NOT NULL,
    attended integer NOT NULL,
    no_shows integer NOT NULL,
    service_minutes integer NOT NULL
);
ALTER TABLE ONLY public.buckets FORCE ROW LEVEL SECURITY;
CREATE TABLE public.dirty (
    id bigint NOT NULL,
    site_id uuid NOT NULL,
    day date NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');
CREATE VIEW public.buckets_now AS
 SELECT buckets.site_id,
    buckets.day,
    buckets.kind,
    buckets.age_band,
    buckets.registrations,
    buckets.confirmed,
    buckets.waitlisted,
    buckets.promotions,
    buckets.cancellations,
    buckets.attended,
    buckets.no_shows,
    buckets.service_minutes
   FROM public.buckets
  WHERE (NOT (EXISTS ( SELECT
           FROM public.dirty
          WHERE ((dirty.site_id = buckets.site_id) AND (dirty.day = buckets.day)))))
UNION ALL
 SELECT cell.site_id,
    cell.day,
    live.kind,
    live.age_band,
    live.registrations,
    live.confirmed,
    live.waitlisted,
    live.promotions,
    live.cancellations,
    live.attended,
    live.no_shows,
    live.service_minutes
   FROM (( SELECT DISTINCT dirty.site_id,
            dirty.day
           FROM public.dirty) cell
     CROSS JOIN LATERAL ( SELECT bucket_source.site_id,
            bucket_source.day,
            bucket_source.kind,
            bucket_source.age_band,
            bucket_source.registrations,
            bucket_source.confirmed,
            bucket_source.waitlisted,
            bucket_source.promotions,
            bucket_source.cancellations,
            bucket_source.attended,
            bucket_source.no_shows,
            bucket_source.service_minutes
           FROM public.bucket_source
          WHERE ((bucket_source.site_id = cell.site_id) AND (bucket_source.day = cell.day))
         OFFSET 0) live);
CREATE TABLE public.caught_up (
    one boolean DEFAULT true NOT NULL,
    as_of timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    CONSTRAINT caught_up_one_check CHECK (one)
);
CREATE TABLE public.cursors (
    producer text NOT NULL,
    partition smallint NOT NULL,
    epoch uuid NOT NULL,
    sequence bigint NOT NULL,
    head bigint DEFAULT 0 NOT NULL,
    halted text,
    moved_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE public.dirty_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.dirty_id_seq OWNED BY public.dirty.id;
CREATE TABLE public.parked (
    producer text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    aggregate text NOT NULL,
    envelope jsonb NOT NULL,
    error text NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.shifts (
    shift_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    site_id uuid NOT NULL,
    day date NOT NULL,
    capacity integer NOT NULL,
    status text NOT NULL,
    CONSTRAINT shifts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.shifts FORCE ROW LEVEL SECURITY;
CREATE TABLE public.site_keys (
    key_id uuid NOT NULL,
    site_id uuid NOT NULL,
    sha256 text NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.sites (
    site_id uuid NOT NULL,
    area text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL
);
ALTER TABLE ONLY public.applied ALTER COLUMN id SET DEFAULT nextval('public.applied_id_seq'::regclass);
ALTER TABLE ONLY public.dirty ALTER COLUMN id SET DEFAULT nextval('public.dirty_id_seq'::regclass);
INSERT INTO public.activities VALUES ('73aee02b-99e1-4913-a578-a9c87e66fe07', 1, '719f6711-65fe-48a3-8d77-6603d7edb589', 'class', 'open');
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.applied VALUES (1, 'registration', 6, 1, '653ebffe-e82f-43c9-96e1-6a8c191120b7', '2026-11-27 18:48:17.012676+00');
INSERT INTO public.applied VALUES (2, 'registration', 0, 1, 'e97fe9cb-078c-40a1-aecf-2e909adc2b78', '2026-11-27 18:48:17.011066+00');
INSERT INTO public.applied VALUES (3, 'registration', 0, 2, 'e4073b3a-58a0-422b-bbed-8c0a8216c0eb', '2026-11-27 18:48:17.011066+00');
INSERT INTO public.applied VALUES (4, 'registration', 15, 1, 'ae1d13fa-62f2-4b22-a244-6485ba21490d', '2026-11-27 18:48:17.181869+00');
INSERT INTO public.applied VALUES (5, 'registration', 15, 2, 'e0513d6f-4df3-48e1-a2e4-3b6b317c4faf', '2026-11-27 18:48:17.181869+00');
INSERT INTO public.applied VALUES (6, 'registration', 15, 3, '97d76ec5-9080-440c-9c46-2a22164dd969', '2026-11-27 18:48:17.181869+00');
INSERT INTO public.applied VALUES (7, 'registration', 7, 1, '4c4bf997-abee-4d17-ba46-1c5b36bbf459', '2026-11-27 18:48:17.233325+00');
INSERT INTO public.applied VALUES (8, 'registration', 15, 4, 'b1bd139e-4c4a-4db8-9e2c-a9f58240c145', '2026-11-27 18:48:17.279898+00');
INSERT INTO public.applied VALUES (9, 'registration', 15, 5, '47402a19-6743-41d6-bf7b-1f4d51c62493', '2026-11-27 18:48:17.279898+00');
INSERT INTO public.applied VALUES (10, 'registration', 15, 6, 'cbf1478d-d747-4de9-93af-82517ecdf728', '2026-11-27 18:48:17.327165+00');
INSERT INTO public.applied VALUES (11, 'registration', 15, 7, '136b5b71-c4cc-40be-bd58-ac67e3bef867', '2026-11-27 18:48:17.434757+00');
INSERT INTO public.applied VALUES (12, 'registration', 15, 8, 'dc256805-a959-4856-aa11-7ed8d0e74e94', '2026-11-27 18:48:17.434757+00');
INSERT INTO public.areas VALUES ('140107901', '140107', 'community', '示例社区', 'Sample community');
INSERT INTO public.areas VALUES ('140107', NULL, 'district', '杏花岭区', 'Xinghualing');
INSERT INTO public.buckets VALUES ('719f6711-65fe-48a3-8d77-6603d7edb589', '2046-11-23', 'class', '35_59', 4, 2, 1, 1, 1, 0, 0, 0);
INSERT INTO public.caught_up VALUES (true, '2026-11-27 18:48:25.611429+00');
INSERT INTO public.cursors VALUES ('registration', 1, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 10, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 11, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 12, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 13, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 14, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 2, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 3, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 4, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 5, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 8, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 9, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.008305+00');
INSERT INTO public.cursors VALUES ('registration', 6, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 1, 1, NULL, '2026-11-27 18:48:17.012676+00');
INSERT INTO public.cursors VALUES ('registration', 0, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 2, 2, NULL, '2026-11-27 18:48:17.011066+00');
INSERT INTO public.cursors VALUES ('registration', 7, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 1, 1, NULL, '2026-11-27 18:48:17.233325+00');
INSERT INTO public.cursors VALUES ('registration', 15, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 8, 8, NULL, '2026-11-27 18:48:17.434757+00');
INSERT INTO public.facts VALUES ('b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', 1, '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', 1, '46f07d83-f369-4fe8-a2d5-8686a282b719', 2, 'class', '35_59', '2046-11-23', 'confirmed', false, NULL, 0);
INSERT INTO public.facts VALUES ('ade5c9b1-cfb7-4029-b619-09564ef64bcf', 1, '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', 1, 'fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', 4, 'class', '35_59', '2046-11-23', 'waitlisted', false, NULL, 0);
INSERT INTO public.facts VALUES ('49e83a24-95b6-4a88-92db-f620b5c3a47a', 2, '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', 1, '2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', 1, 'class', '35_59', '2046-11-23', 'cancelled', false, NULL, 0);
INSERT INTO public.facts VALUES ('0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 2, '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', 1, 'f9d1e344-e43b-4682-9a59-1ef443fecdb7', 3, 'class', '35_59', '2046-11-23', 'confirmed', true, NULL, 0);
INSERT INTO public.shifts VALUES ('e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', '2046-11-23', 2, 'open');
INSERT INTO public.site_keys VALUES ('738d1a75-dbea-4982-8458-1bf5beef61d2', '719f6711-65fe-48a3-8d77-6603d7edb589', '962017a7c7da1dcaa6bbc638d808596872b7a56379bd1a8de34e74c2131866be', NULL);
INSERT INTO public.sites VALUES ('719f6711-65fe-48a3-8d77-6603d7edb589', '140107901', '示例服务中心', 'Sample centre');
SELECT pg_catalog.setval('public.applied_id_seq', 12, true);
SELECT pg_catalog.setval('public.dirty_id_seq', 6, true);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_pkey PRIMARY KEY (activity_id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.areas
    ADD CONSTRAINT areas_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_pkey PRIMARY KEY (site_id, day, kind, age_band);
ALTER TABLE ONLY public.caught_up
    ADD CONSTRAINT caught_up_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (producer, partition);
ALTER TABLE ONLY public.dirty
    ADD CONSTRAINT dirty_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (registration_id);
ALTER TABLE ONLY public.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (producer, partition, sequence);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_pkey PRIMARY KEY (shift_id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_sha256_key UNIQUE (sha256);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_pkey PRIMARY KEY (site_id);
CREATE INDEX applied_at ON public.applied USING btree (applied_at);
CREATE INDEX areas_parent ON public.areas USING btree (parent);
CREATE INDEX dirty_cell ON public.dirty USING btree (site_id, day);
CREATE INDEX facts_shift ON public.facts USING btree (shift_id);
CREATE INDEX facts_site_day ON public.facts USING btree (site_id, day);
CREATE INDEX parked_aggregate ON public.parked USING btree (producer, aggregate);
CREATE INDEX shifts_activity ON public.shifts USING btree (activity_id);
CREATE INDEX shifts_site_day ON public.shifts USING btree (site_id, day);
CREATE INDEX sites_area ON public.sites USING btree (area);
ALTER TABLE public.activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.shifts ENABLE ROW LEVEL SECURITY;
CREATE POLICY site_scope ON public.activities USING ((( SELECT (COALESCE(current_setting('hesheng.site'::text, true), ''::text) = '*'::text)) OR (site_id = ( SELECT (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), ''::text), '*'::text))::uuid AS "nullif"))));
CREATE POLICY site_scope ON public.buckets USING ((( SELECT (COALESCE(current_setting('hesheng.site'::text, true), ''::text) = '*'::text)) OR (site_id = ( SELECT (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), ''::text), '*'::text))::uuid AS "nullif"))));
CREATE POLICY site_scope ON public.facts USING ((( SELECT (COALESCE(current_setting('hesheng.site'::text, true), ''::text) = '*'::text)) OR (site_id = ( SELECT (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), ''::text), '*'::text))::uuid AS "nullif"))));
CREATE POLICY site_scope ON public.shifts USING ((( SELECT (COALESCE(current_setting('hesheng.site'::text, true), ''::text) = '*'::text)) OR (site_id = ( SELECT (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), ''::text), '*'::text))::uuid AS "nullif"))));
