-- For tests/sql/caa. Time is the caller's; leases alone go by the database's clock.
SET search_path = pinwatch, pg_temp;
SET timezone = 'UTC';

CREATE FUNCTION pinwatch.holds(sentence text, is_true boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_true IS NOT TRUE THEN
        RAISE EXCEPTION 'NOT TRUE: %', sentence;
    END IF;
END $$;

-- The SQLSTATE with which a statement is refused; '' when it is not.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;

CREATE FUNCTION pg_temp.ms(at timestamptz) RETURNS bigint LANGUAGE sql AS $$ SELECT (extract(epoch FROM at) * 1000)::bigint $$;

CREATE FUNCTION pg_temp.run_of(outcome text, at timestamptz, records integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('owner', 'example.com', 'resolver', 'r:53', 'outcome', outcome, 'why', '', 'detail', '', 'answered_ms', pg_temp.ms(at),
        'true_ms', pg_temp.ms(at), 'first_true_ms', pg_temp.ms(at), 'interval_s', 300, 'ttl_max_s', 600, 'ttl_s', 600, 'is_from_validator', false, 'is_authenticated', false,
        'is_nonexistent', false, 'chain', '["a.example"]'::jsonb) || CASE WHEN records IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('records', records) END $$;

CREATE FUNCTION pg_temp.payload(part text, item jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"continued":[],"begun":[],"accepted":[],"changes":[],"conditions":[]}'::jsonb || jsonb_build_object(part, jsonb_build_array(item)) $$;

CREATE FUNCTION pg_temp.change() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"owner":"example.com","resolver":"r:53","at_ms":0,"before_outcome":"empty","after_outcome":"records","after":1,"gained":["ca.example"],
             "is_any_gained":false,"wildcard_gained":[],"is_wildcard_any_gained":false,"tenants":[{"tenant":1,"severity":"warning","body":{"owner":"example.com"}}]}'::jsonb $$;

DO $test$
DECLARE
    got record;
    mine bigint;
    id bigint;
BEGIN
    SELECT * INTO got FROM caa_lease_take('one', '', 60);
    mine := got.fencing;
    PERFORM holds('the first who asks has the lease', mine = 1 AND got.commits = 0);
    PERFORM holds('another has it not', (SELECT fencing FROM caa_lease_take('two', '', 60)) = 0);
    PERFORM holds('the same renews it under its number', (SELECT fencing FROM caa_lease_take('one', '', 60)) = mine);
    PERFORM holds('who is not the holder records nothing', pg_temp.refusal($$SELECT caa_record('two', 1, 1, '2026-11-01', '{}', '{}')$$) = 'PW001');
    PERFORM holds('nor who was', pg_temp.refusal($$SELECT caa_record('one', 0, 1, '2026-11-01', '{}', '{}')$$) = 'PW001');

    PERFORM holds('a commit is recorded', caa_record('one', mine, 1, '2026-10-30', pg_temp.payload('begun', pg_temp.run_of('empty', '2026-10-30 00:00')), '{}'));
    PERFORM holds('and once: sent again it says so', NOT caa_record('one', mine, 1, '2026-10-30', pg_temp.payload('begun', pg_temp.run_of('records', '2026-10-30 01:00')), '{}'));
    PERFORM holds('and did nothing', (SELECT outcome FROM caa_now) = 'empty');
    PERFORM holds('no number is left out', pg_temp.refusal(format($$SELECT caa_record('one', %s, 3, '2026-11-01', pg_temp.payload('begun', pg_temp.run_of('empty', '2026-11-01')), '{}')$$, mine)) = 'PW002');
    PERFORM caa_record('one', mine, 2, '2026-11-01', pg_temp.payload('continued', pg_temp.run_of('empty', '2026-11-02 00:00')), '{}');
    PERFORM holds('a run that goes on is the same row', (SELECT first_answered_at = '2026-10-30' AND last_answered_at = '2026-11-02' AND answers = 2 FROM caa_now));
    PERFORM holds('one that nobody recorded cannot go on', pg_temp.refusal(format($$SELECT caa_record('one', %s, 3, '2026-11-01',
        pg_temp.payload('continued', pg_temp.run_of('empty', '2026-11-02') || '{"owner":"other.example"}'), '{}')$$, mine)) = 'PW002');
    PERFORM holds('and leaves no trace', (SELECT commits FROM caa_lease) = 2);

    PERFORM caa_ensure_partitions('2026-10-15', '2026-12-15');
    PERFORM caa_record('one', mine, 3, '2026-11-03', pg_temp.payload('begun', pg_temp.run_of('records', '2026-11-03', 1)), ARRAY['\x0001'::bytea]);
    PERFORM holds('a run that ended is kept whole, in the month of its end', (SELECT count(*) FROM caa_past_2026_11
        WHERE outcome = 'empty' AND first_answered_at = '2026-10-30' AND last_answered_at = '2026-11-02' AND answers = 2 AND chain = '{a.example}') = 1);
    PERFORM holds('the set is kept with its hash', (SELECT records = '\x0001' AND set_sha256 = sha256('\x0001') FROM caa_now));
    PERFORM holds('the view has both', (SELECT count(*) FROM caa_run) = 2);
    PERFORM caa_record('one', mine, 4, '2026-11-04', pg_temp.payload('begun', pg_temp.run_of('failed', '2026-11-04') || '{"good_outcome":"records","good_records":1,"good_ms":0}'), ARRAY['\x0001'::bytea]);
    PERFORM holds('who fails keeps what was said before', (SELECT good_outcome = 'records' AND good_records = '\x0001' AND records = '' FROM caa_now));

    PERFORM caa_record('one', mine, 5, '2026-11-05', pg_temp.payload('changes', pg_temp.change()), ARRAY['\x0001'::bytea]);
    SELECT change_id INTO id FROM caa_change;
    PERFORM holds('a change is a finding', (SELECT count(*) FROM finding WHERE rule = 'caa.changed' AND state = 'open') = 1);
    PERFORM holds('of which nobody knows yet', NOT caa_change_is_known(1, id));
    INSERT INTO alert (tenant_id, finding_id, rule, severity, body, created_at) SELECT 1, finding_id, rule, severity, '{}', '2026-11-05' FROM finding;
    INSERT INTO channel VALUES (1, 'hook', 'hook', '{}', NULL, 'notice', true, 'apply', 'ann', '2026-11-01');
    INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at) SELECT 1, alert_id, 1, 'hook', 'queued', '2026-11-05' FROM alert;
    PERFORM holds('a queued alert is not known', NOT caa_change_is_known(1, id));
    UPDATE delivery SET state = 'dead';
    PERFORM holds('nor is one that was given up', NOT caa_change_is_known(1, id));
    UPDATE delivery SET state = 'delivered';
    PERFORM holds('a delivered one is', caa_change_is_known(1, id));
    PERFORM holds('to its tenant alone', NOT caa_change_is_known(2, id));
    UPDATE delivery SET state = 'dead';
    PERFORM caa_record('one', mine, 6, '2026-11-05 23:00', pg_temp.payload('changes', pg_temp.change()), ARRAY['\x0001'::bytea]);
    PERFORM holds('the same within a day is counted', (SELECT count(*) FROM finding WHERE rule = 'caa.changed') = 1 AND (SELECT times FROM caa_change) = 2);
    PERFORM finding_decide((SELECT finding_id FROM finding WHERE rule = 'caa.changed'), 'acknowledged', 'ann', '', '2026-11-05 23:10');
    PERFORM holds('somebody who decides knows', caa_change_is_known(1, id));
    PERFORM caa_record('one', mine, 7, '2026-11-05 23:20', pg_temp.payload('changes', pg_temp.change()), ARRAY['\x0001'::bytea]);
    PERFORM holds('after that it is news again', (SELECT count(*) FROM finding WHERE rule = 'caa.changed') = 2);
    PERFORM holds('which nobody knows yet', NOT caa_change_is_known(1, id));
    PERFORM caa_record('one', mine, 8, '2026-11-07', pg_temp.payload('changes', pg_temp.change()), ARRAY['\x0001'::bytea]);
    PERFORM holds('a day later it is another change', (SELECT count(*) FROM caa_change) = 2 AND (SELECT count(*) FROM finding WHERE rule = 'caa.changed') = 3);
    PERFORM holds('news is what nobody of a tenant knows of what concerned it', (SELECT count(*) FROM caa_news(1, '{www.example.com,example.com}', false)
        WHERE gained = '{ca.example}') = (SELECT count(*) FROM caa_change c WHERE NOT caa_change_is_known(1, c.change_id)) AND EXISTS (SELECT FROM caa_news(1, '{www.example.com,example.com}', true)) AND NOT EXISTS (SELECT FROM caa_news(2, '{www.example.com,example.com}', false)));

    PERFORM caa_record('one', mine, 9, '2026-11-08', pg_temp.payload('conditions',
        '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"a","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{"x":1}}]}'), '{}');
    PERFORM caa_record('one', mine, 10, '2026-11-08', pg_temp.payload('conditions',
        '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"a","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{"x":2}}]}'), '{}');
    PERFORM holds('a condition that lasts is one finding, with the newest evidence', (SELECT count(*) = 1 AND bool_and(evidence @> '{"x":2}') FROM finding WHERE rule = 'caa.lint'));
    PERFORM caa_record('one', mine, 11, '2026-11-08', pg_temp.payload('conditions',
        '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"b","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{"x":3}}]}'), '{}');
    PERFORM holds('another fingerprint is another finding', (SELECT string_agg(state, ' ' ORDER BY finding_id) FROM finding WHERE rule = 'caa.lint') = 'resolved open');
    PERFORM holds('what is open can be asked', (SELECT string_agg(rule || ' ' || subject, ',') FROM caa_conditions()) = 'caa.lint caa:example.com');
    PERFORM caa_record('one', mine, 12, '2026-11-08', pg_temp.payload('conditions', '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"","note":"mended","tenants":[]}'), '{}');
    PERFORM holds('for nobody it is over', NOT EXISTS (SELECT FROM finding WHERE rule = 'caa.lint' AND state <> 'resolved'));

    PERFORM caa_record('one', mine, 13, '2026-11-08', pg_temp.payload('conditions',
        '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"b","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{}}]}'), '{}');
    PERFORM holds('what ended by itself is told when it is there again', EXISTS (SELECT FROM finding WHERE rule = 'caa.lint' AND state = 'open'));
    PERFORM finding_decide((SELECT max(finding_id) FROM finding WHERE rule = 'caa.lint'), 'resolved', 'ann', '', '2026-11-08');
    PERFORM caa_record('one', mine, 14, '2026-11-08', pg_temp.payload('conditions',
        '{"rule":"caa.lint","subject":"caa:example.com","fingerprint":"b","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{}}]}'), '{}');
    PERFORM holds('what somebody has resolved is not', NOT EXISTS (SELECT FROM finding WHERE rule = 'caa.lint' AND state <> 'resolved'));

    INSERT INTO log (log_id, description, operator, protocol, url, key, source, is_followed, reason, first_seen_at, updated_at)
        VALUES (sha256('log'), 'log', 'operator', 'rfc6962', 'https://log.example/', 'key', 'chrome', true, 'usable', '2026-11-01', '2026-11-01');
    INSERT INTO watch (tenant_id, kind, value, set_by, set_who, set_at) VALUES (1, 'subtree', 'example.com', 'cli', 'ann', '2026-11-01'), (1, 'subtree', '', 'cli', 'ann', '2026-11-01');
    INSERT INTO certificate (tbs_sha256, issuer_state, names, not_after, first_timestamp, first_seen_at)
        SELECT sha256(i::text::bytea), 'pending', jsonb_build_array(jsonb_build_object('type', 'dns', 'value', 'n' || i, 'from', 'san'), '{"type":"ip","value":"192.0.2.1"}'::jsonb),
               CASE WHEN i = 3 THEN '2026-11-01' ELSE '2027-01-01' END::timestamptz, '2026-11-01', '2026-11-01' FROM generate_series(1, 5) i;
    INSERT INTO match SELECT 1, w.watch_id, c.certificate_id, '2026-11-01' FROM certificate c JOIN watch w ON w.value = CASE WHEN c.names->0->>'value' = 'n4' THEN '' ELSE 'example.com' END
                       WHERE c.names->0->>'value' <> 'n5';
    PERFORM holds('names of unexpired certificates of a watch are read', (SELECT string_agg(name, ' ' ORDER BY name) FROM caa_names_page(0, 100, '2026-11-10')) = 'n1 n2');
    PERFORM holds('pages reach every certificate', (SELECT count(DISTINCT certificate_id) FROM caa_names_page(0, 100, '2026-11-10')) = 5);
    PERFORM holds('and what matched since comes once', (SELECT string_agg(name, ' ' ORDER BY name) FROM caa_names_fresh('one', mine, 100, '2026-11-10')) = 'n1 n2');
    PERFORM holds('not twice', NOT EXISTS (SELECT FROM caa_names_fresh('one', mine, 100, '2026-11-10')) AND NOT EXISTS (SELECT FROM caa_fresh));

    -- Certificates to be judged: the four that matched.
    PERFORM holds('of those that are due the newest are judged first', (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM caa_cases_take('2026-11-10', '2026-11-10 00:00:02', 2)
        WHERE name_type = 'dns') = 'n3 n4');
    PERFORM holds('and nobody else takes them meanwhile: then come the others', (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM caa_cases_take('2026-11-10', '2026-11-10 00:00:02', 2)
        WHERE name_type = 'dns') = 'n1 n2' AND NOT EXISTS (SELECT FROM caa_cases_take('2026-11-10', '2026-11-10 00:00:02', 2)));
    id := (SELECT min(certificate_id) FROM certificate);
    PERFORM caa_case_put_off(id, '2026-11-10 00:15');
    PERFORM holds('who is put off comes when the time is there', (SELECT count(DISTINCT certificate_id) FROM caa_cases_take('2026-11-10 00:01', '2026-11-10 00:01:02', 9)) = 3
        AND (SELECT count(DISTINCT certificate_id) FROM caa_cases_take('2026-11-10 00:15', '2026-11-10 00:16', 9)) = 4);
    UPDATE certificate SET first_seen_at = '2026-11-01 12:00:00.123956', first_timestamp = '2026-11-02' WHERE certificate_id = id;
    SELECT issued_at INTO got FROM caa_cases_take('2026-11-10 00:16', '2026-11-10 00:17', 9) WHERE certificate_id = id;
    PERFORM holds('T is the earliest time, in whole milliseconds', got.issued_at = '2026-11-01 12:00:00.123');
    PERFORM holds('so that who counts in milliseconds judges as of the same T', caa_verdicts_save(id, time_of_ms(pg_temp.ms(got.issued_at)), NULL, '[]', '{}', NULL, NULL, '2026-11-10 00:16'));
    PERFORM holds('which settles it', NOT EXISTS (SELECT FROM caa_case WHERE certificate_id = id));
    UPDATE certificate SET scts = '[{"valid":true,"timestamp":1793534400007},{"valid":false,"timestamp":5},{"valid":null,"timestamp":6}]' WHERE certificate_id = id;
    SELECT issued_at INTO got FROM caa_cases_take('2026-11-10 00:18', '2026-11-10 00:19', 9) WHERE certificate_id = id;
    PERFORM holds('an earlier SCT that was verified is T, and judges again', got.issued_at = time_of_ms(1793534400007));
    PERFORM holds('who judged as of another T records nothing', NOT caa_verdicts_save(id, '2026-11-01 12:00:00.123', NULL, '[]', '{}', NULL, NULL, '2026-11-10 00:18')
        AND EXISTS (SELECT FROM caa_case WHERE certificate_id = id));

    UPDATE certificate SET issuer_state = 'verified', issuer_spki_sha256 = sha256(CASE WHEN names->0->>'value' = 'n4' THEN 'else' ELSE 'sub' END::bytea);
    DELETE FROM caa_case;
    INSERT INTO caa_verdict SELECT certificate_id, names->0->>'value', CASE WHEN names->0->>'value' = 'n2' THEN 'consistent' ELSE 'unknown' END, '', '2026-11-01', NULL, '', '', '', false, 'unknown', '2026-11-01'
        FROM certificate WHERE names->0->>'value' <> 'n5';
    PERFORM holds('a new link is kept', ca_links_save(ARRAY[sha256('sub')], ARRAY[sha256('root')], '2026-11-10'));
    PERFORM holds('and has unexpired certificates of its key judged again, where it was not known', (SELECT string_agg(names->0->>'value' || ' ' || rfc3339(due_at), ',')
        FROM caa_case JOIN certificate USING (certificate_id)) = 'n1 2026-11-10T00:00:10Z');
    UPDATE caa_case SET due_at = '-infinity';
    PERFORM holds('one that is no news', NOT ca_links_save(ARRAY[sha256('sub')], ARRAY[sha256('root')], '2026-11-10'));
    PERFORM ca_links_save(ARRAY[sha256('sub')], ARRAY[sha256('another root')], '2026-11-10');
    PERFORM holds('puts nobody off who is due already', (SELECT due_at = '-infinity' FROM caa_case));

    PERFORM caa_drop_older('2026-11-20');
    PERFORM holds('retention leaves a month that is not wholly older', to_regclass('caa_past_2026_11') IS NOT NULL AND to_regclass('caa_past_2026_10') IS NULL);
    PERFORM holds('drops runs of names that nobody asks about any more', NOT EXISTS (SELECT FROM caa_now));
    PERFORM holds('keeps changes with a finding that is not resolved', (SELECT count(*) FROM caa_change) = 2);
    PERFORM finding_decide(finding_id, 'resolved', 'ann', '', '2026-11-08') FROM finding WHERE rule = 'caa.changed';
    PERFORM caa_drop_older('2026-12-01');
    PERFORM holds('and drops them then, with the month', NOT EXISTS (SELECT FROM caa_change) AND to_regclass('caa_past_2026_11') IS NULL);

    PERFORM caa_record('one', mine, 15, '2026-12-01', pg_temp.payload('x', '0') || '{"accepted":[{"owner":"two.example","resolver":"r:53","outcome":"records","records":1,"at_ms":0},
        {"owner":"two.example","resolver":"s:53","outcome":"empty","at_ms":0}]}', ARRAY['\x0001'::bytea]);
    PERFORM holds('of two resolvers that change in one commit the last one counts', (SELECT resolver = 's:53' AND records = '' FROM caa_owner WHERE owner = 'two.example'));

    UPDATE caa_lease SET expires_at = '-infinity';
    PERFORM holds('an expired lease records nothing', pg_temp.refusal(format($$SELECT caa_record('one', %s, 16, '2026-11-01', '{}', '{}')$$, mine)) = 'PW004');
    SELECT * INTO got FROM caa_lease_take('two', '', 60);
    PERFORM holds('the next holder has the next number, and knows the last commit', got.fencing = mine + 1 AND got.commits = 15);
    PERFORM holds('a successor of the same place takes it at once', (SELECT fencing FROM caa_lease_take('two:next', 'two', 60)) = mine + 2);
    PERFORM caa_lease_release('two', mine + 2);
    PERFORM holds('who does not hold it releases nothing', (SELECT fencing FROM caa_lease_take('one', '', 60)) = 0);
