-- A CAA history with a verdict by it, as the tables of steps 8 and 9 take them; after data.sql, for tests/sql/steps.
SET search_path = pinwatch;
INSERT INTO caa_now (owner, resolver, outcome, why, detail, records, first_answered_at, last_answered_at, first_true_at, last_true_at, interval_seconds, ttl_max,
                     ttl_first, is_from_validator, is_authenticated, is_nonexistent, chain)
    VALUES ('www.example.com', '192.0.2.1:53', 'empty', '', '', '', '2026-11-01', '2026-11-02', '2026-11-01', '2026-11-02', 300, 300, 300, false, false, false, '{}');
INSERT INTO caa_past SELECT owner, resolver, outcome, why, detail, records, set_sha256, '2026-10-01', '2026-10-02', '2026-10-01', '2026-10-02', interval_seconds, ttl_max,
    answers, is_from_validator, is_authenticated, is_nonexistent, chain FROM caa_now;
INSERT INTO caa_owner VALUES ('www.example.com', 'empty', '', '192.0.2.1:53', '2026-11-01');
INSERT INTO caa_change (owner, resolver, before_outcome, before_records, after_outcome, after_records, changed_at, last_at, gained, is_any_gained, wildcard_gained,
                        is_wildcard_any_gained) VALUES ('www.example.com', '192.0.2.1:53', 'records', '\x', 'empty', '\x', '2026-11-01', '2026-11-01', '{}', true, '{}', true);
INSERT INTO caa_change_told SELECT tenant_id, change_id, finding_id FROM finding, caa_change;
INSERT INTO caa_verdict SELECT certificate_id, 'www.example.com', 'consistent', 'why', '2026-11-01', '2026-10-31', '192.0.2.1:53', '', '', false, 'permits', '2026-11-01'
    FROM certificate;
