-- A city: 300 sites and a million people. 20,000 of them belong to the site that is looked at, whose people lie in
-- `bench_people` with real ciphertext; the others have copies of it, under ids and hashes of their own.
-- Foreign keys and copies hold by construction; checking them would only take time.
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SET work_mem = '128MB';

INSERT INTO areas (code, parent, level, name_zh, name_en) VALUES
    ('140000', NULL, 'province', '山西省', 'Shanxi'), ('140100', '140000', 'city', '太原市', 'Taiyuan');
INSERT INTO sites (id, area, name_zh, name_en, time_zone)
SELECT md5('site ' || n)::uuid, '140100', '第' || n || '社区', 'Community ' || n, 'Asia/Shanghai'
FROM generate_series(0, 299) AS n;

-- People: one in 50 at the site that is looked at (number 0), the others by turns; three in ten are volunteers.
CREATE TEMPORARY TABLE everybody AS
SELECT n, b.*, md5('person ' || n)::uuid AS person_id,
    md5('site ' || CASE WHEN n < 20000 THEN 0 ELSE 1 + n % 299 END)::uuid AS site_id
FROM generate_series(0, 999999) AS n JOIN bench_people AS b ON b.place = n % 20000;

INSERT INTO people (id, number) OVERRIDING SYSTEM VALUE SELECT person_id, n + 1 FROM everybody ORDER BY n;
INSERT INTO person_sites (person_id, site_id, name, phone, email, birth_date, encrypted_with, language,
    phone_hash, email_hash, phone_index, email_index)
SELECT person_id, site_id, name, phone, email, birth_date, encrypted_with, 'zh-CN',
    sha256(convert_to('p' || n, 'UTF8')), sha256(convert_to('e' || n, 'UTF8')),
    CASE WHEN n < 20000 THEN phone_index ELSE sha256(convert_to('i' || n, 'UTF8')) END,
    sha256(convert_to('j' || n, 'UTF8'))
FROM everybody ORDER BY n;
INSERT INTO volunteers (person_id, volunteer_number)
SELECT person_id, 'V' || lpad(n::text, 11, '0') FROM everybody WHERE n % 10 < 3 ORDER BY n;
INSERT INTO volunteer_sites (person_id, site_id, sex, encrypted_with, skills, categories)
SELECT person_id, site_id, sex, encrypted_with, '{}', '{}' FROM everybody WHERE n % 10 < 3 ORDER BY n;

-- Each site has 40 activities; the site that is looked at three shifts on each of 361 days around today, the others
-- 600 shifts over the same days.
INSERT INTO activities (id, site_id, kind, title_zh, title_en, place, description_zh, description_en, volunteering,
    reminder_minutes, status)
SELECT md5('activity ' || s || ' ' || n)::uuid, md5('site ' || s)::uuid,
    (ARRAY['performance','rehearsal','class','visit','blood_drive','clinic','other'])[1 + n % 7],
    '第' || n || '期活动', 'Activity ' || n, '服务中心', '欢迎参加。', 'Welcome.', n % 2 = 0, '{1440}', 'published'
FROM generate_series(0, 299) AS s, generate_series(0, 39) AS n;

CREATE TEMPORARY TABLE days AS
SELECT s, n, md5('shift ' || s || ' ' || n)::uuid AS shift_id, md5('site ' || s)::uuid AS site_id,
    md5('activity ' || s || ' ' || n % 40)::uuid AS activity_id,
    ((now() AT TIME ZONE 'Asia/Shanghai')::date - 180
        + CASE WHEN s = 0 THEN n / 3 ELSE n * 361 / 600 END) AS day, time '09:00' + (n % 3) * interval '3 hours' AS hour
FROM generate_series(0, 299) AS s, generate_series(0, 1082) AS n WHERE s = 0 OR n < 600;
-- Who comes where: at the site each of its people three times, elsewhere once.
CREATE TEMPORARY TABLE coming AS
SELECT person_id, site_id, md5('shift 0 ' || (n * 7 + k * 361) % 1083)::uuid AS shift_id
FROM everybody, generate_series(0, 2) AS k WHERE n < 20000
UNION ALL
SELECT person_id, site_id, md5('shift ' || 1 + n % 299 || ' ' || (n / 299) % 600)::uuid FROM everybody WHERE n >= 20000
UNION ALL
SELECT person_id, site_id, md5('the crowd')::uuid FROM everybody WHERE n < 200;
INSERT INTO shifts (id, activity_id, site_id, role_zh, role_en, starts_at, ends_at, local_day, capacity, confirmed)
SELECT shift_id, activity_id, site_id, '参与者', 'participant', (day + hour) AT TIME ZONE 'Asia/Shanghai',
    (day + hour) AT TIME ZONE 'Asia/Shanghai' + interval '2 hours', day, 1000,
    coalesce(c.confirmed, 0)
