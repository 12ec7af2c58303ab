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
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    place text NOT NULL,
    reminder_minutes integer[] NOT NULL,
    cancelled boolean DEFAULT false NOT NULL
);
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
CREATE TABLE public.cursors (
    producer text NOT NULL,
    partition smallint NOT NULL,
    epoch uuid NOT NULL,
    sequence bigint NOT NULL,
    head bigint DEFAULT 0 NOT NULL,
    halted text,
    moved_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.deliveries (
    id bigint NOT NULL,
    message_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone DEFAULT now() NOT NULL,
    outcome text NOT NULL,
    reply text
);
ALTER TABLE ONLY public.deliveries FORCE ROW LEVEL SECURITY;
ALTER TABLE public.deliveries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.messages (
    id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    site_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    registration_id uuid NOT NULL,
    person_id uuid NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    cause_event uuid,
    reminder_id bigint,
    occurrence integer,
    due_at timestamp with time zone,
    request_id text,
    calendar_sequence integer,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    message_id_header text,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    claimed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    error text,
    CONSTRAINT messages_kind_check CHECK ((kind = ANY (ARRAY['confirmation'::text, 'waitlisted'::text, 'promotion'::text, 'cancellation'::text, 'change'::text, 'reminder'::text]))),
    CONSTRAINT messages_one_cause CHECK (((cause_event IS NULL) <> (reminder_id IS NULL))),
    CONSTRAINT messages_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'sent'::text, 'failed'::text, 'expired'::text, 'no_contact'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ONLY public.messages FORCE ROW LEVEL SECURITY;
ALTER TABLE public.messages ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.messages_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.parked (
    producer text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    aggregate text NOT NULL,
    envelope jsonb NOT NULL,
    error text NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.registrations (
    id uuid NOT NULL,
    shift_id uuid NOT NULL,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    status text NOT NULL,
    calendar_sequence integer DEFAULT 0 NOT NULL,
    request_id text,
    CONSTRAINT registrations_status_check CHECK ((status = ANY (ARRAY['confirmed'::text, 'waitlisted'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.registrations FORCE ROW LEVEL SECURITY;
CREATE TABLE public.reminders (
    id bigint NOT NULL,
    registration_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    minutes_before integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    occurrence integer DEFAULT 0 NOT NULL,
    CONSTRAINT reminders_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'fired'::text, 'withdrawn'::text, 'missed'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ONLY public.reminders FORCE ROW LEVEL SECURITY;
ALTER TABLE public.reminders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reminders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.shifts (
    id uuid NOT NULL,
    activity_id uuid NOT NULL,
    role_zh text NOT NULL,
    role_en text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    cancelled boolean DEFAULT false NOT NULL
);
CREATE TABLE public.site_keys (
    key_id uuid NOT NULL,
    site_id uuid NOT NULL,
    sha256 text NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.sites (
    id uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    time_zone text NOT NULL
);
ALTER TABLE ONLY public.applied ALTER COLUMN id SET DEFAULT nextval('public.applied_id_seq'::regclass);
INSERT INTO public.activities VALUES ('73aee02b-99e1-4913-a578-a9c87e66fe07', '719f6711-65fe-48a3-8d77-6603d7edb589', '指尖科普课堂', 'Smartphone class', '一号教室', '{1440,120}', false);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.applied VALUES (1, 'registration', 7, 1, '4c4bf997-abee-4d17-ba46-1c5b36bbf459', '2026-11-27 18:48:17.134724+00');
INSERT INTO public.applied VALUES (2, 'registration', 0, 1, 'e97fe9cb-078c-40a1-aecf-2e909adc2b78', '2026-11-27 18:48:17.147416+00');
INSERT INTO public.applied VALUES (3, 'registration', 0, 2, 'e4073b3a-58a0-422b-bbed-8c0a8216c0eb', '2026-11-27 18:48:17.147416+00');
INSERT INTO public.applied VALUES (4, 'registration', 15, 1, 'ae1d13fa-62f2-4b22-a244-6485ba21490d', '2026-11-27 18:48:17.333004+00');
INSERT INTO public.applied VALUES (5, 'registration', 15, 2, 'e0513d6f-4df3-48e1-a2e4-3b6b317c4faf', '2026-11-27 18:48:17.333004+00');
INSERT INTO public.applied VALUES (6, 'registration', 15, 3, '97d76ec5-9080-440c-9c46-2a22164dd969', '2026-11-27 18:48:17.333004+00');
INSERT INTO public.applied VALUES (7, 'registration', 6, 1, '653ebffe-e82f-43c9-96e1-6a8c191120b7', '2026-11-27 18:48:17.357284+00');
INSERT INTO public.applied VALUES (8, 'registration', 15, 4, 'b1bd139e-4c4a-4db8-9e2c-a9f58240c145', '2026-11-27 18:48:17.387836+00');
INSERT INTO public.applied VALUES (9, 'registration', 15, 5, '47402a19-6743-41d6-bf7b-1f4d51c62493', '2026-11-27 18:48:17.387836+00');
INSERT INTO public.applied VALUES (10, 'registration', 15, 6, 'cbf1478d-d747-4de9-93af-82517ecdf728', '2026-11-27 18:48:17.387836+00');
INSERT INTO public.applied VALUES (11, 'registration', 15, 7, '136b5b71-c4cc-40be-bd58-ac67e3bef867', '2026-11-27 18:48:17.457929+00');
INSERT INTO public.applied VALUES (12, 'registration', 15, 8, 'dc256805-a959-4856-aa11-7ed8d0e74e94', '2026-11-27 18:48:17.457929+00');
INSERT INTO public.cursors VALUES ('registration', 7, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 1, 1, NULL, '2026-11-27 18:48:17.134724+00');
INSERT INTO public.cursors VALUES ('registration', 0, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 2, 2, NULL, '2026-11-27 18:48:17.147416+00');
INSERT INTO public.cursors VALUES ('registration', 6, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 1, 1, NULL, '2026-11-27 18:48:17.357284+00');
INSERT INTO public.cursors VALUES ('registration', 15, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 8, 8, NULL, '2026-11-27 18:48:17.457929+00');
INSERT INTO public.cursors VALUES ('registration', 1, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 10, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 11, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 12, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 13, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 14, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 2, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 3, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 4, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 5, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 8, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.cursors VALUES ('registration', 9, '3e8e94f0-01ae-4260-9bb8-c5d0c69053b1', 0, 0, NULL, '2026-11-27 18:48:17.795822+00');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (1, '9fe571d4-9ea4-4237-3c8e-d9f99d9e6f10', '2026-11-27 18:48:17.823731+00', '2026-11-27 18:48:18.057404+00', 'sent', '250');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (2, 'de42314c-61d7-2245-11fe-571e824a395e', '2026-11-27 18:48:17.823731+00', '2026-11-27 18:48:18.085655+00', 'sent', '250');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (3, '2fc98ab7-5e78-bb53-fd59-0eab0c3d2dd5', '2026-11-27 18:48:17.823731+00', '2026-11-27 18:48:18.111555+00', 'sent', '250');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (4, '42172e78-6209-1ae0-30c6-48e64a13bf97', '2026-11-27 18:48:17.823731+00', '2026-11-27 18:48:18.128224+00', 'sent', '250');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (5, '469bf422-a63f-7543-b4db-7c0ffab3684f', '2026-11-27 18:48:18.160206+00', '2026-11-27 18:48:18.23113+00', 'sent', '250');
INSERT INTO public.deliveries OVERRIDING SYSTEM VALUE VALUES (6, 'ec7951ae-36f1-28c3-6f5b-ad55997a66a2', '2026-11-27 18:48:18.160206+00', '2026-11-27 18:48:18.247753+00', 'sent', '250');
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('9fe571d4-9ea4-4237-3c8e-d9f99d9e6f10', 1, 'confirmation', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '49e83a24-95b6-4a88-92db-f620b5c3a47a', '2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', 'sent', '97d76ec5-9080-440c-9c46-2a22164dd969', NULL, NULL, NULL, 'dd831b317fce4acaa2df865e5043683e', 0, '{}', '<9fe571d4-9ea4-4237-3c8e-d9f99d9e6f10@hesheng.example>', 1, '2026-11-27 18:48:18.053279+00', '2026-11-30 18:48:17.086156+00', NULL, '2026-11-27 18:48:17.333004+00', '2026-11-27 18:48:18.053279+00', NULL);
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('de42314c-61d7-2245-11fe-571e824a395e', 2, 'confirmation', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 'b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', '46f07d83-f369-4fe8-a2d5-8686a282b719', 'sent', 'b1bd139e-4c4a-4db8-9e2c-a9f58240c145', NULL, NULL, NULL, 'f17b2378c9684b95abe43f3081adb02b', 0, '{}', '<de42314c-61d7-2245-11fe-571e824a395e@hesheng.example>', 1, '2026-11-27 18:48:18.084321+00', '2026-11-30 18:48:17.129818+00', NULL, '2026-11-27 18:48:17.387836+00', '2026-11-27 18:48:18.084321+00', NULL);
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('2fc98ab7-5e78-bb53-fd59-0eab0c3d2dd5', 3, 'waitlisted', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 'f9d1e344-e43b-4682-9a59-1ef443fecdb7', 'sent', '47402a19-6743-41d6-bf7b-1f4d51c62493', NULL, NULL, NULL, 'c8bf4d56774e40f997ca0c7436a2fed3', NULL, '{}', '<2fc98ab7-5e78-bb53-fd59-0eab0c3d2dd5@hesheng.example>', 1, '2026-11-27 18:48:18.10968+00', '2026-11-30 18:48:17.165854+00', NULL, '2026-11-27 18:48:17.387836+00', '2026-11-27 18:48:18.10968+00', NULL);
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('42172e78-6209-1ae0-30c6-48e64a13bf97', 4, 'waitlisted', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 'ade5c9b1-cfb7-4029-b619-09564ef64bcf', 'fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', 'sent', 'cbf1478d-d747-4de9-93af-82517ecdf728', NULL, NULL, NULL, '0d16b4acea564faea65d243c3d6d2fc8', NULL, '{}', '<42172e78-6209-1ae0-30c6-48e64a13bf97@hesheng.example>', 1, '2026-11-27 18:48:18.127088+00', '2026-11-30 18:48:17.183442+00', NULL, '2026-11-27 18:48:17.387836+00', '2026-11-27 18:48:18.127088+00', NULL);
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('469bf422-a63f-7543-b4db-7c0ffab3684f', 5, 'cancellation', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '49e83a24-95b6-4a88-92db-f620b5c3a47a', '2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', 'sent', '136b5b71-c4cc-40be-bd58-ac67e3bef867', NULL, NULL, NULL, 'da3655bc729a4108853e0751b31ec442', 1, '{"reason": "person", "was_waitlisted": false}', '<469bf422-a63f-7543-b4db-7c0ffab3684f@hesheng.example>', 1, '2026-11-27 18:48:18.228857+00', '2026-11-30 18:48:17.369319+00', NULL, '2026-11-27 18:48:17.457929+00', '2026-11-27 18:48:18.228857+00', NULL);
INSERT INTO public.messages OVERRIDING SYSTEM VALUE VALUES ('ec7951ae-36f1-28c3-6f5b-ad55997a66a2', 6, 'promotion', '719f6711-65fe-48a3-8d77-6603d7edb589', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 'f9d1e344-e43b-4682-9a59-1ef443fecdb7', 'sent', 'dc256805-a959-4856-aa11-7ed8d0e74e94', NULL, NULL, NULL, 'da3655bc729a4108853e0751b31ec442', 1, '{}', '<ec7951ae-36f1-28c3-6f5b-ad55997a66a2@hesheng.example>', 1, '2026-11-27 18:48:18.245389+00', '2026-11-30 18:48:17.369479+00', NULL, '2026-11-27 18:48:17.457929+00', '2026-11-27 18:48:18.245389+00', NULL);
INSERT INTO public.registrations VALUES ('b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '719f6711-65fe-48a3-8d77-6603d7edb589', '46f07d83-f369-4fe8-a2d5-8686a282b719', 'confirmed', 0, 'f17b2378c9684b95abe43f3081adb02b');
INSERT INTO public.registrations VALUES ('ade5c9b1-cfb7-4029-b619-09564ef64bcf', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '719f6711-65fe-48a3-8d77-6603d7edb589', 'fe3a69c8-e5d8-4d75-9d63-5ae44d2911d6', 'waitlisted', 0, '0d16b4acea564faea65d243c3d6d2fc8');
INSERT INTO public.registrations VALUES ('49e83a24-95b6-4a88-92db-f620b5c3a47a', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '719f6711-65fe-48a3-8d77-6603d7edb589', '2d7c570b-b0a2-4eca-b5b7-5aecd7f860e4', 'cancelled', 1, 'da3655bc729a4108853e0751b31ec442');
INSERT INTO public.registrations VALUES ('0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '719f6711-65fe-48a3-8d77-6603d7edb589', 'f9d1e344-e43b-4682-9a59-1ef443fecdb7', 'confirmed', 1, 'da3655bc729a4108853e0751b31ec442');
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (3, 'b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 120, '2046-11-22 16:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'pending', 0);
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (4, 'b2a54b3e-5ce6-459d-85a7-1e2d621c4ab2', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 1440, '2046-11-21 18:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'pending', 0);
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (1, '49e83a24-95b6-4a88-92db-f620b5c3a47a', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 120, '2046-11-22 16:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'withdrawn', 0);
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (2, '49e83a24-95b6-4a88-92db-f620b5c3a47a', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 1440, '2046-11-21 18:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'withdrawn', 0);
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (5, '0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 120, '2046-11-22 16:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'pending', 0);
INSERT INTO public.reminders OVERRIDING SYSTEM VALUE VALUES (6, '0d2e73b5-05a5-48d2-9c0d-beddb9896e75', 'e764a4de-f6a2-4f23-8edc-2d7c3f55b734', 1440, '2046-11-21 18:48:16.84491+00', '2046-11-22 18:48:16.84491+00', 'pending', 0);
INSERT INTO public.shifts VALUES ('e764a4de-f6a2-4f23-8edc-2d7c3f55b734', '73aee02b-99e1-4913-a578-a9c87e66fe07', '参与者', 'participant', '2046-11-22 18:48:16.84491+00', '2046-11-22 20:48:16.84491+00', false);
INSERT INTO public.site_keys VALUES ('738d1a75-dbea-4982-8458-1bf5beef61d2', '719f6711-65fe-48a3-8d77-6603d7edb589', '962017a7c7da1dcaa6bbc638d808596872b7a56379bd1a8de34e74c2131866be', NULL);
INSERT INTO public.sites VALUES ('719f6711-65fe-48a3-8d77-6603d7edb589', '示例服务中心', 'Sample centre', 'Asia/Shanghai');
SELECT pg_catalog.setval('public.applied_id_seq', 12, true);
SELECT pg_catalog.setval('public.deliveries_id_seq', 6, true);
SELECT pg_catalog.setval('public.messages_number_seq', 6, true);
SELECT pg_catalog.setval('public.reminders_id_seq', 6, true);
ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (producer, partition);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_number UNIQUE (number);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_once_per_event UNIQUE (cause_event, registration_id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_once_per_occurrence UNIQUE (reminder_id, occurrence);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (producer, partition, sequence);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reminders
    ADD CONSTRAINT reminders_once UNIQUE (registration_id, minutes_before);
ALTER TABLE ONLY public.reminders
    ADD CONSTRAINT reminders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.site_keys
    ADD CONSTRAINT site_keys_sha256_key UNIQUE (sha256);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_pkey PRIMARY KEY (id);
CREATE INDEX applied_at ON public.applied USING btree (applied_at);
CREATE INDEX deliveries_message ON public.deliveries USING btree (message_id);
CREATE INDEX messages_due ON public.messages USING btree (next_attempt_at, number) WHERE (state = 'pending'::text);
CREATE INDEX messages_expiring ON public.messages USING btree (expires_at) WHERE (state = 'pending'::text);
CREATE INDEX messages_failed ON public.messages USING btree (number) WHERE (state = 'failed'::text);
CREATE INDEX messages_no_contact ON public.messages USING btree (number) WHERE (state = 'no_contact'::text);
CREATE INDEX messages_person ON public.messages USING btree (person_id, number);
CREATE INDEX messages_registration ON public.messages USING btree (registration_id, number);
CREATE INDEX messages_sending ON public.messages USING btree (claimed_at) WHERE (state = 'sending'::text);
CREATE INDEX messages_site ON public.messages USING btree (site_id, number);
CREATE INDEX messages_unfinished ON public.messages USING btree (registration_id, number) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE INDEX parked_aggregate ON public.parked USING btree (producer, aggregate);
CREATE INDEX registrations_active ON public.registrations USING btree (shift_id) WHERE (status <> 'cancelled'::text);
CREATE INDEX reminders_due ON public.reminders USING btree (due_at) WHERE (state = 'pending'::text);
CREATE INDEX shifts_activity ON public.shifts USING btree (activity_id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_reminder_id_fkey FOREIGN KEY (reminder_id) REFERENCES public.reminders(id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_shift_id_fkey FOREIGN KEY (shift_id) REFERENCES public.shifts(id);
ALTER TABLE ONLY public.reminders
    ADD CONSTRAINT reminders_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.shifts
    ADD CONSTRAINT shifts_activity_id_fkey FOREIGN KEY (activity_id) REFERENCES public.activities(id);
ALTER TABLE public.deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_site ON public.deliveries USING (((current_setting('hesheng.site'::text, true) = '*'::text) OR (EXISTS ( SELECT 1
   FROM public.messages
  WHERE (messages.id = deliveries.message_id)))));
CREATE POLICY own_site ON public.messages USING (((current_setting('hesheng.site'::text, true) = '*'::text) OR (site_id = (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), '*'::text), ''::text))::uuid)));
CREATE POLICY own_site ON public.registrations USING (((current_setting('hesheng.site'::text, true) = '*'::text) OR (site_id = (NULLIF(NULLIF(current_setting('hesheng.site'::text, true), '*'::text), ''::text))::uuid)));
CREATE POLICY own_site ON public.reminders USING (((current_setting('hesheng.site'::text, true) = '*'::text) OR (EXISTS ( SELECT 1
   FROM public.registrations
  WHERE (registrations.id = reminders.registration_id)))));
ALTER TABLE public.registrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.reminders ENABLE ROW LEVEL SECURITY;
