-- Step 2: what the monitor writes, one function for each kind of commit. Each runs with the owner's rights and a fixed
-- search_path; the monitor's role may call it and may not write to any table. Time comes in as a parameter; the one
-- exception is lease_instant. Own SQLSTATEs: PW001 lease lost, PW002 position elsewhere, PW003 not found, PW004 lease
-- expired, PW005 a value against the rules.

SET LOCAL search_path = pinwatch, pg_temp;

-- The clock of leases: the database's own, the only one that all holders share.
CREATE FUNCTION lease_instant() RETURNS timestamptz LANGUAGE sql VOLATILE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT clock_timestamp() $$;

-- Milliseconds since 1970 from outside: anything before year 1 or after 9999 becomes the limit.
CREATE FUNCTION time_of_ms(ms bigint) RETURNS timestamptz LANGUAGE sql STABLE STRICT
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT to_timestamp(least(greatest(ms, -62135596800000), 253402300799000) / 1000.0) $$;

CREATE FUNCTION rfc3339(at timestamptz) RETURNS text LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;

CREATE FUNCTION severity_rank(severity text) RETURNS integer LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT array_position(ARRAY['info', 'notice', 'warning', 'critical'], severity) $$;

CREATE FUNCTION pem_of(der bytea) RETURNS text LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT E'-----BEGIN CERTIFICATE-----\n'
        || regexp_replace(replace(encode(der, 'base64'), E'\n', ''), '(.{1,64})', E'\\1\n', 'g')
        || E'-----END CERTIFICATE-----\n'
    $$;

-- The certificate and, after it, as much of its chain as is known; '' when no DER was kept.
CREATE FUNCTION certificate_pem(id bigint) RETURNS text LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT coalesce(pem_of(coalesce(c.certificate, c.precertificate)), '')
        || coalesce((SELECT string_agg(pem_of(i.der), '' ORDER BY link.place)
                       FROM unnest(c.chain) WITH ORDINALITY AS link (sha256, place)
                       JOIN issuer_certificate i ON i.sha256 = link.sha256), '')
      FROM certificate c WHERE c.certificate_id = id
    $$;

-- ---------------------------------------------------------------- leases

-- Takes or renews; rows come back only for the logs that are now the holder's. A holder whose name starts with
-- `p_predecessor` ('' for none) is known to be dead.
CREATE FUNCTION leases_take(p_logs bytea[], p_holder text, p_predecessor text, p_ttl_seconds integer)
    RETURNS TABLE (log_id bytea, fencing bigint) LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    INSERT INTO lease AS old
    SELECT wanted, p_holder, 1, lease_instant() + make_interval(secs => p_ttl_seconds)
      FROM unnest(p_logs) AS wanted JOIN log ON log.log_id = wanted ORDER BY wanted
    ON CONFLICT (log_id) DO UPDATE
       SET holder = excluded.holder, expires_at = excluded.expires_at,
           fencing = old.fencing + CASE WHEN old.holder = excluded.holder THEN 0 ELSE 1 END
     WHERE old.holder = excluded.holder OR old.expires_at <= lease_instant()
        OR (p_predecessor <> '' AND starts_with(old.holder, p_predecessor))
    RETURNING old.log_id::bytea, old.fencing
    $$;

