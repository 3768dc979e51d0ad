-- Step 15: what clients report whose pins were not satisfied (RFC 7469 3, TrustKit), and why that was. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pinwatch_receiver') THEN
        BEGIN
            CREATE ROLE pinwatch_receiver NOLOGIN;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'role pinwatch_receiver: missing, and % may not create roles; an administrator must: CREATE ROLE pinwatch_receiver', current_user
                USING ERRCODE = 'insufficient_privilege';
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'pinwatch_receiver', 'MEMBER') THEN
        BEGIN
            EXECUTE format('GRANT pinwatch_receiver TO %I', current_user);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'role pinwatch_receiver: % is no member of it', current_user;
        END;
    END IF;
END
$$;

-- Since when, by the log's own clock, nothing of it was left out. What was there before this step was whole from its head on at the latest.
ALTER TABLE position ADD COLUMN begun_at timestamptz;
UPDATE position SET begun_at = head_time;
CREATE FUNCTION position_begin() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    NEW.begun_at := NEW.head_time;
    RETURN NEW;
END
$$;
CREATE TRIGGER position_begin BEFORE INSERT ON position FOR EACH ROW EXECUTE FUNCTION position_begin();
CREATE TRIGGER position_begin_again BEFORE UPDATE ON position FOR EACH ROW WHEN (NEW.first_index > OLD.first_index) EXECUTE FUNCTION position_begin();

-- Hosts of the pins of live releases, written by the monitor: the documents are text that SQL does not read.
CREATE TABLE pinned_host (
    tenant_id     integer NOT NULL REFERENCES tenant,
    host          text NOT NULL,
    covers_below  boolean NOT NULL,
    PRIMARY KEY (tenant_id, host)
);

