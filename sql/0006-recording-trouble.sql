-- Step 6: recording holds where the tables, a log, a clock or another machine give trouble.

SET LOCAL search_path = pinwatch, pg_temp;

-- ---------------------------------------------------------------- refusals

-- What the tables refuse costs one entry, never its range. A value that nobody foresaw would otherwise make every commit of its range
-- fail, and one hostile certificate would end the reading of a log.
-- The entry's match; where a rule of the tables refuses a value of it, the entry as unreadable, with what the database said.
-- Want of room, locks, rights and connections are no refusals: then the whole commit fails and is tried again. Nor are clashes with other
-- rows: they come of a race or of a mended database (a sequence that is behind), and would blame every entry.
CREATE FUNCTION match_or_refusal_record(p_log bytea, p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    der_place integer := (p_item->>'der')::integer;
BEGIN
    PERFORM match_record(p_log, p_item, p_blobs, p_now);
EXCEPTION WHEN data_exception OR check_violation OR not_null_violation OR program_limit_exceeded THEN
    PERFORM unreadable_record(p_log, jsonb_build_object('index', p_item->'index', 'timestamp_ms', p_item->'timestamp_ms',
            'leaf_hash', p_item->'leaf_hash', 'reason', 'store.refused', 'reason_text', 'the database refused it: ' || SQLERRM,
            'raw', 1, 'findings', '[]'::jsonb),
        ARRAY[substring(p_blobs[der_place] FROM 1 FOR 65536)], p_now);
END
$$;
REVOKE EXECUTE ON FUNCTION match_or_refusal_record(bytea, jsonb, bytea[], timestamptz) FROM PUBLIC;

-- Everything of one verified range. Returns false when exactly this was recorded before (the answer to the first try was
-- lost). The payload is described in docs/schema.md; blobs are numbered from 1.
CREATE OR REPLACE FUNCTION record_range(p_log bytea, p_holder text, p_fencing bigint, p_first bigint, p_begin bigint, p_end bigint,
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
            PERFORM match_or_refusal_record(p_log, item, p_blobs, p_now);
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- ---------------------------------------------------------------- told once

-- A name such as *.com is told at once, also of a certificate whose issuer is still to be proven. Its precertificate may be another
-- row until then: the certificate about which this was told, p_certificate itself when it was not. Both sides wait for each other.
CREATE FUNCTION broad_name_told(p_certificate bigint, p_tenant integer) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    mine certificate;
    about bigint;
BEGIN
    SELECT * INTO mine FROM certificate WHERE certificate_id = p_certificate;
    PERFORM pg_advisory_xact_lock(hashtext('pinwatch.broad-name'), hashtext(encode(mine.tbs_sha256, 'hex')));
    SELECT f.certificate_id INTO about FROM certificate twin JOIN finding f ON f.certificate_id = twin.certificate_id
     WHERE twin.tbs_sha256 = mine.tbs_sha256 AND f.tenant_id = p_tenant AND f.rule = 'certificate.broad-name'
       AND (twin.certificate_id = p_certificate OR twin.issuer_spki_sha256 IS NULL OR mine.issuer_spki_sha256 IS NULL)
     ORDER BY f.finding_id LIMIT 1;
    RETURN coalesce(about, p_certificate);
END
$$;

CREATE OR REPLACE FUNCTION certificate_findings_raise(p_certificate bigint, p_findings jsonb, p_now timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    item jsonb;
    about bigint;
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(p_findings) LOOP
        about := p_certificate;
        IF item->>'rule' = 'certificate.broad-name' THEN
            about := broad_name_told(p_certificate, (item->>'tenant')::integer);
        END IF;
        PERFORM finding_raise((item->>'tenant')::integer, item->>'rule', item->>'severity', 'certificate:' || about,
                              item->'body' || jsonb_build_object('certificate_id', about), about, NULL, p_now);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION broad_name_told(bigint, integer) FROM PUBLIC;

-- ---------------------------------------------------------------- leases

-- Nobody takes a lease for longer than its length. One that ends later than that was written before the database's clock went back
-- (another server, a restored machine): a living holder renews it within seconds, a dead one would keep the log from being read until then.
CREATE OR REPLACE FUNCTION leases_take(p_logs bytea[], p_holder text, p_predecessor text, p_ttl_seconds integer)
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
        OR old.expires_at > lease_instant() + make_interval(secs => 2 * p_ttl_seconds)
        OR (p_predecessor <> '' AND starts_with(old.holder, p_predecessor))
    RETURNING old.log_id::bytea, old.fencing
    $$;

-- ---------------------------------------------------------------- issuers that a log does not serve

-- What the judge found about a certificate whose issuer its log has not served for long: told once. It stays pending, and is judged
-- again when the issuer comes.
CREATE FUNCTION issuer_withheld(p_certificate bigint, p_findings jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM FROM certificate WHERE certificate_id = p_certificate AND issuer_state = 'pending' FOR UPDATE;
    IF FOUND AND NOT EXISTS (SELECT FROM finding WHERE certificate_id = p_certificate AND rule = 'certificate.unknown-issuer') THEN
        PERFORM certificate_findings_raise(p_certificate, (SELECT coalesce(jsonb_agg(f || jsonb_build_object('body', f->'body' || facts)), '[]')
            FROM jsonb_array_elements(p_findings) f, (SELECT jsonb_build_object('names', names, 'subject', subject, 'issuer', issuer,
                'serial', serial, 'key_type', key_type, 'not_before', rfc3339(not_before), 'not_after', rfc3339(not_after),
                'spki_sha256', encode(spki_sha256, 'hex')) AS facts FROM certificate WHERE certificate_id = p_certificate) c), p_now);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION issuer_withheld(bigint, jsonb, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION issuer_withheld(bigint, jsonb, timestamptz) TO pinwatch_monitor;

-- As resolve_issuer, and with the issuer proven, "unknown issuer" is over unless it was found again.
CREATE FUNCTION issuer_proven(p_certificate bigint, p_issuer bytea, p_issuer_der bytea, p_findings jsonb, p_is_drill boolean,
                              p_now timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint := resolve_issuer(p_certificate, p_issuer, p_issuer_der, p_findings, p_is_drill, p_now);
BEGIN
    IF p_issuer IS NULL OR p_findings @> '[{"rule": "certificate.unknown-issuer"}]' THEN
        RETURN id;
    END IF;
    WITH ended AS (
        UPDATE finding SET state = 'resolved', closed_at = p_now
         WHERE certificate_id = id AND rule = 'certificate.unknown-issuer' AND state IN ('open', 'acknowledged')
        RETURNING tenant_id, finding_id)
    INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
    SELECT tenant_id, finding_id, p_now, 'pinwatch', 'resolved', 'the issuer is proven now' FROM ended;
    RETURN id;
END
$$;
REVOKE EXECUTE ON FUNCTION issuer_proven(bigint, bytea, bytea, jsonb, boolean, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION issuer_proven(bigint, bytea, bytea, jsonb, boolean, timestamptz) TO pinwatch_monitor;

-- ---------------------------------------------------------------- a second look

-- Entries whose bytes nobody ever saw, because what their log served in place of them was not readable: a later answer, led to a
-- signed root again, may be. p_begin to p_end were read anew; the payload is that of record_range, its items alone count.
CREATE FUNCTION second_look_record(p_log bytea, p_holder text, p_fencing bigint, p_begin bigint, p_end bigint, p_now timestamptz,
                                   p_payload jsonb, p_blobs bytea[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    item jsonb;
    reason_ text;
    reasons text[];
    left_ bigint;
BEGIN
    PERFORM lease_check(p_log, p_holder, p_fencing);
    WITH gone AS (DELETE FROM unreadable_entry WHERE log_id = p_log AND log_index >= p_begin AND log_index < p_end AND raw = ''
                  RETURNING reason)
    SELECT array_agg(DISTINCT reason) INTO reasons FROM gone;
    FOR item IN SELECT value FROM jsonb_array_elements(p_payload->'items')
                ORDER BY value->>'tbs_sha256', value->>'issuer_spki_sha256', (value->>'index')::bigint LOOP
        IF item ? 'reason' THEN
            PERFORM unreadable_record(p_log, item, p_blobs, p_now);
        ELSE
            PERFORM match_or_refusal_record(p_log, item, p_blobs, p_now);
        END IF;
    END LOOP;
    FOREACH reason_ IN ARRAY coalesce(reasons, '{}') LOOP
        SELECT count(*) INTO left_ FROM unreadable_entry WHERE log_id = p_log AND reason = reason_;
        IF left_ = 0 THEN
            PERFORM tell_log_event(p_log, 'entry.unreadable', 'warning', reason_,
                '{"detail": "a second look could read all of them"}', true, p_now);
        ELSE
            UPDATE finding SET evidence = evidence || jsonb_build_object('count', left_)
             WHERE tenant_id = 0 AND rule = 'entry.unreadable' AND subject = 'log:' || encode(p_log, 'hex') || ':' || reason_
               AND state <> 'resolved';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION second_look_record(bytea, text, bigint, bigint, bigint, timestamptz, jsonb, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION second_look_record(bytea, text, bigint, bigint, bigint, timestamptz, jsonb, bytea[]) TO pinwatch_monitor;

-- The next of them, from (p_log, p_index) on.
CREATE FUNCTION unseen_entries(p_log bytea, p_index bigint) RETURNS TABLE (log_id bytea, log_index bigint) LANGUAGE sql STABLE
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT u.log_id, u.log_index FROM unreadable_entry u WHERE u.raw = '' AND (u.log_id, u.log_index) >= (p_log, p_index)
     ORDER BY u.log_id, u.log_index LIMIT 256
    $$;
REVOKE EXECUTE ON FUNCTION unseen_entries(bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unseen_entries(bytea, bigint) TO pinwatch_monitor;
