-- Two reminders for each registration, of which one is due now for `due` of them, and none for the others.
-- `bench_people` holds the people, `bench_size` says how many. Foreign keys hold by construction; checking them would only take time.
SET session_replication_role = replica;

-- Without quiet hours: it is measured at any time of day.
INSERT INTO sites (id, name_zh, name_en, time_zone, quiet_from, quiet_until)
VALUES ('00000000-0000-0000-0000-000000000001', '职工新街社区', 'Zhigong Xinjie', 'Asia/Shanghai', '00:00',
        '00:00');

INSERT INTO activities
SELECT gen_random_uuid(), id, '我为青春献热血', 'Blood drive', '服务中心', '{1440,120}' FROM sites;

INSERT INTO shifts
SELECT gen_random_uuid(), id, '参与者', 'participant', now() + ahead, now() + ahead + interval '2 hours'
FROM activities, (VALUES (interval '23 hours'), (interval '30 days')) AS start (ahead);

INSERT INTO registrations (id, shift_id, site_id, person_id, status)
SELECT gen_random_uuid(), shifts.id, activities.site_id, people.ids[1 + n % cardinality(people.ids)], 'confirmed'
FROM shifts JOIN activities ON activities.id = activity_id
CROSS JOIN (SELECT array_agg(id) AS ids FROM bench_people) AS people
CROSS JOIN bench_size AS size
CROSS JOIN LATERAL generate_series(
    1, CASE WHEN starts_at < now() + interval '1 day' THEN size.due ELSE (size.ahead - size.due) / 2 END) AS n;

INSERT INTO reminders (registration_id, shift_id, rule, due_at, expires_at)
SELECT registrations.id, shifts.id, minutes::text, starts_at - make_interval(mins => minutes), starts_at
FROM registrations JOIN shifts ON shifts.id = shift_id CROSS JOIN unnest('{1440,120}'::int[]) AS minutes;