FROM days LEFT JOIN (SELECT shift_id, count(*) AS confirmed FROM coming GROUP BY shift_id) AS c USING (shift_id)
ORDER BY s, n;
-- The crowd at the desk: a shift that begins in half an hour, with 200 people.
INSERT INTO shifts (id, activity_id, site_id, role_zh, role_en, starts_at, ends_at, local_day, capacity, confirmed)
SELECT md5('the crowd')::uuid, md5('activity 0 0')::uuid, md5('site 0')::uuid, '志愿者', 'volunteer',
    now() + interval '30 minutes', now() + interval '3 hours', (now() AT TIME ZONE 'Asia/Shanghai')::date, 250, 200;

-- Registrations: what is over was attended. People of the crowd may be elsewhere at that time (`during` is null).
INSERT INTO registrations (shift_id, activity_id, site_id, person_id, age_band, status, outcome, checked_in_at,
    checked_out_at, service_minutes, during)
SELECT s.id, s.activity_id, c.site_id, c.person_id, '18_34', 'confirmed',
    CASE WHEN s.ends_at < now() THEN 'attended' END, CASE WHEN s.ends_at < now() THEN s.starts_at END,
    CASE WHEN s.ends_at < now() THEN s.ends_at END, 0,
    CASE WHEN s.id <> md5('the crowd')::uuid THEN tstzrange(s.starts_at, s.ends_at) END
FROM coming AS c JOIN shifts AS s ON s.id = c.shift_id ORDER BY s.position;
INSERT INTO attendance_entries (site_id, shift_id, registration_id, what, at, how, made_by)
SELECT site_id, shift_id, id, 'in', now(), 'scanned', 'bench' FROM registrations
WHERE shift_id = md5('the crowd')::uuid AND person_id < '80000000-0000-0000-0000-000000000000';

-- Service records: half a million, and 100 of the most faithful volunteer.
INSERT INTO service_records (site_id, number, person_id, registration_id, activity_id, shift_id, activity, day, place,
    content, minutes, how, unit, in_charge, recorded_by, recorded_at, previous, hash)
SELECT r.site_id, row_number() OVER (PARTITION BY r.site_id ORDER BY r.position), r.person_id, r.id, r.activity_id,
    r.shift_id, '第1期活动', s.local_day, '服务中心', '参与者', 120, 'confirmed', '社区', 'bench', 'bench',
    s.ends_at, sha256(r.position::text::bytea), sha256(r.position::text::bytea)
FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id WHERE r.outcome = 'attended';
INSERT INTO service_records (site_id, number, person_id, activity, day, place, content, minutes, how, unit, in_charge,
    recorded_by, recorded_at, previous, hash)
SELECT md5('site 0')::uuid, 1000000 + n, md5('person 0')::uuid, '第' || n || '期活动', current_date - n, '服务中心',
    '参与者', 90, 'confirmed', '社区', 'bench', 'bench', now(), sha256(n::text::bytea), sha256(n::text::bytea)
FROM generate_series(1, 100) AS n;

-- Rooms: eight at each site, six bookings in each room of the site on each of 60 days.
INSERT INTO rooms (id, site_id, name_zh, name_en, capacity)
SELECT md5('room ' || s || ' ' || n)::uuid, md5('site ' || s)::uuid, '活动室' || n, 'Room ' || n, 20 + n
FROM generate_series(0, 299) AS s, generate_series(1, 8) AS n;
INSERT INTO bookings (room_id, site_id, starts_at, ends_at, during, local_day, purpose, title, status, setup_minutes)
SELECT md5('room ' || s || ' ' || n)::uuid, md5('site ' || s)::uuid, begins, begins + interval '1 hour',
    tstzrange(begins, begins + interval '1 hour'), day, 'other', '合唱队排练', 'confirmed', 0
FROM generate_series(0, 299) AS s, generate_series(1, 8) AS n, generate_series(0, 59) AS d, generate_series(0, 5) AS h,
    LATERAL (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - 30 + d AS day) AS of_day,
    LATERAL (SELECT (day + time '08:00' + h * interval '90 minutes') AT TIME ZONE 'Asia/Shanghai' AS begins) AS at
WHERE s = 0 OR d < 3;