-- One row for reports that say the same. Everything in it but times, counts and what was found out is a claim of whoever sent it.
CREATE TABLE client_report (
    tenant_id           integer NOT NULL REFERENCES tenant,
    report_id           bigint GENERATED ALWAYS AS IDENTITY,
    key                 hash NOT NULL,          -- of all that must be the same
    covered_by          text NOT NULL,          -- the watch or the pinned host that it is kept for: "www.example.com", ".example.com"
    format              text NOT NULL CHECK (format IN ('hpkp', 'trustkit')),
    host                text NOT NULL,
    noted_host          text NOT NULL,
    app                 text NOT NULL,
    version             text NOT NULL,
    platform            text NOT NULL,
    library             text NOT NULL,
    is_enforced         boolean,                -- false: the connection was made; null: not said
    result              integer,                -- TrustKit's validation-result
    pins                text[] NOT NULL,        -- that the client knows
    notes               text[] NOT NULL,
    -- what its certificates say
    has_leaf            boolean NOT NULL,
    certificate_sha256  hash,
    spki_sha256         hash,
    issuer_spki_sha256  hash,
    tbs_sha256          hash,
    not_before          timestamptz,
    not_after           timestamptz,
    is_for_host         text NOT NULL CHECK (is_for_host IN ('no', 'yes', 'unknown')),
    is_valid_then       text NOT NULL CHECK (is_valid_then IN ('no', 'yes', 'unknown')),
    is_public           text NOT NULL CHECK (is_public IN ('no', 'yes', 'unknown')),
    is_refused_by_pins    text NOT NULL CHECK (is_refused_by_pins IN ('no', 'yes', 'unknown')),
    scts                integer NOT NULL,
    scts_verified       integer NOT NULL,
    chain               bytea[] NOT NULL,       -- DER, the leaf first, as far as 16 KiB reach
    -- how often
    reports             bigint NOT NULL DEFAULT 1,
    sources             bytea[] NOT NULL,       -- of the first 64 addresses: 8 bytes of a digest with a secret
    first_at            timestamptz NOT NULL,   -- received
    last_at             timestamptz NOT NULL,
    claimed_at          timestamptz,            -- date in the newest
    -- what was found out; null: nothing yet
    cause               text CHECK (cause IN ('stale-pin', 'private-root', 'attack', 'cannot-tell')),
    why                 text,
    severity            text CHECK (severity IN ('info', 'notice', 'warning', 'critical')),
    release_app         text,                   -- the app's name where a release has it; ''
    verdict             text CHECK (verdict IN ('accepts', 'refuses', 'cannot-tell', 'not-pinned', 'unknown')), -- of the live release that it comes from
    is_drill            boolean NOT NULL DEFAULT false,
    subject             text,                   -- of its finding
    judged_at           timestamptz,
    due_at              timestamptz,            -- null: nothing more is to be found out
    PRIMARY KEY (tenant_id, report_id),
    UNIQUE (tenant_id, key)
);
CREATE INDEX client_report_due ON client_report (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX client_report_subject ON client_report (tenant_id, subject);
CREATE INDEX client_report_last ON client_report (last_at);

-- What became of everything that was sent, day by day. Of what is nobody's, tenant 0.
CREATE TABLE client_report_count (
    day         date NOT NULL,
    tenant_id   integer NOT NULL REFERENCES tenant,
    outcome     text NOT NULL CHECK (outcome IN ('kept', 'repeated', 'foreign', 'no-room', 'unreadable', 'too-large', 'source-limit', 'limit')),
    reports     bigint NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (day, tenant_id, outcome)
);

CREATE TABLE client_report_secret (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    salt        text NOT NULL,
    pins        bigint NOT NULL                 -- generation of pins that pinned_host holds
);
INSERT INTO client_report_secret (salt, pins) VALUES (gen_random_uuid()::text || gen_random_uuid()::text, 0);

-- ---------------------------------------------------------------- receiving

CREATE FUNCTION client_report_count_add(p_tenant integer, p_outcome text, p_reports bigint, p_now timestamptz) RETURNS void LANGUAGE sql
    SET search_path = pinwatch, pg_temp
    AS $$
    INSERT INTO client_report_count AS c (day, tenant_id, outcome, reports, first_at, last_at)
    SELECT (p_now AT TIME ZONE 'UTC')::date, p_tenant, p_outcome, p_reports, p_now, p_now WHERE p_reports > 0
    ON CONFLICT (day, tenant_id, outcome) DO UPDATE SET reports = c.reports + excluded.reports, last_at = greatest(c.last_at, excluded.last_at)
    $$;

-- Whose watches or pins hold for a name: the most exact one of each tenant. A watch on everything does not count.
CREATE FUNCTION client_report_covers(p_host text) RETURNS TABLE (tenant_id integer, covered_by text) LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH RECURSIVE above (name, depth) AS (
        SELECT p_host, 0
        UNION ALL
        SELECT substr(name, strpos(name, '.') + 1), depth + 1 FROM above WHERE strpos(name, '.') > 0 AND depth < 127)
    SELECT DISTINCT ON (found.tenant_id) found.tenant_id, found.covered_by FROM (
        SELECT t.tenant_id, CASE w.kind WHEN 'name' THEN w.value ELSE '.' || w.value END AS covered_by, 2 * a.depth + (w.kind <> 'name')::integer AS distance
          FROM tenant t CROSS JOIN above a
          JOIN watch w ON w.tenant_id = t.tenant_id AND w.value = a.name AND (w.kind = 'subtree' OR (w.kind = 'name' AND a.depth = 0))
        UNION ALL
        SELECT t.tenant_id, CASE WHEN a.depth = 0 AND NOT p.covers_below THEN p.host ELSE '.' || p.host END, 2 * a.depth + p.covers_below::integer
          FROM tenant t CROSS JOIN above a JOIN pinned_host p ON p.tenant_id = t.tenant_id AND p.host = a.name AND (a.depth = 0 OR p.covers_below)) found
     ORDER BY found.tenant_id, found.distance, found.covered_by
    $$;

CREATE FUNCTION client_report_texts(p_report jsonb, p_field text) RETURNS text[] LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT ARRAY(SELECT jsonb_array_elements_text(p_report->p_field)) $$;

CREATE FUNCTION client_report_seconds(p_report jsonb, p_field text) RETURNS timestamptz LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT CASE WHEN jsonb_typeof(p_report->p_field) = 'number' THEN time_of_ms(1000 * greatest(least((p_report->>p_field)::bigint, 32503680000), -62135596800)) END
    $$;

-- One report for one tenant: 'kept', 'repeated', 'no-room' where the day has brought p_room distinct ones, or 'source-limit' where its source has brought enough.
CREATE FUNCTION client_report_take(p_tenant integer, p_covered_by text, p_report jsonb, p_room integer, p_now timestamptz) RETURNS text LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    source_ bytea := substr(sha256(convert_to((SELECT salt FROM client_report_secret) || (p_report->>'source'), 'UTF8')), 1, 8);
    key_ bytea := hex_of(p_report, 'key');
    today date := (p_now AT TIME ZONE 'UTC')::date;
BEGIN
    UPDATE client_report SET reports = reports + 1, last_at = greatest(last_at, p_now), claimed_at = coalesce(client_report_seconds(p_report, 'date'), claimed_at),
           sources = CASE WHEN cardinality(sources) >= 64 OR source_ = ANY (sources) THEN sources ELSE sources || source_ END,
           due_at = least(due_at, greatest(p_now, coalesce(judged_at, p_now) + interval '1 minute'))
     WHERE tenant_id = p_tenant AND key = key_;
    IF FOUND THEN
        RETURN 'repeated';
    END IF;
    IF NOT (p_report->>'may_add')::boolean THEN
        RETURN 'source-limit';
    END IF;
    IF coalesce((SELECT reports FROM client_report_count WHERE day = today AND tenant_id = p_tenant AND outcome = 'kept' FOR UPDATE), 0) >= p_room THEN
        RETURN 'no-room';
    END IF;
    INSERT INTO client_report (tenant_id, key, covered_by, format, host, noted_host, app, version, platform, library, is_enforced, result, pins, notes, has_leaf,
        certificate_sha256, spki_sha256, issuer_spki_sha256, tbs_sha256, not_before, not_after, is_for_host, is_valid_then, is_public, is_refused_by_pins,
        scts, scts_verified, chain, sources, first_at, last_at, claimed_at, due_at)
    VALUES (p_tenant, key_, p_covered_by, p_report->>'format', p_report->>'host', p_report->>'noted_host', p_report->>'app', p_report->>'version',
        p_report->>'platform', p_report->>'library', (p_report->>'is_enforced')::boolean, (p_report->>'result')::integer,
        client_report_texts(p_report, 'pins'), client_report_texts(p_report, 'notes'),
        (p_report->>'has_leaf')::boolean, hex_of(p_report, 'certificate_sha256'), hex_of(p_report, 'spki_sha256'), hex_of(p_report, 'issuer_spki_sha256'),
        hex_of(p_report, 'tbs_sha256'), client_report_seconds(p_report, 'not_before'), client_report_seconds(p_report, 'not_after'), p_report->>'is_for_host',
        p_report->>'is_valid_then', p_report->>'is_public', p_report->>'is_refused_by_pins', (p_report->>'scts')::integer, (p_report->>'scts_verified')::integer,
        ARRAY(SELECT decode(value, 'base64') FROM jsonb_array_elements_text(p_report->'chain')), ARRAY[source_], p_now, p_now,
        client_report_seconds(p_report, 'date'), p_now)
    ON CONFLICT (tenant_id, key) DO UPDATE SET reports = client_report.reports + 1, last_at = greatest(client_report.last_at, excluded.last_at);
    RETURN 'kept';
END
$$;

-- Takes reports (p_reports: the list that pinwatch-reports makes, with "source" and "may_add": false where only repeated ones are taken) and what was refused before they could be read (p_refused: [{"outcome","reports"}]).
-- One row for each, in order: 'kept', 'repeated', 'foreign' (nobody watches or pins that host), 'no-room' or 'source-limit'. It is recorded when this is committed.
CREATE FUNCTION client_reports_take(p_reports jsonb, p_refused jsonb, p_room integer, p_now timestamptz) RETURNS TABLE (place bigint, outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    item record;
    cover record;
    was text;
    best text;
BEGIN
    PERFORM client_report_count_add(0, x.outcome, x.reports, p_now) FROM jsonb_to_recordset(p_refused) AS x (outcome text, reports bigint);
    -- By their keys, so that two who take the same ones do not wait for each other.
    FOR item IN SELECT o.place, o.report FROM jsonb_array_elements(p_reports) WITH ORDINALITY AS o (report, place) ORDER BY o.report->>'key', o.place LOOP
        best := 'foreign';
        FOR cover IN SELECT c.tenant_id, c.covered_by FROM client_report_covers(item.report->>'host') c LOOP
            was := client_report_take(cover.tenant_id, cover.covered_by, item.report, p_room, p_now);
            PERFORM client_report_count_add(cover.tenant_id, was, 1, p_now);
            best := CASE WHEN best IN ('no-room', 'source-limit') THEN best ELSE was END;
        END LOOP;
        IF best = 'foreign' THEN
            PERFORM client_report_count_add(0, 'foreign', 1, p_now);
        END IF;
        RETURN QUERY SELECT item.place, best;
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- joining

-- The hosts of live releases' pins: [{"tenant","host","covers_below"}], of generation p_pins.
CREATE FUNCTION pinned_hosts_save(p_hosts jsonb, p_pins bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM FROM client_report_secret WHERE pins < p_pins FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    DELETE FROM pinned_host;
    INSERT INTO pinned_host (tenant_id, host, covers_below)
    SELECT x.tenant, x.host, bool_or(x.covers_below) FROM jsonb_to_recordset(p_hosts) AS x (tenant integer, host text, covers_below boolean) GROUP BY 1, 2;
    UPDATE client_report_secret SET pins = p_pins;
END
$$;

-- Would we have recorded a certificate for this host, had any log taken it that clients believe? It must have been watched for a day before it was valid,
-- and every log that may hold it must have been read without a hole from a day before until a maximum merge delay after it was seen. Of p_is_drill, the drill's logs.
CREATE FUNCTION client_report_is_covered(p_host text, p_not_before timestamptz, p_not_after timestamptz, p_seen_at timestamptz, p_is_drill boolean) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH RECURSIVE above (name, depth) AS (
        SELECT p_host, 0
        UNION ALL
        SELECT substr(name, strpos(name, '.') + 1), depth + 1 FROM above WHERE strpos(name, '.') > 0 AND depth < 127),
    span AS (
        SELECT p_not_before - CASE WHEN p_is_drill THEN interval '0' ELSE interval '1 day' END AS begin_at, greatest(p_seen_at, p_not_before) AS end_at),
    wanted AS (
        SELECT l.*, p.log_id IS NOT NULL AS has_position, p.first_index, p.size, p.head_size, p.head_time, p.begun_at, p.verified_at
          FROM log l LEFT JOIN position p ON p.log_id = l.log_id
         WHERE l.is_drill = p_is_drill AND (l.interval_begin IS NULL OR p_not_after >= l.interval_begin) AND (l.interval_end IS NULL OR p_not_after < l.interval_end)
           AND CASE WHEN p_is_drill THEN l.is_followed
                    WHEN l.state IN ('usable', 'qualified', 'readonly') THEN true
                    -- Let go before that certificate's life, or before we knew of it: no client believes it about that certificate.
                    WHEN l.state IN ('retired', 'rejected') THEN coalesce(p.verified_at + interval '2 days', l.first_seen_at) > p_not_before
                    ELSE false END)
    SELECT EXISTS (SELECT FROM watch w JOIN above a ON w.value = a.name, span s
                    WHERE (w.kind = 'subtree' OR (w.kind = 'name' AND a.depth = 0)) AND w.set_at <= s.begin_at)
       AND EXISTS (SELECT FROM wanted)
       AND (p_is_drill OR (EXISTS (SELECT FROM wanted w WHERE w.source LIKE '%chrome%' OR w.source LIKE '%apple%')
                           AND NOT EXISTS (SELECT FROM finding f WHERE f.tenant_id = 0 AND f.rule IN ('log.list-stale', 'log.list-refused', 'log.not-followed')
                                              AND f.state IN ('open', 'acknowledged'))))
       AND NOT EXISTS (
            SELECT FROM wanted w, span s
             WHERE NOT coalesce(w.has_position AND w.state IS DISTINCT FROM 'retired' AND w.state IS DISTINCT FROM 'rejected'
                                AND (w.first_index = 0 OR w.begun_at <= s.begin_at)
                                AND w.size >= w.head_size
                                AND (w.head_time >= s.end_at + make_interval(secs => coalesce(w.mmd_seconds, 86400))
                                     OR (w.state = 'readonly' AND w.size >= w.final_size)), false)
                OR EXISTS (SELECT FROM unreadable_entry u WHERE u.log_id = w.log_id AND u.seen_at >= s.begin_at)
                OR EXISTS (SELECT FROM head h WHERE h.log_id = w.log_id AND h.state = 'contradicts'))
    $$;

-- Takes due reports, so that nobody else does before p_until.
CREATE FUNCTION client_reports_due(p_now timestamptz, p_until timestamptz, p_limit integer)
    RETURNS TABLE (tenant_id integer, report_id bigint, format text, host text, app text, version text, platform text, is_enforced boolean, result integer,
                   has_leaf boolean, certificate_sha256 bytea, spki_sha256 bytea, issuer_spki_sha256 bytea, tbs_sha256 bytea, not_before timestamptz,
                   not_after timestamptz, is_for_host text, is_valid_then text, is_public text, is_refused_by_pins text, scts integer, scts_verified integer,
                   first_at timestamptz, is_logged boolean, is_covered boolean, is_drill_covered boolean) LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH due AS (
        SELECT r.tenant_id, r.report_id FROM client_report r WHERE r.due_at <= p_now ORDER BY r.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE client_report r SET due_at = p_until FROM due WHERE r.tenant_id = due.tenant_id AND r.report_id = due.report_id RETURNING r.*)
    SELECT r.tenant_id, r.report_id, r.format, r.host, r.app, r.version, r.platform, r.is_enforced, r.result, r.has_leaf, r.certificate_sha256::bytea, r.spki_sha256::bytea,
           r.issuer_spki_sha256::bytea, r.tbs_sha256::bytea, r.not_before, r.not_after, r.is_for_host, r.is_valid_then, r.is_public, r.is_refused_by_pins,
           r.scts, r.scts_verified, r.first_at,
           EXISTS (SELECT FROM certificate c WHERE c.tbs_sha256 = r.tbs_sha256
                      AND (c.issuer_spki_sha256 IS NULL OR r.issuer_spki_sha256 IS NULL OR c.issuer_spki_sha256 = r.issuer_spki_sha256))
               OR EXISTS (SELECT FROM certificate c WHERE c.certificate_sha256 = r.certificate_sha256),
           r.has_leaf AND client_report_is_covered(r.host, r.not_before, r.not_after, r.first_at, false),
           r.has_leaf AND client_report_is_covered(r.host, r.not_before, r.not_after, r.first_at, true)
      FROM taken r ORDER BY r.tenant_id, r.key
    $$;

-- What a finding says of all reports about it.
CREATE FUNCTION client_reports_evidence(p_tenant integer, p_subject text) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH mine AS (
        SELECT * FROM client_report r WHERE r.tenant_id = p_tenant AND r.subject = p_subject),
    by_release AS (
        SELECT m.app, m.version, m.platform, coalesce(max(m.release_app), '') <> '' AS is_known, max(m.verdict) AS verdict, sum(m.reports) AS reports, count(*) AS distinct_reports,
               sum(m.reports) FILTER (WHERE m.is_enforced IS NOT FALSE) AS refused, min(m.first_at) AS first_at, max(m.last_at) AS last_at
          FROM mine m GROUP BY 1, 2, 3 ORDER BY sum(m.reports) DESC, 1, 2, 3 LIMIT 20),
    by_certificate AS (
        SELECT m.certificate_sha256, (array_agg(m.spki_sha256::bytea))[1] AS spki_sha256, (array_agg(m.issuer_spki_sha256::bytea))[1] AS issuer_spki_sha256, min(m.not_before) AS not_before, min(m.not_after) AS not_after,
               sum(m.reports) AS reports, min(m.first_at) AS first_at, max(m.last_at) AS last_at
          FROM mine m WHERE m.certificate_sha256 IS NOT NULL GROUP BY 1 ORDER BY sum(m.reports) DESC, 1 LIMIT 10)
    SELECT jsonb_build_object(
        'cause', min(m.cause), 'matched_names', to_jsonb((ARRAY(SELECT DISTINCT o.host FROM mine o ORDER BY 1))[1:20]), 'covered_by', min(m.covered_by),
        'app', min(coalesce(m.release_app, '')), 'reasons', to_jsonb((ARRAY(SELECT DISTINCT o.why FROM mine o WHERE o.why IS NOT NULL ORDER BY 1))[1:4]),
        'reports_count', sum(m.reports), 'distinct_count', count(*),
        'sources_count', (SELECT count(DISTINCT s.source) FROM mine o, unnest(o.sources) AS s (source)),
        'first_report_at', rfc3339(min(m.first_at)), 'last_report_at', rfc3339(max(m.last_at)),
        'is_enforced', bool_or(m.is_enforced IS NOT FALSE), 'is_drill', bool_and(m.is_drill),
        'releases', (SELECT coalesce(jsonb_agg(jsonb_build_object('app', b.app, 'version', b.version, 'platform', b.platform, 'is_known', b.is_known, 'verdict', b.verdict,
                        'reports', b.reports, 'distinct', b.distinct_reports, 'refused', coalesce(b.refused, 0), 'first_at', rfc3339(b.first_at), 'last_at', rfc3339(b.last_at))), '[]') FROM by_release b),
        'releases_count', count(DISTINCT (m.app, m.version, m.platform)),
        'reported_by', (SELECT coalesce(jsonb_agg(concat_ws(' ', nullif(b.app, ''), nullif(b.platform, ''), nullif(b.version, ''))
                        || CASE WHEN b.app = '' THEN 'a client that does not say which' ELSE '' END || ': ' || b.reports || CASE b.reports WHEN 1 THEN ' report' ELSE ' reports' END
                        || CASE WHEN coalesce(b.refused, 0) = 0 THEN ', the connection was made' ELSE '' END
                        || CASE WHEN b.app <> '' AND NOT b.is_known THEN ', no release of that name is known' WHEN b.verdict = 'refuses' THEN ', whose pins refuse it' WHEN b.verdict = 'accepts' THEN ', whose pins accept it' WHEN b.verdict = 'not-pinned' THEN ', which has no pins for it' ELSE '' END), '[]') FROM by_release b),
        'certificates', (SELECT coalesce(jsonb_agg(jsonb_build_object('certificate_sha256', encode(b.certificate_sha256, 'hex'), 'spki_sha256', encode(b.spki_sha256, 'hex'),
                        'issuer_spki_sha256', encode(b.issuer_spki_sha256, 'hex'), 'not_before', rfc3339(b.not_before), 'not_after', rfc3339(b.not_after), 'reports', b.reports,
                        'first_at', rfc3339(b.first_at), 'last_at', rfc3339(b.last_at))), '[]') FROM by_certificate b),
        'cert_sha256', (SELECT encode(b.certificate_sha256, 'hex') FROM by_certificate b LIMIT 1),
        'issuer_spki_sha256', (SELECT encode(b.issuer_spki_sha256, 'hex') FROM by_certificate b LIMIT 1))
      FROM mine m
    $$;

-- Of the certificate that most reports of a finding are about.
CREATE FUNCTION client_reports_pem(p_tenant integer, p_subject text) RETURNS text LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT coalesce((SELECT E'-----BEGIN CERTIFICATE-----\n' || encode(r.chain[1], 'base64') || E'\n-----END CERTIFICATE-----\n' FROM client_report r
                      WHERE r.tenant_id = p_tenant AND r.subject = p_subject AND cardinality(r.chain) > 0 ORDER BY r.reports DESC, r.report_id LIMIT 1), '')
    $$;

-- The finding of a subject as its reports are now: opened and told, told again where it has become graver, kept up to date without a word, ended where no report
-- is about it any more. What a person has ended opens again by a certificate that was not there then.
CREATE FUNCTION client_reports_tell(p_tenant integer, p_subject text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    known finding;
    severity_ text;
    body jsonb;
BEGIN
    SELECT r.severity INTO severity_ FROM client_report r WHERE r.tenant_id = p_tenant AND r.subject = p_subject ORDER BY severity_rank(r.severity) DESC LIMIT 1;
    SELECT * INTO known FROM finding f WHERE f.tenant_id = p_tenant AND f.rule = 'pins.clients-failing' AND f.subject = p_subject
     ORDER BY f.finding_id DESC LIMIT 1 FOR UPDATE;
    IF severity_ IS NULL THEN
        IF known.state IN ('open', 'acknowledged') THEN
            UPDATE finding SET state = 'resolved', closed_at = p_now WHERE tenant_id = p_tenant AND finding_id = known.finding_id;
            INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
            VALUES (p_tenant, known.finding_id, p_now, 'pinwatch', 'resolved', 'more is known of these reports now');
        END IF;
        RETURN;
    END IF;
    body := client_reports_evidence(p_tenant, p_subject);
    IF known.finding_id IS NULL OR (known.state = 'resolved' AND (
            EXISTS (SELECT FROM client_report r WHERE r.tenant_id = p_tenant AND r.subject = p_subject
                     GROUP BY r.certificate_sha256 HAVING min(r.first_at) > known.closed_at)
            OR (SELECT e.who = 'pinwatch' FROM finding_event e WHERE e.tenant_id = p_tenant AND e.finding_id = known.finding_id ORDER BY e.event_id DESC LIMIT 1))) THEN
        INSERT INTO finding (tenant_id, rule, severity, subject, state, evidence, opened_at, last_seen_at)
        VALUES (p_tenant, 'pins.clients-failing', severity_, p_subject, 'open', body, p_now, p_now) RETURNING * INTO known;
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what) VALUES (p_tenant, known.finding_id, p_now, 'pinwatch', 'opened');
        PERFORM alert_queue(p_tenant, known.finding_id, 'pins.clients-failing', severity_, body, client_reports_pem(p_tenant, p_subject), p_now);
        RETURN;
    END IF;
    UPDATE finding SET evidence = evidence || body, occurrences = (body->>'distinct_count')::bigint, last_seen_at = greatest(last_seen_at, p_now),
           severity = CASE WHEN severity_rank(severity) < severity_rank(severity_) THEN severity_ ELSE severity END
     WHERE tenant_id = p_tenant AND finding_id = known.finding_id;
    IF severity_rank(known.severity) < severity_rank(severity_) AND known.state IN ('open', 'acknowledged') THEN
        PERFORM alert_queue(p_tenant, known.finding_id, 'pins.clients-failing', severity_, body, client_reports_pem(p_tenant, p_subject), p_now);
    END IF;
END
$$;

-- Records what was found out: [{"tenant","report","cause","why","severity","release_app","verdict","is_drill","again_ms"}]; "again_ms": when to look again, or null.
CREATE FUNCTION client_reports_save(p_items jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    item record;
    changed record;
    touched jsonb := '[]';
BEGIN
    FOR item IN SELECT x.*, r.key, r.subject AS old_subject, r.covered_by, r.certificate_sha256
                  FROM jsonb_to_recordset(p_items) AS x (tenant integer, report bigint, cause text, why text, severity text, release_app text, verdict text, is_drill boolean,
                                                         again_ms bigint)
                  JOIN client_report r ON r.tenant_id = x.tenant AND r.report_id = x.report ORDER BY x.tenant, r.key LOOP
        UPDATE client_report r SET cause = item.cause, why = item.why, severity = item.severity, release_app = item.release_app, verdict = item.verdict, is_drill = item.is_drill,
               judged_at = p_now, due_at = time_of_ms(item.again_ms),
               subject = 'clients:' || item.covered_by || ':' || item.cause || ':' || item.release_app
                         || CASE item.cause WHEN 'attack' THEN ':' || encode(item.certificate_sha256, 'hex') ELSE '' END
         WHERE r.tenant_id = item.tenant AND r.report_id = item.report
        RETURNING r.tenant_id, r.subject INTO changed;
        touched := touched || jsonb_build_object('tenant', changed.tenant_id, 'subject', changed.subject);
        IF item.old_subject <> changed.subject THEN
            touched := touched || jsonb_build_object('tenant', changed.tenant_id, 'subject', item.old_subject);
        END IF;
    END LOOP;
    FOR changed IN SELECT DISTINCT x.tenant, x.subject FROM jsonb_to_recordset(touched) AS x (tenant integer, subject text) ORDER BY 1, 2 LOOP
        PERFORM client_reports_tell(changed.tenant, changed.subject, p_now);
    END LOOP;
END
$$;

-- Reports that nobody had room for lately: how many today and yesterday, since when, and until when. No row: none in the last hour.
CREATE FUNCTION client_reports_dropped(p_now timestamptz) RETURNS TABLE (outcome text, reports bigint, first_at timestamptz, last_at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT c.outcome, sum(c.reports)::bigint, min(c.first_at), max(c.last_at) FROM client_report_count c
     WHERE c.outcome IN ('no-room', 'limit') AND c.day >= (p_now AT TIME ZONE 'UTC')::date - 1 GROUP BY 1 HAVING max(c.last_at) > p_now - interval '1 hour' ORDER BY 1
    $$;

-- Forgets reports, and counts of days, that are older. Findings stay.
CREATE FUNCTION client_reports_forget(p_before timestamptz) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    DELETE FROM client_report_count WHERE day < (p_before AT TIME ZONE 'UTC')::date;
    WITH gone AS (DELETE FROM client_report WHERE last_at < p_before RETURNING 1) SELECT count(*) FROM gone
    $$;

REVOKE ALL ON pinned_host, client_report, client_report_count, client_report_secret FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION position_begin(), client_report_count_add(integer, text, bigint, timestamptz), client_report_covers(text), client_report_texts(jsonb, text),
    client_report_seconds(jsonb, text), client_report_take(integer, text, jsonb, integer, timestamptz), client_reports_take(jsonb, jsonb, integer, timestamptz),
    pinned_hosts_save(jsonb, bigint), client_report_is_covered(text, timestamptz, timestamptz, timestamptz, boolean), client_reports_due(timestamptz, timestamptz, integer),
    client_reports_evidence(integer, text), client_reports_pem(integer, text), client_reports_tell(integer, text, timestamptz), client_reports_save(jsonb, timestamptz),
    client_reports_dropped(timestamptz), client_reports_forget(timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA pinwatch TO pinwatch_receiver;
GRANT SELECT ON schema_step TO pinwatch_receiver;
GRANT EXECUTE ON FUNCTION client_reports_take(jsonb, jsonb, integer, timestamptz) TO pinwatch_receiver;
GRANT EXECUTE ON FUNCTION pinned_hosts_save(jsonb, bigint), client_reports_due(timestamptz, timestamptz, integer), client_reports_save(jsonb, timestamptz),
    client_reports_dropped(timestamptz), client_reports_forget(timestamptz) TO pinwatch_monitor;
GRANT SELECT ON client_report, client_report_count, pinned_host TO pinwatch_cli, pinwatch_report;