END
$test$;

-- Records that do not come to rest.
CREATE FUNCTION pg_temp.change_by(telling text, gained text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT pg_temp.change() || '{"owner":"restless.example"}' || jsonb_build_object('gained', jsonb_build_array(gained), 'tenants', jsonb_build_array(
        jsonb_build_object('tenant', 1, 'severity', 'warning', 'body', '{"owner":"restless.example"}'::jsonb, 'telling', telling) || more)) $$;

DO $test$
DECLARE
    id bigint;
    finding_ bigint;
    set_ bytea[] := ARRAY['\x0001'::bytea];
    restless jsonb := '{"restless":{"owner":"restless.example","changes_count":6}}';
    fencing_ bigint;
BEGIN
    PERFORM caa_change_record(pg_temp.change_by('together', 'a.example'), set_, '2026-12-10 00:00');
    SELECT max(change_id) INTO id FROM caa_change;
    PERFORM holds('a change that is told together is recorded', (SELECT gained = '{a.example}' AND NOT is_told FROM caa_change WHERE change_id = id));
    PERFORM holds('is no finding, and no news: what it allows was told by another', NOT EXISTS (SELECT FROM finding WHERE subject LIKE 'caa:restless.example%')
        AND NOT EXISTS (SELECT FROM caa_news(1, '{restless.example}', false)));
    PERFORM caa_change_record(pg_temp.change_by('alone', 'b.example'), set_, '2026-12-10 00:05');
    PERFORM holds('the same sets are not the same change where others gain', (SELECT count(*) FROM caa_change WHERE owner = 'restless.example') = 2
        AND EXISTS (SELECT FROM caa_news(1, '{restless.example}', false) WHERE gained = '{b.example}'));
    PERFORM caa_change_record(pg_temp.change_by('together', 'b.example'), set_, '2026-12-10 00:10');
    PERFORM holds('what was told alone stays news until it is heard of, however often it comes again', (SELECT count(*) FROM caa_news(1, '{restless.example}', false)) = 1);

    PERFORM caa_change_record(pg_temp.change_by('unheard', 'nobody.example', restless), set_, '2026-12-10 00:15');
    SELECT max(change_id) INTO id FROM caa_change;
    SELECT finding_id INTO finding_ FROM finding WHERE rule = 'caa.restless' AND subject = 'caa:restless.example' AND state = 'open';
    PERFORM holds('what is told together is a finding', finding_ IS NOT NULL AND (SELECT count(*) FROM alert WHERE finding_id = finding_) = 1);
    UPDATE delivery d SET state = 'delivered' FROM alert a WHERE a.alert_id = d.alert_id AND a.finding_id = finding_;
    PERFORM holds('whose delivery makes nobody know of what nothing told', NOT caa_change_is_known(1, id));
    PERFORM finding_decide(finding_, 'acknowledged', 'ann', '', '2026-12-10 00:20');
    PERFORM holds('a decision about it does', caa_change_is_known(1, id) AND caa_change_is_known(1, id, true));
    PERFORM caa_change_record(pg_temp.change_by('unheard', 'nobody.example', restless || '{"restless":{"changes_count":9}}'), set_, '2026-12-10 00:25');
    PERFORM holds('until it comes again', NOT caa_change_is_known(1, id) AND EXISTS (SELECT FROM caa_climb(1, '{restless.example}', false) WHERE gained = '{nobody.example}'));
    PERFORM holds('the finding is kept up to date and told once', (SELECT evidence @> '{"changes_count":9}' AND occurrences = 9 FROM finding WHERE finding_id = finding_)
        AND (SELECT count(*) FROM alert WHERE finding_id = finding_) = 1);

    PERFORM caa_change_record(pg_temp.change_by('together', 'b.example', restless) || '{"unrest":{"since_ms":1000,"last_ms":2000,"changes":6,"recent_ms":[1000,2000],"is_restless":true}}', set_, '2026-12-10 00:30');
    PERFORM holds('and that it is restless, whatever was decided about the finding', 1 = (SELECT count(*) FROM caa_conditions() WHERE rule = 'caa.restless' AND subject = 'caa:restless.example'));
    PERFORM holds('the poller finds where it was', (SELECT changes = 6 AND is_restless AND cardinality(recent) = 2 AND last_at = 'epoch'::timestamptz + interval '2 s' FROM caa_unrest));
    SELECT fencing INTO fencing_ FROM caa_lease;
    UPDATE caa_lease SET holder = 'three', expires_at = 'infinity';
    PERFORM caa_unrest_end('three', fencing_, 'epoch'::timestamptz + interval '1999 ms', '2026-12-11');
    PERFORM holds('not yet calm', (SELECT count(*) FROM caa_unrest) = 1);
    PERFORM caa_unrest_end('three', fencing_, 'epoch'::timestamptz + interval '2 s', '2026-12-11');
    PERFORM holds('a calm day ends it', NOT EXISTS (SELECT FROM caa_unrest) AND (SELECT state FROM finding WHERE finding_id = finding_) = 'resolved');
    PERFORM holds('by pinwatch, which is nobody who heard of anything', NOT caa_change_is_known(1, id));
    INSERT INTO caa_owner VALUES ('restless.example', 'records', '\x0001', 'r:53', '2027-03-02'); -- still asked about
    UPDATE finding SET state = 'resolved' WHERE rule LIKE 'caa.%';
    PERFORM caa_drop_older('2027-03-01');
    PERFORM holds('retention keeps what stands still and nobody has heard of', (SELECT array_agg(gained[1]) = '{nobody.example}' FROM caa_change WHERE owner = 'restless.example'));
    UPDATE caa_owner SET records = '' WHERE owner = 'restless.example';
    PERFORM caa_drop_older('2027-03-01');
    PERFORM holds('and drops it when it does not stand any more', NOT EXISTS (SELECT FROM caa_change WHERE owner = 'restless.example'));

    PERFORM caa_verdicts_save(certificate_id, caa_issued_at(first_timestamp, scts, first_seen_at), issuer_spki_sha256, '[]', '{}',
        '{"severity":"critical","caa":[0],"names_count":300,"tenants":{"1":{"caa":[1]},"2":{"caa":[2]}}}', NULL, '2027-03-02') FROM certificate ORDER BY certificate_id LIMIT 1;
    PERFORM holds('a tenant is told what is for him', (SELECT evidence @> '{"caa":[1],"names_count":300}' AND NOT evidence ? 'tenants' AND NOT evidence->'caa' @> '[0]'
        FROM finding WHERE rule = 'certificate.caa-inconsistent'));
END
$test$;

-- Thousands of conditions may come in one commit, as after a start: none may read every finding.
INSERT INTO finding (tenant_id, rule, severity, subject, evidence, state, opened_at, last_seen_at)
    SELECT 1, 'certificate.unexpected-issuer', 'warning', 'certificate:' || i, '{}', CASE WHEN i % 2 = 0 THEN 'open' ELSE 'resolved' END, '2026-12-01', '2026-12-01' FROM generate_series(1, 20000) i;
INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note) SELECT 1, finding_id, '2026-12-01', 'ann', 'resolved', '' FROM finding WHERE state = 'resolved';
ANALYZE finding, finding_event;
DO $test$
DECLARE
    read_before bigint := (SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relname IN ('finding', 'finding_event'));
BEGIN
    PERFORM caa_condition_set('{"rule":"caa.lint","subject":"caa:many.example","fingerprint":"a","note":"mended","tenants":[{"tenant":1,"severity":"notice","body":{}}]}', '2026-12-02');
    PERFORM count(*) FROM caa_conditions();
    PERFORM holds('conditions are found without reading every finding', (SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relname IN ('finding', 'finding_event')) = read_before);
END
$test$;