-- The row stays, so that fencing numbers never start again.
CREATE FUNCTION lease_release(p_log bytea, p_holder text, p_fencing bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE lease SET expires_at = '-infinity' WHERE log_id = p_log AND holder = p_holder AND fencing = p_fencing
    $$;

-- Every commit for a log begins here: the locked row keeps others from taking over before it ends.
CREATE FUNCTION lease_check(p_log bytea, p_holder text, p_fencing bigint) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    held lease;
BEGIN
    SELECT * INTO held FROM lease WHERE log_id = p_log FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'log %: nobody holds its lease', encode(p_log, 'base64') USING ERRCODE = 'PW001';
    END IF;
    IF held.holder <> p_holder OR held.fencing <> p_fencing THEN
        RAISE EXCEPTION 'log %: its lease is held by % with fencing number %, not by % with %',
            encode(p_log, 'base64'), held.holder, held.fencing, p_holder, p_fencing USING ERRCODE = 'PW001';
    END IF;
    IF held.expires_at <= lease_instant() THEN
        RAISE EXCEPTION 'log %: the lease of % has expired', encode(p_log, 'base64'), p_holder USING ERRCODE = 'PW004';
    END IF;
END
$$;

-- ---------------------------------------------------------------- findings and outbox

-- Queues one alert for every enabled channel that wants this severity: those of the tenant, for tenant 0 those of all.
CREATE FUNCTION alert_queue(p_tenant integer, p_finding bigint, p_rule text, p_severity text, p_body jsonb, p_pem text,
                            p_now timestamptz, p_except text DEFAULT NULL) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint;
BEGIN
    PERFORM FROM channel c WHERE (c.tenant_id = p_tenant OR p_tenant = 0) AND c.is_enabled
        AND severity_rank(c.least_severity) <= severity_rank(p_severity) AND c.name IS DISTINCT FROM p_except;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO alert (tenant_id, finding_id, rule, severity, body, pem, created_at)
    VALUES (p_tenant, p_finding, p_rule, p_severity, p_body || jsonb_build_object('opened_at', rfc3339(p_now)), p_pem, p_now)
    RETURNING alert_id INTO id;
    INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at)
    SELECT p_tenant, id, c.tenant_id, c.name, 'queued', p_now
      FROM channel c WHERE (c.tenant_id = p_tenant OR p_tenant = 0) AND c.is_enabled
       AND severity_rank(c.least_severity) <= severity_rank(p_severity) AND c.name IS DISTINCT FROM p_except;
    PERFORM pg_notify('pinwatch_outbox', '');
END
$$;

CREATE TYPE raised AS (finding_id bigint, is_new boolean);

-- One fact is one finding: seen again it is counted, keeps its state and tells nobody. What was resolved about anything
-- but a certificate and happens again is a new finding; a certificate does not happen again.
CREATE FUNCTION finding_raise(p_tenant integer, p_rule text, p_severity text, p_subject text, p_body jsonb,
                              p_certificate bigint, p_log bytea, p_now timestamptz) RETURNS raised LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    outcome raised;
BEGIN
    IF p_certificate IS NOT NULL THEN
        UPDATE finding f SET occurrences = f.occurrences + 1, last_seen_at = greatest(f.last_seen_at, p_now)
         WHERE f.finding_id = (SELECT max(o.finding_id) FROM finding o WHERE o.certificate_id = p_certificate
                                  AND o.tenant_id = p_tenant AND o.rule = p_rule)
        RETURNING f.finding_id, false INTO outcome;
        IF FOUND THEN
            RETURN outcome;
        END IF;
    END IF;
    INSERT INTO finding AS f (tenant_id, rule, severity, subject, state, evidence, certificate_id, log_id, opened_at,
                              last_seen_at)
    VALUES (p_tenant, p_rule, p_severity, p_subject, 'open', p_body, p_certificate, p_log, p_now, p_now)
    ON CONFLICT (tenant_id, rule, subject) WHERE state <> 'resolved' DO UPDATE
       SET occurrences = f.occurrences + 1, last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at)
    RETURNING f.finding_id, f.occurrences = 1 INTO outcome;
    IF outcome.is_new THEN
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what)
        VALUES (p_tenant, outcome.finding_id, p_now, 'pinwatch', 'opened');
        PERFORM alert_queue(p_tenant, outcome.finding_id, p_rule, p_severity, p_body,
                            CASE WHEN p_certificate IS NULL THEN '' ELSE certificate_pem(p_certificate) END, p_now);
    END IF;
    RETURN outcome;
END
$$;

