-- A pin document in two versions, and a release that names it, as the tables of step 13 take them; after data.sql, for tests/sql/steps.
SET search_path = pinwatch;
INSERT INTO pin_document (tenant_id, name, version, content, format, source, sha256, is_applied, set_by, set_who, from_at, until_at, ended_by, ended_who)
    VALUES (1, 'bank.xml', 1, 'pin_sets: []', 'android', 'bank.xml', decode(repeat('ab', 32), 'hex'), false, 'cli', 'anna', '2026-11-01', '2026-11-02', 'cli', 'anna'),
           (1, 'bank.xml', 2, 'pin_sets: [{host: example.org, pinned: false}]', 'android', 'bank.xml', decode(repeat('ac', 32), 'hex'), false, 'cli', 'anna', '2026-11-02',
            NULL, NULL, NULL);
INSERT INTO release (tenant_id, app, platform, version, revision, released_on, share, pins, is_applied, set_by, set_who, from_at)
    VALUES (1, 'Bank', 'android', '4.2', 1, '2026-03-01', 0.125, '{bank.xml}', false, 'cli', 'anna', '2026-11-02');
