-- For tests/sql/client-reports. Time is the caller's.
SET search_path = pinwatch, pg_temp;
SET timezone = 'UTC';

CREATE FUNCTION pinwatch.holds(sentence text, is_true boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_true IS NOT TRUE THEN
        RAISE EXCEPTION 'NOT TRUE: %', sentence;
    END IF;
END $$;

CREATE FUNCTION pg_temp.report(host text, kind text, source text DEFAULT '192.0.2.1', may_add boolean DEFAULT true) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('format', 'trustkit', 'host', host, 'noted_host', host, 'app', 'Bank', 'version', '1', 'platform', 'ios', 'library', '', 'is_enforced', true,
        'pins', '["sha256/x"]'::jsonb, 'notes', '[]'::jsonb, 'has_leaf', true, 'certificate_sha256', encode(sha256(kind::bytea), 'hex'), 'is_for_host', 'yes', 'is_valid_then', 'yes',
        'is_public', 'yes', 'is_refused_by_pins', 'yes', 'scts', 0, 'scts_verified', 0, 'tbs_sha256', encode(sha256('tbs'), 'hex'), 'not_before', 1793577600, 'not_after', 1801353600,
        'key', encode(sha256((host || kind)::bytea), 'hex'), 'chain', '["MAA="]'::jsonb, 'source', source, 'may_add', may_add, 'date', 9223372036854775807) $$;

CREATE FUNCTION pg_temp.took(reports jsonb, at timestamptz, room integer DEFAULT 100) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(outcome, ' ' ORDER BY place) FROM client_reports_take(reports, '[]', room, at) $$;

CREATE FUNCTION pg_temp.found(id bigint, cause text, severity text, app text DEFAULT '') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('tenant', 1, 'report', id, 'cause', cause, 'why', 'because', 'severity', severity, 'release_app', app, 'verdict', 'refuses',
        'is_drill', false, 'again_ms', NULL)) $$;

