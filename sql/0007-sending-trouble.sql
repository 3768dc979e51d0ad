-- Step 7: sending holds where a clock is set back, the queue is long, or the database has lost its last commits.

SET LOCAL search_path = pinwatch, pg_temp;

-- ---------------------------------------------------------------- claims

ALTER TABLE delivery ADD COLUMN claimed_at timestamptz; -- the sender's clock at its last claim; null: never

-- The senders' clock was set back: what was queued or tried "in the future" would wait until then. Whatever more than five minutes
-- ahead speaks of is due now; claims that others have made for so long that no clock now in force made them are void.
CREATE FUNCTION deliveries_clock_set_back(p_mine text, p_now timestamptz) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH hurried AS (
        UPDATE delivery d SET next_attempt_at = least(d.next_attempt_at, p_now),
               claimed_until = CASE WHEN d.claimed_until > p_now + interval '1 hour' AND NOT starts_with(d.claimed_by, p_mine) THEN NULL
                                    ELSE d.claimed_until END
          FROM alert a
         WHERE a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id AND d.state = 'queued'
           AND greatest(d.claimed_at, a.created_at) > p_now + interval '5 minutes'
        RETURNING 1)
    SELECT count(*) FROM hurried
    $$;
REVOKE EXECUTE ON FUNCTION deliveries_clock_set_back(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deliveries_clock_set_back(text, timestamptz) TO pinwatch_alerts;

-- As before, but channels that have enough waiting at the sender are left out (p_full: ["tenant/channel"]), and without the joins
-- that would read the whole table for a handful of rows: how many are due is no matter of statistics.
DROP FUNCTION deliveries_claim(text, timestamptz, timestamptz, integer, integer);
CREATE FUNCTION deliveries_claim(p_holder text, p_now timestamptz, p_until timestamptz, p_per_channel integer, p_limit integer,
                                 p_full jsonb)
    RETURNS TABLE (tenant_id integer, delivery_id bigint, alert_id bigint, finding_id bigint, is_test boolean, rule text,
                   severity text, body jsonb, pem text, created_at timestamptz, idempotency_key uuid, attempts integer,
                   channel_tenant_id integer, channel text, kind text, configuration jsonb, secret_name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    SET enable_hashjoin = off SET enable_mergejoin = off
    AS $$
    WITH due AS (
        SELECT q.tenant_id, q.delivery_id
          FROM channel c CROSS JOIN LATERAL (
               SELECT d.tenant_id, d.delivery_id, d.next_attempt_at FROM delivery d
                WHERE d.channel_tenant_id = c.tenant_id AND d.channel = c.name AND d.state = 'queued'
                  AND d.next_attempt_at <= p_now AND (d.claimed_until IS NULL OR d.claimed_until <= p_now)
                  AND (c.is_enabled OR EXISTS (SELECT FROM alert a WHERE a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id
                                                  AND a.is_test))
                ORDER BY d.next_attempt_at, d.delivery_id LIMIT p_per_channel FOR UPDATE OF d SKIP LOCKED) q
         WHERE NOT p_full ? (c.tenant_id || '/' || c.name)
         ORDER BY q.next_attempt_at, q.delivery_id LIMIT p_limit),
    claimed AS (
        UPDATE delivery d SET claimed_until = p_until, claimed_by = p_holder, claimed_at = p_now, attempts = d.attempts + 1 FROM due
         WHERE d.tenant_id = due.tenant_id AND d.delivery_id = due.delivery_id
        RETURNING d.*)
    SELECT d.tenant_id, d.delivery_id, d.alert_id, a.finding_id, a.is_test, a.rule, a.severity, a.body, a.pem, a.created_at,
           d.idempotency_key, d.attempts, d.channel_tenant_id, d.channel, c.kind, c.configuration, c.secret_name
      FROM claimed d JOIN alert a ON a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id
      JOIN channel c ON c.tenant_id = d.channel_tenant_id AND c.name = d.channel
     ORDER BY d.next_attempt_at, d.delivery_id
    $$;
REVOKE EXECUTE ON FUNCTION deliveries_claim(text, timestamptz, timestamptz, integer, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deliveries_claim(text, timestamptz, timestamptz, integer, integer, jsonb) TO pinwatch_alerts;
DROP FUNCTION deliveries_next_due(); -- nobody asks

-- ---------------------------------------------------------------- one key for one fact

-- The idempotency key of an alert about a certificate is made from what it says (a UUID of version 8, RFC 9562): when the database lost the
-- last commits (an older backup, a standby that lagged), the repeated work tells its receivers the same key again. The time of the first
-- schema step tells installations apart. What a log does happens at a time, and again at another: random.
CREATE FUNCTION alert_key(p_tenant integer, p_finding bigint, p_rule text, p_channel_tenant integer, p_channel text) RETURNS uuid LANGUAGE sql
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT coalesce((
        SELECT encode(set_byte(set_byte(substr(fact.hash, 1, 16), 6, get_byte(fact.hash, 6) & 15 | 128), 8, get_byte(fact.hash, 8) & 63 | 128),
                      'hex')::uuid
          FROM (SELECT sha256(convert_to(concat_ws('/', extract(epoch FROM s.applied_at), p_tenant, p_rule, encode(c.tbs_sha256, 'hex'),
                                                   encode(c.issuer_spki_sha256, 'hex'), p_channel_tenant, p_channel), 'UTF8')) AS hash
                  FROM finding f JOIN certificate c USING (certificate_id) JOIN schema_step s ON s.number = 1
                 WHERE f.tenant_id = p_tenant AND f.finding_id = p_finding) fact), gen_random_uuid())
    $$;
REVOKE EXECUTE ON FUNCTION alert_key(integer, bigint, text, integer, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION alert_queue(p_tenant integer, p_finding bigint, p_rule text, p_severity text, p_body jsonb, p_pem text,
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
    INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at, idempotency_key)
    SELECT p_tenant, id, c.tenant_id, c.name, 'queued', p_now, alert_key(p_tenant, p_finding, p_rule, c.tenant_id, c.name)
      FROM channel c WHERE (c.tenant_id = p_tenant OR p_tenant = 0) AND c.is_enabled
       AND severity_rank(c.least_severity) <= severity_rank(p_severity) AND c.name IS DISTINCT FROM p_except;
    PERFORM pg_notify('pinwatch_outbox', '');
END
$$;
