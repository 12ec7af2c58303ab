-- 84,896 facts for each of the :activities that a site has: 758 sites in ten districts, 1.92 million people, 24 months.
SELECT setseed(0.5);
INSERT INTO areas VALUES
    ('140000', NULL, 'province', '山西省', 'Shanxi'),
    ('140100', '140000', 'city', '太原市', 'Taiyuan');
INSERT INTO areas SELECT '1401' || lpad(n::text, 2, '0'), '140100', 'district', '第' || n || '区', 'District ' || n
    FROM generate_series(1, 10) AS n;
INSERT INTO areas SELECT '1401' || lpad(d::text, 2, '0') || lpad(n::text, 3, '0'), '1401' || lpad(d::text, 2, '0'),
    'subdistrict', '第' || n || '街道', 'Subdistrict ' || n FROM generate_series(1, 10) AS d, generate_series(1, 6) AS n;
INSERT INTO sites SELECT gen_random_uuid(), code, '第' || n || '社区', 'Community ' || n
    FROM (SELECT array_agg(code ORDER BY code) AS codes FROM areas WHERE level = 'subdistrict') AS a,
         generate_series(1, 758) AS n, LATERAL (SELECT codes[1 + n % 60] AS code) AS c;
INSERT INTO activities SELECT gen_random_uuid(), row_number() OVER (), site_id,
    (ARRAY['performance','rehearsal','class','visit','blood_drive','clinic','other'])[1 + n % 7], 'open'
    FROM sites, generate_series(1, :activities) AS n;
INSERT INTO shifts SELECT gen_random_uuid(), activity_id, site_id,
    DATE '2024-01-01' + (random() * 730)::int, 30, 'open' FROM activities, generate_series(1, 4);
INSERT INTO facts SELECT gen_random_uuid(), 2, s.site_id, s.shift_id, s.activity_id, a.activity_number,
    gen_random_uuid(),
    (random() * 1920000)::bigint, a.kind,
    (ARRAY['under_14','14_17','18_34','35_59','60_plus','unknown'])[1 + (random() * 5)::int], s.day,
    CASE WHEN random() < 0.1 THEN 'cancelled' WHEN random() < 0.05 THEN 'waitlisted' ELSE 'confirmed' END,
    random() < 0.03, CASE WHEN random() < 0.7 THEN 'attended' WHEN random() < 0.3 THEN 'no_show' END, 60
    FROM shifts AS s JOIN activities AS a USING (activity_id), generate_series(1, 28);