CREATE FUNCTION pg_temp.finding(cause text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(state || ' ' || severity || ' ' || (evidence->>'reports_count') || '/' || (evidence->>'distinct_count'), ', ' ORDER BY finding_id) FROM finding
     WHERE rule = 'pins.clients-failing' AND subject LIKE 'clients:%:' || cause || ':%' $$;

CREATE FUNCTION pg_temp.alerts() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM alert WHERE rule = 'pins.clients-failing' $$;

-- 2026-11-02 to 2027-01-31, seen on the 20th.
CREATE FUNCTION pg_temp.covered(host text DEFAULT 'www.example.com') RETURNS boolean LANGUAGE sql AS $$
    SELECT client_report_is_covered(host, '2026-11-02', '2027-01-31', '2026-11-20', false) $$;

CREATE FUNCTION pg_temp.log(name text, head_time timestamptz, first_index bigint DEFAULT 10) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (log_id, description, operator, protocol, url, key, mmd_seconds, state, source, is_followed, reason, first_seen_at, updated_at)
    VALUES (sha256(name::bytea), name, 'o', 'rfc6962', 'https://x/', 'k', 86400, 'usable', 'chrome', true, '', '2026-10-01', '2026-10-01');
    INSERT INTO position (log_id, first_index, size, frontier, head_size, head_root, head_time, verified_at)
    VALUES (sha256(name::bytea), first_index, 20, '', 20, sha256('root'), '2026-10-15', '2026-10-15');
    UPDATE position SET head_time = $2, verified_at = $2 WHERE log_id = sha256(name::bytea);
END $$;

DO $test$
DECLARE
    id bigint;
    other bigint;
BEGIN
    INSERT INTO watch (tenant_id, kind, value, set_by, set_who, set_at) VALUES (1, 'subtree', 'example.com', 'cli', 'ann', '2026-10-01'), (1, 'name', 'api.example.com', 'cli', 'ann', '2026-10-01'),
        (1, 'subtree', '', 'cli', 'ann', '2026-10-01');
    INSERT INTO channel VALUES (1, 'hook', 'hook', '{}', NULL, 'info', true, 'apply', 'ann', '2026-11-01');

    PERFORM holds('a host of a watch is kept, others are not, nor by a watch on everything', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'a'), pg_temp.report('example.org', 'a'),
        pg_temp.report('example.com', 'a'), pg_temp.report('badexample.com', 'a')), '2026-11-20') = 'kept foreign kept foreign');
    PERFORM holds('by the most exact watch', pg_temp.took(jsonb_build_array(pg_temp.report('api.example.com', 'a')), '2026-11-20') = 'kept');
    PERFORM holds('and that is noted', (SELECT string_agg(covered_by, ' ' ORDER BY host) FROM client_report) = 'api.example.com .example.com .example.com');
    PERFORM pinned_hosts_save('[{"tenant": 1, "host": "example.org", "covers_below": true}, {"tenant": 1, "host": "example.net", "covers_below": false}]', 7);
    PERFORM pinned_hosts_save('[]', 7);
    PERFORM holds('pinned hosts count, too, as of the latest pins', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.org', 'p'), pg_temp.report('www.example.net', 'p'),
        pg_temp.report('example.net', 'p')), '2026-11-20') = 'kept foreign kept');
    PERFORM pinned_hosts_save('[]', 8);
    PERFORM holds('until they are pinned no more', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.org', 'q')), '2026-11-20') = 'foreign');
    DELETE FROM client_report WHERE host LIKE '%example.org' OR host LIKE '%example.net';

    SELECT report_id INTO id FROM client_report WHERE host = 'www.example.com';
    PERFORM holds('the same again is counted, with its source', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'a'), pg_temp.report('www.example.com', 'a', '192.0.2.2')), '2026-11-20 01:00')
        = 'repeated repeated');
    PERFORM holds('and when it came', (SELECT reports = 3 AND cardinality(sources) = 2 AND first_at = '2026-11-20' AND last_at = '2026-11-20 01:00' FROM client_report WHERE report_id = id));
    PERFORM holds('no address is stored', NOT EXISTS (SELECT FROM client_report r, unnest(r.sources) s WHERE octet_length(s) <> 8 OR s = substr(sha256('192.0.2.1'), 1, 8)));
    PERFORM pg_temp.took((SELECT jsonb_agg(pg_temp.report('www.example.com', 'a', 'x' || i)) FROM generate_series(1, 100) i), '2026-11-20 02:00');
    PERFORM holds('sources have a ceiling', (SELECT reports = 103 AND cardinality(sources) = 64 FROM client_report WHERE report_id = id));
    PERFORM holds('a day has room for so many kinds', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'b')), '2026-11-20 03:00', 6) = 'kept');
    PERFORM holds('and no more, but counts those that are there', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'c'), pg_temp.report('www.example.com', 'a')),
        '2026-11-20 03:00', 6) = 'no-room repeated');
    PERFORM holds('and the next one again', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'c')), '2026-11-21', 1) = 'kept');
    PERFORM holds('a source that has brought enough is counted where it repeats', pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'd', 'y', false),
        pg_temp.report('www.example.com', 'c', 'y', false)), '2026-11-21') = 'source-limit repeated');
    PERFORM client_reports_take('[]', '[{"outcome": "limit", "reports": 7}, {"outcome": "unreadable", "reports": 0}]', 1, '2026-11-21');
    PERFORM holds('all of it is counted', (SELECT string_agg(day || ' ' || tenant_id || ' ' || outcome || ' ' || reports, ', ' ORDER BY day, tenant_id, outcome) FROM client_report_count WHERE day = '2026-11-21')
        = '2026-11-21 0 limit 7, 2026-11-21 1 kept 1, 2026-11-21 1 repeated 1, 2026-11-21 1 source-limit 1');
    PERFORM holds('what found no room is told apart, of the last hour', (SELECT string_agg(outcome || ' ' || reports, ', ') FROM client_reports_dropped('2026-11-21 00:30')) = 'limit 7');
    PERFORM holds('for an hour', NOT EXISTS (SELECT FROM client_reports_dropped('2026-11-21 01:00')));

    PERFORM holds('due ones come to one taker', (SELECT count(*) FROM client_reports_due('2026-11-21', '2026-11-21 00:01', 100)) = 5);
    PERFORM holds('for a while', NOT EXISTS (SELECT FROM client_reports_due('2026-11-21', '2026-11-21 00:01', 100)));
    PERFORM client_reports_save(pg_temp.found(id, 'cannot-tell', 'info'), '2026-11-21 00:00:10');
    PERFORM holds('a finding is opened and told', pg_temp.finding('cannot-tell') = 'open info 104/1' AND pg_temp.alerts() = 1);
    PERFORM holds('with the certificate', (SELECT pem LIKE '-----BEGIN CERTIFICATE-----%' FROM alert WHERE rule = 'pins.clients-failing'));
    PERFORM pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'a')), '2026-11-21 00:00:20');
    PERFORM holds('who comes again makes it due, not before a minute is over', (SELECT due_at = '2026-11-21 00:01:10' FROM client_report WHERE report_id = id));
    PERFORM client_reports_save(pg_temp.found(id, 'cannot-tell', 'info'), '2026-11-21 00:01:10');
    PERFORM holds('counts are kept up to date without a word', pg_temp.finding('cannot-tell') = 'open info 105/1' AND pg_temp.alerts() = 1);
    SELECT report_id INTO other FROM client_report WHERE certificate_sha256 = sha256('c') AND host = 'www.example.com';
    PERFORM client_reports_save(pg_temp.found(other, 'cannot-tell', 'notice'), '2026-11-21 00:02');
    PERFORM holds('what is graver is told again', pg_temp.finding('cannot-tell') = 'open notice 107/2' AND pg_temp.alerts() = 2);
    PERFORM client_reports_save(pg_temp.found(other, 'attack', 'critical'), '2026-11-21 00:03');
    PERFORM holds('another cause is another finding', pg_temp.finding('attack') = 'open critical 2/1' AND pg_temp.finding('cannot-tell') = 'open notice 105/1' AND pg_temp.alerts() = 3);
    PERFORM client_reports_save(pg_temp.found(other, 'stale-pin', 'warning', 'Bank'), '2026-11-21 00:04');
    PERFORM holds('and the one that nothing is about any more ends', pg_temp.finding('attack') LIKE 'resolved critical%' AND pg_temp.finding('stale-pin') = 'open warning 2/1');
    UPDATE finding SET state = 'resolved', closed_at = '2026-11-21 00:05' WHERE subject LIKE '%stale-pin%';
    INSERT INTO finding_event (tenant_id, finding_id, at, who, what) SELECT 1, finding_id, '2026-11-21 00:05', 'ann', 'resolved' FROM finding WHERE subject LIKE '%stale-pin%';
    PERFORM pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'c')), '2026-11-21 00:06');
    PERFORM client_reports_save(pg_temp.found(other, 'stale-pin', 'warning', 'Bank'), '2026-11-21 00:07');
    PERFORM holds('what a person has ended stays so', pg_temp.finding('stale-pin') = 'resolved warning 3/1');
    PERFORM pg_temp.took(jsonb_build_array(pg_temp.report('www.example.com', 'e')), '2026-11-21 00:08');
    SELECT report_id INTO other FROM client_report WHERE certificate_sha256 = sha256('e');
    PERFORM client_reports_save(pg_temp.found(other, 'stale-pin', 'warning', 'Bank'), '2026-11-21 00:09');
    PERFORM holds('until another certificate comes', pg_temp.finding('stale-pin') = 'resolved warning 3/1, open warning 4/2');

    -- Coverage. Everything is in order, then one thing after the other is not.
    PERFORM holds('no logs, no cover', NOT pg_temp.covered());
    PERFORM pg_temp.log('a', '2026-11-21');
    PERFORM holds('read from before until a delay after it was seen', pg_temp.covered());
    PERFORM holds('a host that nobody watches is not recorded', NOT pg_temp.covered('www.example.org'));
    UPDATE position SET head_time = '2026-11-20 23:59';
    PERFORM holds('not before the delay is over', NOT pg_temp.covered());
    UPDATE position SET head_time = '2026-11-21';
    PERFORM pg_temp.log('b', '2026-11-19');
    PERFORM holds('every log counts', NOT pg_temp.covered());
    UPDATE log SET interval_begin = '2027-02-01', interval_end = '2027-08-01' WHERE description = 'b';
    PERFORM holds('but one that takes no such certificate', pg_temp.covered());
    UPDATE log SET interval_begin = NULL, interval_end = NULL, state = 'pending' WHERE description = 'b';
    PERFORM holds('and one that no client believes yet', pg_temp.covered());
    UPDATE log SET state = 'retired' WHERE description = 'b';
    PERFORM holds('of one that was retired during its life nobody knows', NOT pg_temp.covered());
    UPDATE position SET verified_at = '2026-10-30' WHERE log_id = sha256('b');
    PERFORM holds('before that it does not matter', pg_temp.covered());
    UPDATE log SET state = 'readonly', final_size = 20 WHERE description = 'b';
    PERFORM holds('a log that is closed and read to its end', pg_temp.covered());
    UPDATE log SET final_size = 21 WHERE description = 'b';
    PERFORM holds('or not to its end', NOT pg_temp.covered());
    DELETE FROM position WHERE log_id = sha256('b');
    PERFORM holds('or not at all', NOT pg_temp.covered());
    DELETE FROM log WHERE description = 'b';
    UPDATE position SET size = 19;
    PERFORM holds('a head whose entries have not been read shows nothing', NOT pg_temp.covered());
    UPDATE position SET size = 20;
    UPDATE position SET first_index = 12;
    PERFORM holds('a log that was taken up anew has a hole', NOT pg_temp.covered());
    UPDATE position SET first_index = 0;
    PERFORM holds('not where it was read from the beginning', pg_temp.covered());
    INSERT INTO unreadable_entry VALUES (sha256('a'), 3, 'x', 'x', '', '2026-11-05');
    PERFORM holds('an entry that nobody could read may be it', NOT pg_temp.covered());
    UPDATE unreadable_entry SET seen_at = '2026-10-20';
    PERFORM holds('not one from before', pg_temp.covered());
    INSERT INTO head VALUES (sha256('a'), 20, sha256('other'), '2026-11-01', '', '', 'contradicts', '2026-11-01');
    PERFORM holds('a log that lies', NOT pg_temp.covered());
    DELETE FROM head;
    UPDATE watch SET set_at = '2026-11-01 12:00';
    PERFORM holds('who was not watched for a day before', NOT pg_temp.covered());
    UPDATE watch SET set_at = '2026-10-01';
    INSERT INTO finding (tenant_id, rule, severity, subject, state, evidence, opened_at, last_seen_at) VALUES (0, 'log.list-stale', 'warning', 'service:x', 'open', '{}', '2026-11-01', '2026-11-01');
    PERFORM holds('an old list may lack a log', NOT pg_temp.covered());
    DELETE FROM finding WHERE rule = 'log.list-stale';
    UPDATE log SET source = 'settings';
    PERFORM holds('logs of our own are not all logs', NOT pg_temp.covered());
    UPDATE log SET source = 'apple';
    PERFORM holds('in order again', pg_temp.covered());

    UPDATE client_report SET due_at = '2026-11-30';
    UPDATE position SET head_time = '2026-11-30';
    PERFORM holds('a certificate that is not recorded is not logged', (SELECT count(*) = 6 AND bool_and(is_covered AND NOT is_logged AND NOT is_drill_covered)
        FROM client_reports_due('2026-11-30', '2026-11-30', 100)));
    INSERT INTO certificate (tbs_sha256, issuer_state, names, first_timestamp, first_seen_at) VALUES (sha256('tbs'), 'pending', '[]', '2026-11-01', '2026-11-01');
    PERFORM holds('one that is, by what its logs signed', (SELECT count(*) = 6 AND bool_and(is_logged) FROM client_reports_due('2026-11-30', '2026-11-30', 100)));
    PERFORM holds('old ones are forgotten, findings are not', client_reports_forget('2026-11-21') = 3);
    PERFORM holds('nor newer ones', NOT EXISTS (SELECT FROM client_report_count WHERE day < '2026-11-21') AND EXISTS (SELECT FROM finding));
END
$test$;
