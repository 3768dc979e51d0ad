-- Step 12: records that do not come to rest are told together, and cost little. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

-- Owners whose relevant set changed within a day: the chain of changes without a calm day in between. What the poller decides by after a start.
CREATE TABLE caa_unrest (
    owner        text PRIMARY KEY,
    since_at     timestamptz NOT NULL,          -- the first change
    last_at      timestamptz NOT NULL,
    changes      bigint NOT NULL,
    recent       timestamptz[] NOT NULL,        -- the last ones, oldest first
    is_restless  boolean NOT NULL               -- caa.restless tells them together
);
CREATE INDEX caa_unrest_last ON caa_unrest (last_at);

-- A restless owner has hundreds of changes a day, which are looked up by their time; few of them were told by themselves.
ALTER TABLE caa_change ADD COLUMN is_told boolean NOT NULL DEFAULT true; -- there are rows in caa_change_told
CREATE INDEX caa_change_last ON caa_change (owner, last_at);
CREATE INDEX caa_change_told_owner ON caa_change (owner) WHERE is_told;
-- Null: told within caa.restless alone, among too many names of nobody; who decides about that finding afterwards has heard of it.
ALTER TABLE caa_change_told ALTER COLUMN finding_id DROP NOT NULL;

CREATE OR REPLACE FUNCTION caa_conditions() RETURNS TABLE (rule text, subject text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT f.rule, f.subject FROM finding f
     WHERE f.rule IN ('caa.disagreement', 'caa.unreachable', 'caa.lint', 'caa.restless') AND f.rule LIKE 'caa.%' AND f.state IN ('open', 'acknowledged')
    UNION -- restless whatever somebody decided about that
    SELECT 'caa.restless', 'caa:' || u.owner FROM caa_unrest u WHERE u.is_restless
     ORDER BY 1, 2
    $$;

-- What was told one by one since then about an owner: who gained what.
CREATE FUNCTION caa_rights_told(p_owner text, p_since timestamptz)
    RETURNS TABLE (tenant_id integer, gained text[], is_any_gained boolean, wildcard_gained text[], is_wildcard_any_gained boolean) LANGUAGE sql STABLE
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT t.tenant_id, c.gained, c.is_any_gained, c.wildcard_gained, c.is_wildcard_any_gained
      FROM caa_change c JOIN caa_change_told t ON t.change_id = c.change_id AND t.finding_id IS NOT NULL
     WHERE c.owner = p_owner AND c.is_told AND c.last_at >= p_since ORDER BY c.change_id, t.tenant_id
    $$;
CREATE INDEX caa_change_told_change ON caa_change_told (change_id);

-- One tenant hears of one change: by itself, or with the others.
CREATE FUNCTION caa_change_tell(p_tenant jsonb, p_owner text, p_change bigint, p_times bigint, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    tenant_ integer := (p_tenant->>'tenant')::integer;
    telling text := coalesce(p_tenant->>'telling', 'alone');
    has_told boolean := true;
    outcome raised;
BEGIN
    UPDATE finding f SET occurrences = f.occurrences + 1, last_seen_at = greatest(f.last_seen_at, p_now)
      FROM caa_change_told t
     WHERE t.tenant_id = tenant_ AND t.change_id = p_change
       AND f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id AND f.state IN ('open', 'suppressed');
    IF FOUND THEN
        NULL;
    ELSIF telling = 'alone' THEN
        outcome := finding_raise(tenant_, 'caa.changed', p_tenant->>'severity', 'caa:' || p_owner || ':' || p_change || ':' || p_times,
                                 p_tenant->'body' || jsonb_build_object('change_id', p_change), NULL, NULL, p_now);
        INSERT INTO caa_change_told (tenant_id, change_id, finding_id) VALUES (tenant_, p_change, outcome.finding_id)
        ON CONFLICT (tenant_id, change_id) DO UPDATE SET finding_id = excluded.finding_id;
    ELSIF telling = 'unheard' THEN
        INSERT INTO caa_change_told (tenant_id, change_id, finding_id) VALUES (tenant_, p_change, NULL) ON CONFLICT DO NOTHING;
    ELSE
        has_told := false; -- each right that it brings was told by another change
    END IF;
    IF jsonb_typeof(p_tenant->'restless') = 'object' THEN
        UPDATE finding f SET occurrences = (p_tenant->'restless'->>'changes_count')::bigint, last_seen_at = greatest(f.last_seen_at, p_now),
               evidence = f.evidence || (p_tenant->'restless')
         WHERE f.tenant_id = tenant_ AND f.rule = 'caa.restless' AND f.rule LIKE 'caa.%' AND f.subject = 'caa:' || p_owner AND f.state <> 'resolved';
        IF NOT FOUND THEN
            PERFORM finding_raise(tenant_, 'caa.restless', 'warning', 'caa:' || p_owner, p_tenant->'restless', NULL, NULL, p_now);
        END IF;
    END IF;
    RETURN has_told;
END
$$;

-- As in step 8. The same to and fro must mean the same: what is gained by records that are removed depends on those above. Beside what step 8 takes p_item has
-- "unrest" (see caa_unrest), and each tenant "telling" ("alone", "together" or "unheard") and "restless" (the body of caa.restless, where that is told).
CREATE OR REPLACE FUNCTION caa_change_record(p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    before_ bytea := coalesce(blob_at(p_blobs, p_item, 'before'), '');
    after_ bytea := coalesce(blob_at(p_blobs, p_item, 'after'), '');
    gained_ text[] := ARRAY(SELECT jsonb_array_elements_text(p_item->'gained'));
    wildcard_gained_ text[] := ARRAY(SELECT jsonb_array_elements_text(p_item->'wildcard_gained'));
    unrest jsonb := p_item->'unrest';
    id bigint;
    times_ bigint := 1;
    tenant jsonb;
    has_told boolean := false;
BEGIN
    UPDATE caa_change SET times = times + 1, last_at = p_now
     WHERE change_id = (SELECT max(o.change_id) FROM caa_change o WHERE o.owner = p_item->>'owner' AND o.last_at > p_now - interval '1 day'
                           AND o.before_outcome = p_item->>'before_outcome' AND o.after_outcome = p_item->>'after_outcome'
                           AND o.before_records = before_ AND o.after_records = after_
                           AND o.gained = gained_ AND o.is_any_gained = (p_item->>'is_any_gained')::boolean
                           AND o.wildcard_gained = wildcard_gained_ AND o.is_wildcard_any_gained = (p_item->>'is_wildcard_any_gained')::boolean)
    RETURNING change_id, times INTO id, times_;
    IF NOT FOUND THEN
        INSERT INTO caa_change (owner, resolver, before_outcome, before_records, after_outcome, after_records, changed_at, last_at,
                                gained, is_any_gained, wildcard_gained, is_wildcard_any_gained, is_told)
        VALUES (p_item->>'owner', p_item->>'resolver', p_item->>'before_outcome', before_, p_item->>'after_outcome', after_,
                time_of_ms((p_item->>'at_ms')::bigint), p_now,
                gained_, (p_item->>'is_any_gained')::boolean, wildcard_gained_, (p_item->>'is_wildcard_any_gained')::boolean, false)
        RETURNING change_id, times INTO id, times_;
    END IF;
    FOR tenant IN SELECT value FROM jsonb_array_elements(p_item->'tenants') LOOP
        has_told := caa_change_tell(tenant, p_item->>'owner', id, times_, p_now) OR has_told;
    END LOOP;
    UPDATE caa_change SET is_told = true WHERE change_id = id AND has_told AND NOT is_told;
    INSERT INTO caa_unrest AS u (owner, since_at, last_at, changes, recent, is_restless)
    SELECT p_item->>'owner', time_of_ms((unrest->>'since_ms')::bigint), time_of_ms((unrest->>'last_ms')::bigint), (unrest->>'changes')::bigint,
           ARRAY(SELECT time_of_ms(value::bigint) FROM jsonb_array_elements_text(unrest->'recent_ms')), (unrest->>'is_restless')::boolean
     WHERE jsonb_typeof(unrest) = 'object'
    ON CONFLICT (owner) DO UPDATE SET since_at = excluded.since_at, last_at = excluded.last_at, changes = excluded.changes, recent = excluded.recent,
        is_restless = excluded.is_restless;
END
$$;

-- A calm day has gone by: forgets those whose last change was until then, and ends what was told of them.
CREATE FUNCTION caa_unrest_end(p_holder text, p_fencing bigint, p_until timestamptz, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM caa_lease_check(p_holder, p_fencing);
    WITH calm AS (
        DELETE FROM caa_unrest WHERE last_at <= p_until RETURNING owner),
    ended AS (
        UPDATE finding f SET state = 'resolved', closed_at = p_now
         WHERE f.rule = 'caa.restless' AND f.rule LIKE 'caa.%' AND f.subject IN (SELECT 'caa:' || owner FROM calm) AND f.state IN ('open', 'acknowledged')
        RETURNING tenant_id, finding_id)
    INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
    SELECT tenant_id, finding_id, p_now, 'pinwatch', 'resolved', 'there was no change for a day' FROM ended;
END
$$;

-- As in step 8; what was told within caa.restless alone is known to whoever has decided about that since.
CREATE OR REPLACE FUNCTION caa_change_is_known(p_tenant integer, p_change bigint, p_needs_decision boolean DEFAULT false) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT FROM caa_change_told t JOIN finding f ON f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id
         WHERE t.tenant_id = p_tenant AND t.change_id = p_change
           AND (f.state <> 'open'
                OR (NOT p_needs_decision AND EXISTS (
                    SELECT FROM alert a JOIN delivery d ON d.tenant_id = a.tenant_id AND d.alert_id = a.alert_id
                     WHERE a.tenant_id = f.tenant_id AND a.finding_id = f.finding_id AND d.state = 'delivered'))))
        OR EXISTS (
        SELECT FROM caa_change_told t JOIN caa_change c ON c.change_id = t.change_id
          JOIN finding f ON f.tenant_id = t.tenant_id AND f.rule = 'caa.restless' AND f.rule LIKE 'caa.%' AND f.subject = 'caa:' || c.owner
          JOIN finding_event e ON e.tenant_id = f.tenant_id AND e.finding_id = f.finding_id
         WHERE t.tenant_id = p_tenant AND t.change_id = p_change AND t.finding_id IS NULL
           AND e.what IN ('acknowledged', 'resolved', 'suppressed') AND e.who <> 'pinwatch' AND e.at >= c.last_at)
    $$;

-- As in step 8; what stands still, and nobody has heard of, is not forgotten.
CREATE OR REPLACE FUNCTION caa_drop_older(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    SET timezone = 'UTC'
    AS $$
DECLARE
    partition text;
    gone bigint := 0;
    counted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pinwatch.caa-partitions'));
    FOR partition IN SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
                      WHERE inhparent = 'pinwatch.caa_past'::regclass AND relname ~ '^caa_past_\d{4}_\d{2}$' ORDER BY 1 LOOP
        IF to_date(right(partition, 7), 'YYYY_MM') + interval '1 month' <= p_before THEN
            EXECUTE format('DROP TABLE pinwatch.%I', partition);
            gone := gone + 1;
        END IF;
    END LOOP;
    DELETE FROM caa_past_default WHERE last_answered_at < p_before;
    GET DIAGNOSTICS counted = ROW_COUNT;
    gone := gone + counted;
    DELETE FROM caa_now WHERE last_answered_at < p_before;
    GET DIAGNOSTICS counted = ROW_COUNT;
    gone := gone + counted;
    DELETE FROM caa_owner o WHERE o.accepted_at < p_before AND NOT EXISTS (SELECT FROM caa_now n WHERE n.owner = o.owner);
    DELETE FROM caa_change c WHERE c.last_at < p_before AND NOT EXISTS (SELECT FROM caa_change_told t JOIN finding f
           ON f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id WHERE t.change_id = c.change_id AND f.state <> 'resolved')
       AND NOT EXISTS (SELECT FROM caa_change_told t JOIN caa_owner o ON o.owner = c.owner AND o.records = c.after_records
                        WHERE t.change_id = c.change_id AND t.finding_id IS NULL AND NOT caa_change_is_known(t.tenant_id, t.change_id));
    GET DIAGNOSTICS counted = ROW_COUNT;
    RETURN gone + counted;
END
$$;

-- As in step 9. p_body may have "tenants": what each of them is told in place of the rest, by its number.
CREATE OR REPLACE FUNCTION caa_verdicts_save(p_certificate bigint, p_issued_at timestamptz, p_issuer bytea, p_rows jsonb, p_blobs bytea[], p_body jsonb,
                                  p_due timestamptz, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    judged certificate;
    tenant integer;
BEGIN
    SELECT * INTO judged FROM certificate WHERE certificate_id = p_certificate FOR NO KEY UPDATE;
    IF NOT FOUND OR caa_issued_at(judged.first_timestamp, judged.scts, judged.first_seen_at) <> p_issued_at OR judged.issuer_spki_sha256 IS DISTINCT FROM p_issuer THEN
        RETURN false;
    END IF;
    DELETE FROM caa_verdict v WHERE v.certificate_id = p_certificate AND v.name NOT IN (SELECT x->>'name' FROM jsonb_array_elements(p_rows) x);
    INSERT INTO caa_verdict
    SELECT p_certificate, x->>'name', x->>'verdict', x->>'reason', p_issued_at, time_of_ms((x->>'window_begin_ms')::bigint), x->>'resolver',
           x->>'owner', coalesce(blob_at(p_blobs, x, 'records'), ''), (x->>'is_authenticated')::boolean, x->>'today', p_now
      FROM jsonb_array_elements(p_rows) x
    ON CONFLICT (certificate_id, name) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason, issued_at = excluded.issued_at,
        window_begin = excluded.window_begin, resolver = excluded.resolver, owner = excluded.owner, records = excluded.records,
        is_authenticated = excluded.is_authenticated, today = excluded.today, judged_at = excluded.judged_at;
    IF p_body IS NULL OR judged.is_drill THEN
        -- An earlier timestamp, or another issuer, may take an accusation back.
        WITH ended AS (
            UPDATE finding SET state = 'resolved', closed_at = p_now
             WHERE rule = 'certificate.caa-inconsistent' AND certificate_id = p_certificate AND state IN ('open', 'acknowledged')
            RETURNING tenant_id, finding_id)
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
        SELECT tenant_id, finding_id, p_now, 'pinwatch', 'resolved', 'more is known of the certificate now, and it is not inconsistent' FROM ended;
    ELSE
        FOR tenant IN SELECT DISTINCT m.tenant_id FROM match m WHERE m.certificate_id = p_certificate ORDER BY 1 LOOP
            CONTINUE WHEN EXISTS (SELECT FROM finding f WHERE f.tenant_id = tenant AND f.rule = 'certificate.caa-inconsistent'
                                     AND f.certificate_id = p_certificate); -- told
            PERFORM finding_raise(tenant, 'certificate.caa-inconsistent', p_body->>'severity', 'certificate:' || p_certificate,
                                  caa_certificate_facts(tenant, p_certificate) || (p_body - 'severity' - 'tenants')
                                  || coalesce(p_body->'tenants'->(tenant::text), '{}'), p_certificate, NULL, p_now);
        END LOOP;
    END IF;
    IF p_due IS NULL THEN
        DELETE FROM caa_case WHERE certificate_id = p_certificate;
    ELSE
        UPDATE caa_case SET due_at = p_due WHERE certificate_id = p_certificate;
    END IF;
    RETURN true;
END
$$;

-- For one climb: what is taken for true at each owner (records not null), and each change there that concerned this tenant and that it has not heard of (the
-- others not null), as caa_news says.
CREATE FUNCTION caa_climb(p_tenant integer, p_owners text[], p_needs_decision boolean)
    RETURNS TABLE (owner text, outcome text, records bytea, gained text[], is_any_gained boolean, wildcard_gained text[], is_wildcard_any_gained boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT o.owner, o.outcome, o.records, NULL, NULL, NULL, NULL FROM caa_owner o WHERE o.owner = ANY (p_owners)
    UNION ALL
    SELECT c.owner, NULL, NULL, c.gained, c.is_any_gained, c.wildcard_gained, c.is_wildcard_any_gained FROM caa_change c
     WHERE c.owner = ANY (p_owners) AND c.is_told
       AND EXISTS (SELECT FROM caa_change_told t WHERE t.tenant_id = p_tenant AND t.change_id = c.change_id)
       AND NOT caa_change_is_known(p_tenant, c.change_id, p_needs_decision)
    $$;

-- The names of judged certificates at or below one name, so that what is recorded of a zone costs what the zone has. The monitor looks up whose
-- certificates its remarks are about.
CREATE INDEX caa_verdict_below ON caa_verdict (((reverse(name) || '.') COLLATE "C"), certificate_id);
GRANT SELECT ON caa_verdict, caa_case TO pinwatch_monitor;

REVOKE ALL ON caa_unrest FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION caa_rights_told(text, timestamptz), caa_change_tell(jsonb, text, bigint, bigint, timestamptz),
    caa_unrest_end(text, bigint, timestamptz, timestamptz), caa_climb(integer, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caa_rights_told(text, timestamptz), caa_unrest_end(text, bigint, timestamptz, timestamptz), caa_climb(integer, text[], boolean)
    TO pinwatch_monitor;
GRANT SELECT ON caa_unrest TO pinwatch_monitor, pinwatch_cli, pinwatch_report;

-- As in step 10. Certificates of the keys below that could not be judged are judged again, the newest 10,000 of them: once the monitor has had time to take
-- the links over.
CREATE OR REPLACE FUNCTION ca_links_save(p_spki bytea[], p_issuer bytea[], p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO ca_link (spki_sha256, issuer_spki_sha256, seen_at)
        SELECT DISTINCT spki, issuer, p_now FROM unnest(p_spki, p_issuer) AS l (spki, issuer) WHERE spki <> issuer
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM ca_keys_changed();
    INSERT INTO caa_case AS q (certificate_id, queued_at, due_at)
    SELECT unjudged.certificate_id, 'epoch'::timestamptz, p_now + interval '10 seconds'
      FROM (SELECT c.certificate_id FROM certificate c
             WHERE c.issuer_spki_sha256 = ANY (p_spki) AND c.not_after > p_now
               AND EXISTS (SELECT FROM caa_verdict v WHERE v.certificate_id = c.certificate_id AND v.verdict = 'unknown')
             ORDER BY c.certificate_id DESC LIMIT 10000) unjudged ORDER BY 1
    ON CONFLICT (certificate_id) DO UPDATE SET due_at = least(q.due_at, excluded.due_at);
    RETURN true;
END
$$;
