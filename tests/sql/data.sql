-- One row of each kind, as the tables of step 1 take them; for tests/sql/steps.
SET search_path = pinwatch;
INSERT INTO log (log_id, description, operator, protocol, url, key, source, is_followed, reason, first_seen_at, updated_at)
    VALUES (sha256('log'), 'log', 'operator', 'rfc6962', 'https://log.example/', 'key', 'chrome', true, 'usable', '2026-11-01', '2026-11-01');
INSERT INTO position VALUES (sha256('log'), 0, 1, sha256('leaf'), 1, sha256('leaf'), '2026-11-01', '2026-11-01');
INSERT INTO certificate (tbs_sha256, issuer_state, names, first_timestamp, first_seen_at)
    VALUES (sha256('tbs'), 'pending', '[]', '2026-11-01', '2026-11-01');
INSERT INTO observation SELECT sha256('log'), 0, '2026-11-01', certificate_id, 'certificate', NULL, '2026-11-01' FROM certificate;
INSERT INTO policy VALUES (1, 'web', '{}', 'apply', 'ann', '2026-11-01');
INSERT INTO watch (tenant_id, kind, value, policy, set_by, set_who, set_at)
    VALUES (1, 'name', 'www.example.com', 'web', 'apply', 'ann', '2026-11-01');
INSERT INTO channel VALUES (1, 'hook', 'hook', '{}', NULL, 'notice', true, 'apply', 'ann', '2026-11-01');
INSERT INTO finding (tenant_id, rule, severity, subject, state, evidence, opened_at, last_seen_at)
    VALUES (1, 'log.stale', 'warning', 'log:00', 'open', '{}', '2026-11-01', '2026-11-01');
INSERT INTO alert (tenant_id, finding_id, rule, severity, body, created_at)
    SELECT tenant_id, finding_id, rule, severity, '{}', '2026-11-01' FROM finding;
INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at)
    SELECT tenant_id, alert_id, 1, 'hook', 'queued', '2026-11-01' FROM alert;
INSERT INTO match SELECT tenant_id, watch_id, certificate_id, '2026-11-01' FROM watch, certificate;
