-- Step 11: one order of locks for whoever touches the rows of one issuance. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

-- Rows of one issuance (its precertificate's, its certificate's while the issuer is still to be proven, the findings of both) are touched by
-- ranges of several logs and by who proves issuers, in orders of their own. Whoever touches any of them holds the lock of its stripe first;
-- a range takes all of its stripes in one order before it touches any row, so that nobody waits in a circle. 256 stripes, because each
-- lock takes room in the server's table of locks.
CREATE FUNCTION issuances_lock(p_tbs bytea[]) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    stripe integer;
BEGIN
    FOR stripe IN SELECT DISTINCT get_byte(tbs, 0) AS s FROM unnest(p_tbs) AS tbs WHERE length(tbs) > 0 ORDER BY s LOOP
        PERFORM pg_advisory_xact_lock(hashtext('pinwatch.issuance'), stripe);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION issuances_lock(bytea[]) FROM PUBLIC;

-- The stripes of a range, then the issuers that it brings: in one order too, since several ranges may bring the same new ones.
CREATE FUNCTION items_lock(p_items jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM issuances_lock(ARRAY(SELECT hex_of(value, 'tbs_sha256') FROM jsonb_array_elements(p_items) WHERE value ? 'tbs_sha256'));
    INSERT INTO issuer_certificate (sha256, der, fetched_at)
    SELECT DISTINCT sha256(der), der, p_now
      FROM (SELECT blob_at(p_blobs, value, 'issuer_der') AS der FROM jsonb_array_elements(p_items)) d WHERE der IS NOT NULL
     ORDER BY sha256(der)
    ON CONFLICT (sha256) DO NOTHING;
END
$$;
REVOKE EXECUTE ON FUNCTION items_lock(jsonb, bytea[], timestamptz) FROM PUBLIC;

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
    PERFORM items_lock(p_payload->'items', p_blobs, p_now);
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

CREATE OR REPLACE FUNCTION second_look_record(p_log bytea, p_holder text, p_fencing bigint, p_begin bigint, p_end bigint, p_now timestamptz,
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
    PERFORM items_lock(p_payload->'items', p_blobs, p_now);
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

CREATE OR REPLACE FUNCTION resolve_issuer(p_certificate bigint, p_issuer bytea, p_issuer_der bytea, p_findings jsonb, p_is_drill boolean,
                               p_now timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    row_ certificate;
    id bigint := p_certificate;
BEGIN
    PERFORM issuances_lock(ARRAY(SELECT tbs_sha256::bytea FROM certificate WHERE certificate_id = p_certificate));
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

CREATE OR REPLACE FUNCTION issuer_withheld(p_certificate bigint, p_findings jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM issuances_lock(ARRAY(SELECT tbs_sha256::bytea FROM certificate WHERE certificate_id = p_certificate));
    PERFORM FROM certificate WHERE certificate_id = p_certificate AND issuer_state = 'pending' FOR UPDATE;
    IF FOUND AND NOT EXISTS (SELECT FROM finding WHERE certificate_id = p_certificate AND rule = 'certificate.unknown-issuer') THEN
        PERFORM certificate_findings_raise(p_certificate, (SELECT coalesce(jsonb_agg(f || jsonb_build_object('body', f->'body' || facts)), '[]')
            FROM jsonb_array_elements(p_findings) f, (SELECT jsonb_build_object('names', names, 'subject', subject, 'issuer', issuer,
                'serial', serial, 'key_type', key_type, 'not_before', rfc3339(not_before), 'not_after', rfc3339(not_after),
                'spki_sha256', encode(spki_sha256, 'hex')) AS facts FROM certificate WHERE certificate_id = p_certificate) c), p_now);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION broad_name_told(p_certificate bigint, p_tenant integer) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    mine certificate;
    about bigint;
BEGIN
    SELECT * INTO mine FROM certificate WHERE certificate_id = p_certificate;
    PERFORM issuances_lock(ARRAY[mine.tbs_sha256::bytea]); -- held already by everybody who comes here; no harm, and true of who comes later
    SELECT f.certificate_id INTO about FROM certificate twin JOIN finding f ON f.certificate_id = twin.certificate_id
     WHERE twin.tbs_sha256 = mine.tbs_sha256 AND f.tenant_id = p_tenant AND f.rule = 'certificate.broad-name'
       AND (twin.certificate_id = p_certificate OR twin.issuer_spki_sha256 IS NULL OR mine.issuer_spki_sha256 IS NULL)
     ORDER BY f.finding_id LIMIT 1;
    RETURN coalesce(about, p_certificate);
END
$$;
