-- For tests/sql/pin-verdicts. Time is the caller's.
SET search_path = pinwatch, pg_temp;
SET timezone = 'UTC';

CREATE FUNCTION pinwatch.holds(sentence text, is_true boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_true IS NOT TRUE THEN
        RAISE EXCEPTION 'NOT TRUE: %', sentence;
    END IF;
END $$;

CREATE FUNCTION pg_temp.row_of(verdict text, version text DEFAULT '1') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('app', 'Bank', 'platform', 'android', 'version', version, 'name', 'www.example.com', 'host', 'www.example.com', 'verdict', verdict,
        'role', CASE verdict WHEN 'accepts' THEN 'next' ELSE '' END, 'is_enforced', true, 'pin', '', 'document', 'app.apk', 'why', 'because') $$;

CREATE FUNCTION pg_temp.tenant(rows jsonb, finding jsonb DEFAULT 'null') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('tenant', 1, 'rows', rows, 'finding', finding)) $$;

CREATE FUNCTION pg_temp.miss(why text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('severity', 'warning', 'severity_unexpected', 'critical', 'reasons', jsonb_build_array(why), 'matched_names', '["www.example.com"]'::jsonb) $$;

CREATE FUNCTION pg_temp.save(id bigint, tenants jsonb, at timestamptz, pins bigint DEFAULT 1) RETURNS boolean LANGUAGE sql AS $$
    SELECT pin_verdicts_save(id, (SELECT issuer_spki_sha256 FROM certificate WHERE certificate_id = id), pins, 1, tenants, NULL, at) $$;

CREATE FUNCTION pg_temp.due(at timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(DISTINCT certificate_id::text, ' '), '') FROM pin_cases_take(at, at + interval '2 s', 9) $$;

DO $test$
DECLARE
    got record;
    id bigint;
BEGIN
    INSERT INTO watch (tenant_id, kind, value, set_by, set_who, set_at) VALUES (1, 'subtree', 'example.com', 'cli', 'ann', '2026-11-01');
    INSERT INTO channel VALUES (1, 'hook', 'hook', '{}', NULL, 'info', true, 'apply', 'ann', '2026-11-01');
    INSERT INTO certificate (tbs_sha256, issuer_state, names, not_after, first_timestamp, first_seen_at)
        SELECT sha256(i::text::bytea), 'pending', '[{"type":"dns","value":"www.example.com","from":"san"},{"type":"dns","value":"*.Example.com","from":"san"},{"type":"ip","value":"192.0.2.1","from":"san"},
               {"type":"dns","value":"www.example.com","from":"cn"}]', CASE WHEN i = 3 THEN '2026-11-01' ELSE '2027-01-01' END::timestamptz, '2026-11-01', '2026-11-01' FROM generate_series(1, 4) i;
    INSERT INTO match SELECT 1, w.watch_id, c.certificate_id, '2026-11-02' FROM certificate c, watch w WHERE c.certificate_id <> 4;

    PERFORM holds('what matched is to be judged, an expired one too', (SELECT string_agg(certificate_id || ' ' || is_news, ',' ORDER BY certificate_id) FROM pin_case) = '1 true,2 true,3 true');
    PERFORM holds('the newest first, each with its DNS names, each once', (SELECT string_agg(certificate_id || ' ' || name || ' ' || is_over, ',')
        FROM pin_cases_take('2026-11-02', '2026-11-02 00:00:02', 2)) = '3 *.example.com true,3 www.example.com true,2 *.example.com false,2 www.example.com false');
    PERFORM holds('and nobody else takes them meanwhile', pg_temp.due('2026-11-02') = '1' AND pg_temp.due('2026-11-02 00:00:01') = '');
    SELECT * INTO got FROM pin_cases_take('2026-11-02 00:00:05', '2026-11-02 00:00:07', 9) ORDER BY certificate_id LIMIT 1;
    PERFORM holds('with whom it concerns and what is known of it', got.tenants = '{1}' AND got.issuer_state = 'pending' AND got.queued_at = '2026-11-02' AND got.spki_sha256 IS NULL);
    PERFORM pin_case_put_off(1, '2026-11-02 00:15');
    PERFORM holds('who is put off waits', pg_temp.due('2026-11-02 00:00:10') = '2 3');
    UPDATE certificate SET issuer_state = 'verified', issuer_spki_sha256 = sha256('ca') WHERE certificate_id = 1;
    PERFORM holds('until more is known of it', pg_temp.due('2026-11-02 00:00:20') LIKE '1%');
    UPDATE certificate SET certificate_sha256 = sha256('final') WHERE certificate_id = 1;
    PERFORM pin_case_put_off(1, '2026-11-02 00:15');
    PERFORM holds('which nobody puts off', pg_temp.due('2026-11-02 00:00:20') = '1');

    PERFORM holds('who judged by another issuer records nothing', NOT pin_verdicts_save(1, sha256('other'), 1, 1, '[]', NULL, '2026-11-02 00:01'));
    PERFORM holds('nor who judged by other pins', NOT pg_temp.save(1, '[]', '2026-11-02 00:01', 2));
    PERFORM holds('nor by other CA keys', NOT pin_verdicts_save(1, sha256('ca'), 1, 2, '[]', NULL, '2026-11-02 00:01'));
    PERFORM holds('and it is still to be judged', EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    PERFORM holds('a verdict is recorded', pg_temp.save(1, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('accepts'))), '2026-11-02 00:01'));
    PERFORM holds('as news', (SELECT bool_and(is_news) FROM pin_verdict));
    PERFORM holds('and it is settled', NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 1) AND (SELECT verdict = 'accepts' AND role = 'next' FROM pin_verdict));
    PERFORM holds('once: who comes later records nothing', NOT pg_temp.save(1, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('a')), '2026-11-02 00:02'));

    -- Changes.
    PERFORM holds('all unexpired ones are queued at the first look', NOT pin_cases_renew(1, 1, 'epoch', '2026-11-03', 9) AND pg_temp.due('2026-11-03') = '1 2 3');
    PERFORM holds('they are no news', (SELECT bool_and(NOT is_news) FROM pin_case WHERE certificate_id = 1) AND NOT (SELECT is_news FROM pin_case WHERE certificate_id = 1));
    PERFORM pg_temp.save(1, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('accepts'), pg_temp.row_of('refuses', '2')), pg_temp.miss('a')), '2026-11-03');
    PERFORM holds('what stands stays, what is new comes', (SELECT string_agg(version || ' ' || verdict || ' ' || from_at::date, ',' ORDER BY version) FROM pin_verdict) = '1 accepts 2026-11-02,2 refuses 2026-11-03');
    SELECT * INTO got FROM finding WHERE rule = 'certificate.pin-miss';
    PERFORM holds('a refusal is a finding, told once', got.state = 'open' AND got.severity = 'warning' AND got.certificate_id = 1 AND got.evidence @> '{"certificate_id":1,"is_drill":false}'
        AND NOT got.evidence ? 'severity' AND (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 1);
    PERFORM holds('nothing is queued while nothing changes', NOT pin_cases_renew(1, 1, 'epoch', '2026-11-04', 9) AND NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    UPDATE generation SET pins = 2;
    PERFORM holds('other pins queue them again, a part at a time', pin_cases_renew(2, 1, 'epoch', '2026-11-04', 1));
    PERFORM holds('the newest first', NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    PERFORM holds('then the others', pin_cases_renew(2, 1, 'epoch', '2026-11-04', 1));
    PERFORM holds('to the last', EXISTS (SELECT FROM pin_case WHERE certificate_id = 1) AND NOT pin_cases_renew(2, 1, 'epoch', '2026-11-04', 1));
    PERFORM pg_temp.save(1, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('accepts'))), '2026-11-04', 2);
    PERFORM holds('rows of a retired release end, and stay', (SELECT until_at = '2026-11-04' FROM pin_verdict WHERE version = '2'));
    PERFORM holds('and so does its finding', (SELECT state = 'resolved' AND closed_at = '2026-11-04' FROM finding WHERE finding_id = got.finding_id));
    PERFORM pin_cases_renew(2, 1, '2026-11-05', '2026-11-05 01:00', 9);
    PERFORM holds('a day that something begins on queues them', EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    PERFORM pg_temp.save(1, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('cannot-tell')), pg_temp.miss('b')), '2026-11-05', 2);
    PERFORM holds('what ended by itself is open again, told no second time', (SELECT state = 'open' AND closed_at IS NULL AND evidence @> '{"reasons":["b"]}' FROM finding WHERE finding_id = got.finding_id)
        AND (SELECT count(*) FROM alert) = 1 AND (SELECT count(*) FROM finding WHERE rule = 'certificate.pin-miss') = 1);
    PERFORM pin_cases_renew(2, 1, '2026-11-05', '2026-11-05 02:00', 9);
    PERFORM holds('the same day once', NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));

    DELETE FROM pin_case;
    UPDATE generation SET ca_keys = 2;
    PERFORM pin_cases_renew(2, 2, '2026-11-05', '2026-11-06', 9);
    PERFORM holds('other CA keys queue only what a verdict stands about', (SELECT string_agg(certificate_id::text, ' ') FROM pin_case) = '1');
    PERFORM holds('as the old ones that they are', (SELECT bool_and(NOT is_news) FROM pin_case));
    UPDATE pin_verdict SET verdict = 'refuses', is_news = true WHERE until_at IS NULL;
    DELETE FROM pin_case;
    UPDATE generation SET ca_keys = 3;
    PERFORM pin_cases_renew(2, 3, '2026-11-05', '2026-11-06', 9);
    PERFORM holds('whichever: a path that was not known may accept what all others refuse', EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    PERFORM holds('and as the news that they were: nobody could tell before', (SELECT is_news FROM pin_case WHERE certificate_id = 1));
    UPDATE generation SET ca_keys = 2;
    PERFORM finding_raise(1, 'certificate.unexpected-issuer', 'critical', 'certificate:1', '{}', 1, NULL, '2026-11-06');
    INSERT INTO channel VALUES (1, 'pager', 'hook', '{}', NULL, 'critical', true, 'apply', 'ann', '2026-11-01'), (1, 'off', 'hook', '{}', NULL, 'critical', false, 'apply', 'ann', '2026-11-01');
    PERFORM pin_verdicts_save(1, sha256('ca'), 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('c')), NULL, '2026-11-06');
    PERFORM holds('it is worse when the issuer is unexpected, too', (SELECT severity = 'critical' AND evidence->'reasons' = '["c", "its issuer is unexpected, too"]' FROM finding WHERE finding_id = got.finding_id));

    PERFORM holds('which is told to whom it was not bad enough before, and to nobody else', (SELECT string_agg(d.channel || ' ' || a.severity, ',' ORDER BY d.delivery_id)
        FROM delivery d JOIN alert a USING (tenant_id, alert_id) WHERE a.rule = 'certificate.pin-miss') = 'hook warning,pager critical');
    INSERT INTO pin_case VALUES (1, '2026-11-06', false, '-infinity');
    PERFORM pin_verdicts_save(1, sha256('ca'), 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('c')), NULL, '2026-11-06');
    PERFORM holds('once', (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 2);

    PERFORM finding_decide(got.finding_id, 'resolved', 'ann', 'known', '2026-11-07');
    INSERT INTO pin_case VALUES (1, '2026-11-07', false, '-infinity');
    PERFORM pin_verdicts_save(1, sha256('ca'), 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('d')), NULL, '2026-11-07');
    PERFORM holds('what a person decided stays', (SELECT state = 'resolved' FROM finding WHERE finding_id = got.finding_id));

    INSERT INTO pin_case VALUES (1, '2026-11-08', false, '-infinity');
    PERFORM pin_verdicts_save(1, sha256('ca'), 2, 2, '[]', NULL, '2026-11-08');
    PERFORM holds('what is not judged any more keeps its rows', EXISTS (SELECT FROM pin_verdict WHERE until_at IS NULL) AND NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));

    INSERT INTO pin_case SELECT i, '2026-11-08', true, CASE i WHEN 4 THEN '2026-11-09' ELSE '-infinity' END::timestamptz FROM generate_series(1, 4) i ON CONFLICT (certificate_id) DO UPDATE SET due_at = excluded.due_at;
    PERFORM holds('while nobody has releases cases are settled together, not by who has older pins', pin_cases_settle(1, '2026-11-08', 9) = 0 AND pin_cases_settle(2, '2026-11-08', 1) = 1 AND pin_cases_settle(2, '2026-11-08', 9) = 1);
    PERFORM holds('but those that something stands about, and those that are not due', (SELECT string_agg(certificate_id::text, ' ' ORDER BY certificate_id) FROM pin_case) = '1 4');

    -- Clocks.
    DELETE FROM pin_case;
    UPDATE pin_round SET ca_keys = 2, judged_at = '2026-11-08', renewing_below = NULL;
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 12:00', 9);
    PERFORM holds('what begins is judged again', (SELECT count(*) FROM pin_case) = 2);
    PERFORM holds('a clock that is not there yet takes nothing', pg_temp.due('2026-11-08 11:59:59') = '' AND pg_temp.due('2026-11-08 12:00') = '1 2');
    PERFORM holds('nor does it record what it took before', NOT pin_verdicts_save(1, sha256('ca'), 2, 2, '[]', NULL, '2026-11-08 11:59:59'));
    PERFORM holds('nor is it asked to judge again', NOT pin_cases_renew(2, 2, '2026-11-05', '2026-11-08 11:59:58', 9) AND pg_temp.due('2026-11-08 12:00:01') = '');
    PERFORM holds('a clock that jumps ahead ends what it should not', NOT pin_cases_renew(2, 2, '2027-03-01', '2027-03-05', 9) AND pin_cases_settle(2, '2027-03-05', 9) >= 0);
    DELETE FROM pin_case;
    PERFORM holds('everything is judged again once it is right', NOT pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:00', 9) AND pg_temp.due('2026-11-08 13:00') = '1 2');
    PERFORM holds('once', NOT pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:00:10', 9) AND pg_temp.due('2026-11-08 13:00:01') = '');
    UPDATE pin_case SET due_at = '2027-03-05';
    PERFORM holds('what a wrong clock put off is due', pg_temp.due('2026-11-08 13:00:02') = '1 2');
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:30', 9);
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2027-03-05', 9);
    DELETE FROM pin_case;
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:31', 9);
    PERFORM holds('also where nothing began or ended meanwhile', (SELECT count(*) FROM pin_case) = 2);
    DELETE FROM pin_case;
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:40', 1);
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:32', 1);
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:40:01', 1);
    PERFORM pin_cases_renew(2, 2, '2026-11-08 12:00', '2026-11-08 13:32:01', 1);
    PERFORM holds('two clocks that differ for good do not begin again and again', EXISTS (SELECT FROM pin_case WHERE certificate_id = 1));
    DELETE FROM pin_case;
    UPDATE pin_round SET judged_at = '2026-11-08 13:33', renewing_below = NULL;
    INSERT INTO pin_case SELECT i, '2026-11-08', false, CASE i WHEN 4 THEN '2026-11-09' ELSE '-infinity' END::timestamptz FROM unnest('{1,4}'::bigint[]) i;

    -- A precertificate and a certificate turn out to be one issuance.
    UPDATE certificate SET tbs_sha256 = sha256('one') WHERE certificate_id = 1;
    UPDATE certificate SET tbs_sha256 = sha256('one') WHERE certificate_id = 2;
    INSERT INTO pin_case VALUES (2, '2026-11-08', false, '-infinity') ON CONFLICT DO NOTHING;
    id := resolve_issuer(2, sha256('ca'), NULL, '[]', false, '2026-11-08');
    PERFORM holds('of two rows that are one issuance the one that stands is judged again', id = 1 AND NOT EXISTS (SELECT FROM pin_verdict WHERE certificate_id = 2)
        AND NOT EXISTS (SELECT FROM pin_case WHERE certificate_id = 2) AND EXISTS (SELECT FROM pin_verdict WHERE certificate_id = 1));

    -- The same in two rows: a log names an issuer that is not proven for more than a minute.
    DELETE FROM pin_case;
    UPDATE certificate SET tbs_sha256 = sha256('two'), issuer_state = 'verified', issuer_spki_sha256 = sha256('ca') WHERE certificate_id = 3;
    UPDATE certificate SET tbs_sha256 = sha256('two') WHERE certificate_id = 4;
    INSERT INTO match SELECT 1, w.watch_id, 4, '2026-11-08' FROM watch w;
    DELETE FROM pin_case;
    INSERT INTO pin_case SELECT i, '2026-11-08', true, '-infinity' FROM unnest('{3,4}'::bigint[]) i;
    DELETE FROM delivery;
    DELETE FROM alert;
    PERFORM pin_verdicts_save(4, NULL, 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('e')), NULL, '2026-11-08 14:00');
    SELECT * INTO got FROM finding WHERE rule = 'certificate.pin-miss' AND certificate_id = 4;
    PERFORM holds('an issuer that is not proven keeps no miss back', got.state = 'open' AND (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 1);
    PERFORM pin_verdicts_save(3, sha256('ca'), 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('f')), NULL, '2026-11-08 14:00');
    PERFORM holds('the row whose issuer is proven takes the miss over, which is not told again', (SELECT certificate_id = 3 AND subject = 'certificate:3' AND evidence @> '{"certificate_id":3,"reasons":["f"]}'
        FROM finding WHERE finding_id = got.finding_id) AND (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 1);
    INSERT INTO pin_case VALUES (4, '2026-11-08', true, '-infinity');
    PERFORM pin_verdicts_save(4, NULL, 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('g')), NULL, '2026-11-08 14:01');
    PERFORM holds('and the other one has none', NOT EXISTS (SELECT FROM finding WHERE rule = 'certificate.pin-miss' AND certificate_id = 4)
        AND (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 1);
    UPDATE certificate SET issuer_state = 'verified', issuer_spki_sha256 = sha256('another ca') WHERE certificate_id = 4;
    PERFORM holds('until it turns out to be another CA''s: it is judged again', EXISTS (SELECT FROM pin_case WHERE certificate_id = 4 AND due_at = '-infinity'));
    PERFORM pin_verdicts_save(4, sha256('another ca'), 2, 2, pg_temp.tenant(jsonb_build_array(pg_temp.row_of('refuses')), pg_temp.miss('h')), NULL, '2026-11-08 14:02');
    PERFORM holds('and told', (SELECT count(*) FROM finding WHERE rule = 'certificate.pin-miss' AND certificate_id IN (3, 4)) = 2
        AND (SELECT count(*) FROM alert WHERE rule = 'certificate.pin-miss') = 2);
END
$test$;
