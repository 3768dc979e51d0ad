-- Step 6: what the tables refuse costs one entry, never its range. A value that nobody foresaw would otherwise make every
-- commit of its range fail, and one hostile certificate would end the reading of a log.

SET LOCAL search_path = pinwatch, pg_temp;

-- The entry's match; where a rule of the tables refuses a value of it, the entry as unreadable, with what the database said.
-- Want of room, locks, rights and connections are no refusals: then the whole commit fails and is tried again.
CREATE FUNCTION match_or_refusal_record(p_log bytea, p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    der_place integer := (p_item->>'der')::integer;
BEGIN
    PERFORM match_record(p_log, p_item, p_blobs, p_now);
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
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