-- Findings of the judge about one certificate: [{"tenant","rule","severity","body"}].
CREATE FUNCTION certificate_findings_raise(p_certificate bigint, p_findings jsonb, p_now timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    item jsonb;
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(p_findings) LOOP
        PERFORM finding_raise((item->>'tenant')::integer, item->>'rule', item->>'severity', 'certificate:' || p_certificate,
                              item->'body' || jsonb_build_object('certificate_id', p_certificate), p_certificate, NULL, p_now);
    END LOOP;
END
$$;

-- What the alert says about a log, from its row.
CREATE FUNCTION log_facts(p_log bytea) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT coalesce((SELECT jsonb_build_object('log_id', encode(log_id, 'base64'), 'description', description,
                                               'operator', operator, 'url', url) FROM log WHERE log_id = p_log), '{}')
    $$;

-- Something about a log, or (p_log null) about the service: opens, updates or resolves the one finding of tenant 0.
CREATE FUNCTION tell_log_event(p_log bytea, p_rule text, p_severity text, p_detail text, p_body jsonb, p_is_over boolean,
                               p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    subject_ text := coalesce('log:' || encode(p_log, 'hex'), 'service') || CASE p_detail WHEN '' THEN '' ELSE ':' || p_detail END;
    outcome raised;
BEGIN
    IF p_is_over THEN
        WITH ended AS (
            UPDATE finding SET state = 'resolved', closed_at = p_now, evidence = evidence || p_body
             WHERE tenant_id = 0 AND rule = p_rule AND subject = subject_ AND state IN ('open', 'acknowledged')
            RETURNING finding_id)
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
        SELECT 0, finding_id, p_now, 'pinwatch', 'resolved', 'the condition has ended' FROM ended;
        RETURN;
    END IF;
    outcome := finding_raise(0, p_rule, p_severity, subject_, log_facts(p_log) || p_body, NULL, p_log, p_now);
    IF NOT outcome.is_new THEN
        UPDATE finding SET evidence = evidence || p_body WHERE tenant_id = 0 AND finding_id = outcome.finding_id;
    END IF;
END
$$;

-- ---------------------------------------------------------------- certificates

CREATE FUNCTION blob_at(blobs bytea[], item jsonb, field text) RETURNS bytea LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT blobs[(item->>field)::integer] $$;

CREATE FUNCTION hex_of(item jsonb, field text) RETURNS bytea LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT decode(item->>field, 'hex') $$;

-- Creates or completes the row of one issuance; locks it until the commit, so that two logs with the same certificate
-- raise its findings one after the other. Fields: see docs/schema.md, Payload of record_range.
CREATE FUNCTION certificate_upsert(p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint;
    is_pre boolean := p_item->>'kind' = 'precertificate';
    der_ bytea := blob_at(p_blobs, p_item, 'der');
    chain_ bytea[] := ARRAY(SELECT decode(value, 'hex') FROM jsonb_array_elements_text(p_item->'chain'));
    issuer_der bytea := blob_at(p_blobs, p_item, 'issuer_der');
BEGIN
    INSERT INTO certificate AS c (issuer_spki_sha256, tbs_sha256, issuer_state, spki_sha256, serial, issuer, subject, key_type,
        not_before, not_after, names, scts, oddities, is_ca, is_drill, precertificate_sha256, precertificate,
        precertificate_tbs, certificate_sha256, certificate, chain, first_timestamp, first_seen_at)
    VALUES (hex_of(p_item, 'issuer_spki_sha256'), hex_of(p_item, 'tbs_sha256'), p_item->>'issuer_state',
        hex_of(p_item, 'spki_sha256'), p_item->>'serial', p_item->>'issuer', p_item->>'subject', p_item->>'key_type',
        time_of_ms((p_item->>'not_before_ms')::bigint), time_of_ms((p_item->>'not_after_ms')::bigint),
        p_item->'names', p_item->'scts', p_item->'oddities', (p_item->>'is_ca')::boolean, (p_item->>'is_drill')::boolean,
        CASE WHEN is_pre THEN hex_of(p_item, 'cert_sha256') END, CASE WHEN is_pre THEN der_ END,
        blob_at(p_blobs, p_item, 'tbs'),
        CASE WHEN NOT is_pre THEN hex_of(p_item, 'cert_sha256') END, CASE WHEN NOT is_pre THEN der_ END,
        chain_, time_of_ms((p_item->>'timestamp_ms')::bigint), p_now)
    ON CONFLICT (issuer_spki_sha256, tbs_sha256) DO UPDATE SET
        issuer_state = CASE WHEN c.issuer_state = 'unverifiable' THEN excluded.issuer_state ELSE c.issuer_state END,
        -- A chain that proved nothing is replaced, so that another log's chain gets its chance.
        chain = CASE WHEN c.chain = '{}' OR c.issuer_state = 'unverifiable' THEN excluded.chain ELSE c.chain END,
        scts = CASE WHEN c.scts = '[]' THEN excluded.scts ELSE c.scts END,
        oddities = (SELECT coalesce(jsonb_agg(DISTINCT o), '[]') FROM jsonb_array_elements(c.oddities || excluded.oddities) o),
        is_drill = c.is_drill OR excluded.is_drill,
        precertificate_sha256 = coalesce(c.precertificate_sha256, excluded.precertificate_sha256),
        precertificate = coalesce(c.precertificate, excluded.precertificate),
        precertificate_tbs = coalesce(c.precertificate_tbs, excluded.precertificate_tbs),
        certificate_sha256 = coalesce(c.certificate_sha256, excluded.certificate_sha256),
        certificate = coalesce(c.certificate, excluded.certificate),
        first_timestamp = least(c.first_timestamp, excluded.first_timestamp)
    RETURNING certificate_id INTO id;
    IF issuer_der IS NOT NULL THEN
        INSERT INTO issuer_certificate (sha256, der, fetched_at) VALUES (sha256(issuer_der), issuer_der, p_now)
        ON CONFLICT (sha256) DO NOTHING;
    END IF;
    RETURN id;
END
$$;

-- Two rows turned out to be one issuance: everything of `p_from` moves to `p_to`. A decision that a person made about either
-- finding stays made.
CREATE FUNCTION certificate_merge(p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    old finding;
    kept finding;
BEGIN
    UPDATE observation SET certificate_id = p_to WHERE certificate_id = p_from;
    INSERT INTO match SELECT tenant_id, watch_id, p_to, matched_at FROM match WHERE certificate_id = p_from
        ON CONFLICT DO NOTHING;
    DELETE FROM match WHERE certificate_id = p_from;
    FOR old IN SELECT * FROM finding WHERE certificate_id = p_from ORDER BY finding_id FOR UPDATE LOOP
        SELECT * INTO kept FROM finding WHERE certificate_id = p_to AND tenant_id = old.tenant_id AND rule = old.rule
            ORDER BY finding_id DESC LIMIT 1 FOR UPDATE;
        IF NOT FOUND THEN
            UPDATE finding SET certificate_id = p_to, subject = 'certificate:' || p_to,
                   evidence = evidence || jsonb_build_object('certificate_id', p_to)
             WHERE tenant_id = old.tenant_id AND finding_id = old.finding_id;
            CONTINUE;
        END IF;
        UPDATE finding_event SET finding_id = kept.finding_id WHERE tenant_id = old.tenant_id AND finding_id = old.finding_id;
        UPDATE alert SET finding_id = kept.finding_id WHERE tenant_id = old.tenant_id AND finding_id = old.finding_id;
        UPDATE finding f SET occurrences = f.occurrences + old.occurrences, opened_at = least(f.opened_at, old.opened_at),
               last_seen_at = greatest(f.last_seen_at, old.last_seen_at),
               state = CASE WHEN f.state = 'open' THEN old.state ELSE f.state END,
               closed_at = CASE WHEN f.state = 'open' THEN old.closed_at ELSE f.closed_at END
         WHERE f.tenant_id = kept.tenant_id AND f.finding_id = kept.finding_id;
        DELETE FROM finding WHERE tenant_id = old.tenant_id AND finding_id = old.finding_id;
    END LOOP;
    UPDATE certificate c SET
           scts = CASE WHEN c.scts = '[]' THEN o.scts ELSE c.scts END,
           is_drill = c.is_drill OR o.is_drill,
           chain = CASE WHEN c.chain = '{}' THEN o.chain ELSE c.chain END,
           precertificate_sha256 = coalesce(c.precertificate_sha256, o.precertificate_sha256),
           precertificate = coalesce(c.precertificate, o.precertificate),
           precertificate_tbs = coalesce(c.precertificate_tbs, o.precertificate_tbs),
           certificate_sha256 = coalesce(c.certificate_sha256, o.certificate_sha256),
           certificate = coalesce(c.certificate, o.certificate),
           first_timestamp = least(c.first_timestamp, o.first_timestamp),
           first_seen_at = least(c.first_seen_at, o.first_seen_at)
      FROM certificate o WHERE c.certificate_id = p_to AND o.certificate_id = p_from;
    DELETE FROM certificate WHERE certificate_id = p_from;
END
$$;

-- Names the issuer of a pending certificate (null: nobody can prove it) and raises what the judge found. Returns the id that
-- stands afterwards; null when there is no such certificate any more.
CREATE FUNCTION resolve_issuer(p_certificate bigint, p_issuer bytea, p_issuer_der bytea, p_findings jsonb, p_is_drill boolean,
                               p_now timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    row_ certificate;
    id bigint := p_certificate;
BEGIN
    SELECT * INTO row_ FROM certificate WHERE certificate_id = p_certificate FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF row_.issuer_state <> 'pending' THEN
        RETURN p_certificate;
    END IF;
    IF p_issuer_der IS NOT NULL THEN
        INSERT INTO issuer_certificate (sha256, der, spki_sha256, fetched_at)
        VALUES (sha256(p_issuer_der), p_issuer_der, p_issuer, p_now)
        ON CONFLICT (sha256) DO UPDATE SET spki_sha256 = coalesce(issuer_certificate.spki_sha256, excluded.spki_sha256);
    END IF;
    BEGIN
        UPDATE certificate SET issuer_spki_sha256 = p_issuer, is_drill = is_drill OR p_is_drill,
               issuer_state = CASE WHEN p_issuer IS NULL THEN 'unverifiable' ELSE 'verified' END
         WHERE certificate_id = p_certificate;
    EXCEPTION WHEN unique_violation THEN
        SELECT certificate_id INTO STRICT id FROM certificate
         WHERE issuer_spki_sha256 = p_issuer AND tbs_sha256 = row_.tbs_sha256 FOR UPDATE;
        PERFORM certificate_merge(p_certificate, id);
    END;
    PERFORM certificate_findings_raise(id, p_findings, p_now);
    RETURN id;
END
$$;

CREATE FUNCTION issuer_save(p_der bytea, p_now timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    INSERT INTO issuer_certificate (sha256, der, fetched_at) VALUES (sha256(p_der), p_der, p_now) ON CONFLICT DO NOTHING
    $$;

-- ---------------------------------------------------------------- ranges

CREATE FUNCTION heads_record(p_log bytea, p_heads jsonb, p_blobs bytea[]) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    IF jsonb_array_length(p_heads) = 0 THEN
        RETURN;
    END IF;
    INSERT INTO head AS h (log_id, size, root, signed_at, signature, raw, state, received_at)
    SELECT DISTINCT ON (x->>'size', x->>'root', x->>'timestamp_ms')
           p_log, (x->>'size')::bigint, hex_of(x, 'root'), time_of_ms((x->>'timestamp_ms')::bigint),
           blob_at(p_blobs, x, 'signature'), blob_at(p_blobs, x, 'raw'), x->>'state', time_of_ms((x->>'received_ms')::bigint)
      FROM jsonb_array_elements(p_heads) WITH ORDINALITY AS list (x, place)
     ORDER BY x->>'size', x->>'root', x->>'timestamp_ms', place DESC
    ON CONFLICT (log_id, size, root, signed_at) DO UPDATE SET state = excluded.state WHERE h.state <> 'contradicts';
    -- Verified heads: the newest 64. Pending ones: the oldest, which all later ones must extend, and the newest 63.
    -- Contradicting ones are evidence: the first 256.
    DELETE FROM head h USING (
        SELECT size, root, signed_at, state,
               row_number() OVER (PARTITION BY state ORDER BY size DESC, signed_at DESC, root) AS newest,
               row_number() OVER (PARTITION BY state ORDER BY size, signed_at, root) AS oldest,
               row_number() OVER (PARTITION BY state ORDER BY received_at, size, root) AS first
          FROM head WHERE log_id = p_log) r
     WHERE h.log_id = p_log AND h.size = r.size AND h.root = r.root AND h.signed_at = r.signed_at
       AND ((r.state = 'verified' AND r.newest > 64) OR (r.state = 'pending' AND r.newest > 63 AND r.oldest > 1)
            OR (r.state = 'contradicts' AND r.first > 256));
END
$$;

CREATE FUNCTION unreadable_record(p_log bytea, p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    extra jsonb := coalesce(p_item->'findings'->0->'body', '{}');
    outcome raised;
BEGIN
    INSERT INTO unreadable_entry (log_id, log_index, reason, reason_text, raw, seen_at)
    VALUES (p_log, (p_item->>'index')::bigint, p_item->>'reason', p_item->>'reason_text', coalesce(blob_at(p_blobs, p_item, 'raw'), ''), p_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    outcome := finding_raise(0, 'entry.unreadable', coalesce(p_item->'findings'->0->>'severity', 'warning'),
        'log:' || encode(p_log, 'hex') || ':' || (p_item->>'reason'),
        log_facts(p_log) || jsonb_build_object('index', p_item->'index', 'timestamp', p_item->'timestamp_ms',
            'reason', p_item->>'reason', 'reason_text', p_item->>'reason_text', 'leaf_hash', p_item->>'leaf_hash',
            'count', 1, 'indexes', jsonb_build_array(p_item->'index')) || extra, NULL, p_log, p_now);
    IF NOT outcome.is_new THEN
        -- The first hundred are listed here; all are in unreadable_entry.
        UPDATE finding SET evidence = evidence || jsonb_build_object('count', (evidence->>'count')::bigint + 1,
               'indexes', CASE WHEN jsonb_array_length(evidence->'indexes') < 100
                               THEN (evidence->'indexes') || (p_item->'index') ELSE evidence->'indexes' END)
         WHERE tenant_id = 0 AND finding_id = outcome.finding_id;
    END IF;
END
$$;

CREATE FUNCTION match_record(p_log bytea, p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint := certificate_upsert(p_item, p_blobs, p_now);
BEGIN
    INSERT INTO observation (log_id, log_index, leaf_timestamp, certificate_id, kind, cert_sha256, seen_at)
    VALUES (p_log, (p_item->>'index')::bigint, time_of_ms((p_item->>'timestamp_ms')::bigint), id, p_item->>'kind',
            hex_of(p_item, 'cert_sha256'), p_now)
    ON CONFLICT DO NOTHING;
    INSERT INTO match (tenant_id, watch_id, certificate_id, matched_at)
    SELECT DISTINCT (m->>0)::integer, (m->>1)::bigint, id, p_now FROM jsonb_array_elements(p_item->'matches') m
    ON CONFLICT DO NOTHING;
    PERFORM certificate_findings_raise(id, p_item->'findings', p_now);
END
$$;

-- Everything of one verified range. Returns false when exactly this was recorded before (the answer to the first try was
-- lost). The payload is described in docs/schema.md; blobs are numbered from 1.
CREATE FUNCTION record_range(p_log bytea, p_holder text, p_fencing bigint, p_first bigint, p_begin bigint, p_end bigint,
                             p_frontier bytea, p_now timestamptz, p_payload jsonb, p_blobs bytea[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    current_ pinwatch.position;
    against jsonb := p_payload->'against';
    item jsonb;
BEGIN
    PERFORM lease_check(p_log, p_holder, p_fencing);
    SELECT * INTO current_ FROM position WHERE log_id = p_log FOR UPDATE;
    IF FOUND AND p_end > p_begin AND current_.size = p_end AND current_.frontier = p_frontier THEN
        RETURN false;
    END IF;
    IF (FOUND AND current_.size <> p_begin) OR (NOT FOUND AND p_begin <> p_first) THEN
        RAISE EXCEPTION 'log %: its recorded position is %, the range begins at %', encode(p_log, 'base64'),
            coalesce(current_.size::text, 'none'), p_begin USING ERRCODE = 'PW002';
    END IF;
    IF jsonb_typeof(against) = 'object' THEN
        INSERT INTO position (log_id, first_index, size, frontier, head_size, head_root, head_time, verified_at)
        VALUES (p_log, p_first, p_end, p_frontier, (against->>'size')::bigint, hex_of(against, 'root'),
                time_of_ms((against->>'timestamp_ms')::bigint), p_now)
        ON CONFLICT (log_id) DO UPDATE SET size = excluded.size, frontier = excluded.frontier,
            head_size = excluded.head_size, head_root = excluded.head_root, head_time = excluded.head_time,
            verified_at = excluded.verified_at;
    ELSIF p_end > p_begin THEN
        RAISE EXCEPTION 'log %: entries without a signed head that proves them', encode(p_log, 'base64')
            USING ERRCODE = 'PW005';
    END IF;
    PERFORM heads_record(p_log, p_payload->'heads', p_blobs);
    -- In one order in all transactions, so that logs with the same certificates wait for each other and never in a circle.
    FOR item IN SELECT value FROM jsonb_array_elements(p_payload->'items')
                ORDER BY value->>'tbs_sha256', value->>'issuer_spki_sha256', (value->>'index')::bigint LOOP
        IF item ? 'reason' THEN
            PERFORM unreadable_record(p_log, item, p_blobs, p_now);
        ELSE
            PERFORM match_record(p_log, item, p_blobs, p_now);
        END IF;
    END LOOP;
    RETURN true;
END
$$;
