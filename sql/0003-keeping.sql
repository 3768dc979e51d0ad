-- Step 3: logs, what is shown of them, partitions and retention.

SET LOCAL search_path = pinwatch, pg_temp;

-- The logs of all lists and settings, as chosen; a log that is in none of them any more is no longer followed.
CREATE FUNCTION logs_save(p_logs jsonb, p_keys bytea[], p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO log AS l (log_id, description, operator, protocol, url, monitoring_url, origin, key, mmd_seconds, state,
        interval_begin, interval_end, final_size, final_root, source, is_followed, reason, is_drill, first_seen_at, updated_at)
    SELECT hex_of(x, 'log_id'), x->>'description', x->>'operator', x->>'protocol', x->>'url', x->>'monitoring_url',
           x->>'origin', blob_at(p_keys, x, 'key'), (x->>'mmd_seconds')::integer, x->>'state',
           time_of_ms((x->>'interval_begin_ms')::bigint), time_of_ms((x->>'interval_end_ms')::bigint),
           (x->>'final_size')::bigint, hex_of(x, 'final_root'), x->>'source', (x->>'is_followed')::boolean, x->>'reason',
           (x->>'is_drill')::boolean, p_now, p_now
      FROM jsonb_array_elements(p_logs) x ORDER BY x->>'log_id'
    ON CONFLICT (log_id) DO UPDATE SET description = excluded.description, operator = excluded.operator,
        protocol = excluded.protocol, url = excluded.url, monitoring_url = excluded.monitoring_url,
        origin = excluded.origin, mmd_seconds = excluded.mmd_seconds, state = excluded.state,
        interval_begin = excluded.interval_begin, interval_end = excluded.interval_end, final_size = excluded.final_size,
        final_root = excluded.final_root, source = excluded.source, is_followed = excluded.is_followed,
        reason = excluded.reason, is_drill = excluded.is_drill, updated_at = excluded.updated_at;
    UPDATE log SET is_followed = false, reason = 'in no list and no setting any more', updated_at = p_now
     WHERE is_followed AND log_id NOT IN (SELECT hex_of(x, 'log_id') FROM jsonb_array_elements(p_logs) x);
END
$$;

CREATE FUNCTION status_save(p_rows jsonb, p_now timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    INSERT INTO log_status (log_id, state, head_size, head_time, entries_per_second, eta_seconds, batch_size, parallel,
                            stale_views, last_error, last_error_at, last_success_at, updated_at)
    SELECT log.log_id, x->>'state', (x->>'head_size')::bigint, time_of_ms((x->>'head_time_ms')::bigint),
           (x->>'entries_per_second')::double precision, (x->>'eta_seconds')::double precision,
           (x->>'batch_size')::integer, (x->>'parallel')::integer, (x->>'stale_views')::bigint, x->>'last_error',
           time_of_ms((x->>'last_error_ms')::bigint), time_of_ms((x->>'last_success_ms')::bigint), p_now
      FROM jsonb_array_elements(p_rows) x JOIN log ON log.log_id = hex_of(x, 'log_id') ORDER BY log.log_id
    ON CONFLICT (log_id) DO UPDATE SET state = excluded.state, head_size = excluded.head_size,
        head_time = excluded.head_time, entries_per_second = excluded.entries_per_second,
        eta_seconds = excluded.eta_seconds, batch_size = excluded.batch_size, parallel = excluded.parallel,
        stale_views = excluded.stale_views, last_error = excluded.last_error, last_error_at = excluded.last_error_at,
        last_success_at = excluded.last_success_at, updated_at = excluded.updated_at
    $$;

-- Monthly partitions of observation (months of UTC) that cover [p_from, p_to]. Rows that waited in the default partition move into
-- the new ones.
CREATE FUNCTION ensure_partitions(p_from timestamptz, p_to timestamptz) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    SET timezone = 'UTC'
    AS $$
DECLARE
    month timestamptz;
    partition text;
    made integer := 0;
BEGIN
    IF p_to - p_from > interval '10 years' THEN
        RAISE EXCEPTION 'partitions from % to %: wanted at most ten years', p_from, p_to USING ERRCODE = 'PW005';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('pinwatch.partitions'));
    FOR month IN SELECT generate_series(date_trunc('month', p_from), p_to, interval '1 month') LOOP
        partition := 'observation_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('pinwatch.' || partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE pinwatch.%I (LIKE pinwatch.observation INCLUDING ALL)', partition);
        EXECUTE format('WITH moved AS (DELETE FROM pinwatch.observation_default WHERE leaf_timestamp >= $1 AND leaf_timestamp < $2 '
                       'RETURNING *) INSERT INTO pinwatch.%I SELECT * FROM moved', partition)
            USING month, month + interval '1 month';
        EXECUTE format('ALTER TABLE pinwatch.observation ATTACH PARTITION pinwatch.%I FOR VALUES FROM (%L) TO (%L)',
                       partition, month, month + interval '1 month');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Retention, see docs/schema.md: observations go with their partition; certificates that have expired and are observed nowhere any
-- more go with their matches unless a finding speaks of them; resolved findings go with their alerts. Open, acknowledged and
-- suppressed findings stay. At most 10000 certificates and findings a call. Returns how many rows and partitions went.
CREATE FUNCTION drop_older(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    SET timezone = 'UTC'
    AS $$
DECLARE
    partition text;
    gone bigint := 0;
    counted bigint;
    findings bigint[];
    alerts bigint[];
    certificates bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pinwatch.partitions'));
    FOR partition IN SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
                      WHERE inhparent = 'pinwatch.observation'::regclass AND relname ~ '^observation_\d{4}_\d{2}$' ORDER BY 1 LOOP
        IF to_date(right(partition, 7), 'YYYY_MM') + interval '1 month' <= p_before THEN
            EXECUTE format('DROP TABLE pinwatch.%I', partition);
            gone := gone + 1;
        END IF;
    END LOOP;
    DELETE FROM observation_default WHERE leaf_timestamp < p_before;
    GET DIAGNOSTICS counted = ROW_COUNT;
    gone := gone + counted;

    findings := ARRAY(SELECT finding_id FROM finding WHERE state = 'resolved' AND closed_at < p_before LIMIT 10000);
    alerts := ARRAY(SELECT alert_id FROM alert WHERE finding_id = ANY (findings)
                        OR (finding_id IS NULL AND created_at < p_before));
    DELETE FROM delivery WHERE alert_id = ANY (alerts);
    DELETE FROM alert WHERE alert_id = ANY (alerts);
    DELETE FROM finding_event WHERE finding_id = ANY (findings);
    DELETE FROM finding WHERE finding_id = ANY (findings);
    certificates := ARRAY(
        SELECT certificate_id FROM certificate c
         WHERE coalesce(c.not_after, c.first_seen_at) < p_before AND c.first_seen_at < p_before
           AND NOT EXISTS (SELECT FROM observation o WHERE o.certificate_id = c.certificate_id)
           AND NOT EXISTS (SELECT FROM finding f WHERE f.certificate_id = c.certificate_id)
         LIMIT 10000 FOR UPDATE SKIP LOCKED);
    DELETE FROM match WHERE certificate_id = ANY (certificates);
    DELETE FROM certificate WHERE certificate_id = ANY (certificates);
    DELETE FROM unreadable_entry WHERE seen_at < p_before;
    RETURN gone + cardinality(findings) + cardinality(certificates);
END
$$;
