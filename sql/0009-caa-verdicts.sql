-- Step 9: what the recorded CAA history says about each certificate. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

-- One row for each DNS name and address of a certificate that somebody's watch matched.
CREATE TABLE caa_verdict (
    certificate_id    bigint NOT NULL REFERENCES certificate ON DELETE CASCADE,
    name              text NOT NULL,            -- as in the certificate; may begin with "*."
    verdict           text NOT NULL CHECK (verdict IN ('consistent', 'inconsistent', 'unknown', 'not-applicable')),
    reason            text NOT NULL,
    issued_at         timestamptz NOT NULL,     -- T, see caa_issued_at
    window_begin      timestamptz,              -- null: not applicable
    resolver          text NOT NULL,            -- whose records decided; '' when unknown
    owner             text NOT NULL,            -- where they stood; '' when there were none
    records           bytea NOT NULL,           -- they, in canonical form
    is_authenticated  boolean NOT NULL,
    today             text NOT NULL CHECK (today IN ('permits', 'forbids', 'unknown')), -- by the answers of judged_at; judges nothing
    judged_at         timestamptz NOT NULL,
    PRIMARY KEY (certificate_id, name)
);

-- Certificates to be judged, or judged again: they matched, their time or issuer changed, or an answer is awaited.
CREATE TABLE caa_case (
    certificate_id  bigint PRIMARY KEY REFERENCES certificate ON DELETE CASCADE,
    queued_at       timestamptz NOT NULL,       -- since then its names are asked for anew; 'epoch': they need not be
    due_at          timestamptz NOT NULL
);

CREATE FUNCTION caa_queue_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO caa_case AS q (certificate_id, queued_at, due_at)
    SELECT certificate_id, max(matched_at), '-infinity' FROM added GROUP BY 1 ORDER BY 1
    ON CONFLICT (certificate_id) DO UPDATE SET due_at = '-infinity';
    RETURN NULL;
END
$$;
CREATE TRIGGER caa_queue_match AFTER INSERT ON match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION caa_queue_match();
-- Two certificates that turn out to be one issuance: the matches move.
CREATE TRIGGER caa_queue_moved_match AFTER UPDATE ON match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION caa_queue_match();

CREATE FUNCTION caa_queue_certificate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO caa_case AS q (certificate_id, queued_at, due_at)
    SELECT NEW.certificate_id, 'epoch', '-infinity' WHERE EXISTS (SELECT FROM match m WHERE m.certificate_id = NEW.certificate_id)
    ON CONFLICT (certificate_id) DO UPDATE SET due_at = '-infinity';
    RETURN NULL;
END
$$;
CREATE TRIGGER caa_queue_certificate AFTER UPDATE ON certificate FOR EACH ROW
    WHEN (OLD.first_timestamp <> NEW.first_timestamp OR OLD.issuer_state <> NEW.issuer_state
          OR OLD.issuer_spki_sha256 IS DISTINCT FROM NEW.issuer_spki_sha256 OR OLD.scts <> NEW.scts)
    EXECUTE FUNCTION caa_queue_certificate();

-- What was recorded before this step: judged once, which says `unknown` until there is a history.
INSERT INTO caa_case SELECT DISTINCT certificate_id, 'epoch'::timestamptz, '-infinity'::timestamptz FROM match;

-- T: nobody issued it after it was logged, after an SCT was signed for it, or after we saw it, whatever the log's clock says.
CREATE FUNCTION caa_issued_at(p_first timestamptz, p_scts jsonb, p_seen timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT date_trunc('milliseconds', least(p_first, p_seen,
               (SELECT time_of_ms(min(CASE WHEN s->'valid' = 'true' THEN least((s->>'timestamp')::numeric, 253402300799000) END)::bigint)
                  FROM jsonb_array_elements(p_scts) s)))
    $$;

-- Takes due cases, so that nobody else does before p_until: a row for each name, the certificates in order. The newest certificates first: behind
-- a year of old ones nobody would hear of them in time.
CREATE FUNCTION caa_cases_take(p_now timestamptz, p_until timestamptz, p_limit integer)
    RETURNS TABLE (certificate_id bigint, queued_at timestamptz, issued_at timestamptz, issuer_state text, issuer_spki_sha256 bytea,
                   name_type text, name text) LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH due AS (
        SELECT q.certificate_id FROM caa_case q WHERE q.due_at <= p_now ORDER BY q.certificate_id DESC LIMIT p_limit FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE caa_case q SET due_at = p_until FROM due WHERE q.certificate_id = due.certificate_id RETURNING q.*)
    SELECT c.certificate_id, t.queued_at, caa_issued_at(c.first_timestamp, c.scts, c.first_seen_at), c.issuer_state, c.issuer_spki_sha256, n.type, n.value
      FROM taken t JOIN certificate c ON c.certificate_id = t.certificate_id
      LEFT JOIN LATERAL (SELECT DISTINCT x->>'type', x->>'value' FROM jsonb_array_elements(c.names) x
                          WHERE x->>'type' IN ('dns', 'ip')) n (type, value) ON true
     ORDER BY c.certificate_id, n.type, n.value
    $$;

CREATE FUNCTION caa_case_put_off(p_certificate bigint, p_until timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$ UPDATE caa_case SET due_at = p_until WHERE certificate_id = p_certificate $$;

-- What a finding says of the certificate (docs/alerts.md) beside the verdict.
CREATE FUNCTION caa_certificate_facts(p_tenant integer, p_certificate bigint) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT jsonb_build_object(
               'certificate_id', certificate_id, 'names', names, 'subject', subject, 'issuer', issuer, 'serial', serial, 'key_type', key_type,
               'not_before', rfc3339(not_before), 'not_after', rfc3339(not_after),
               'entry', CASE WHEN certificate_sha256 IS NULL THEN 'precertificate' ELSE 'certificate' END,
               'cert_sha256', encode(coalesce(certificate_sha256, precertificate_sha256), 'hex'), 'tbs_sha256', encode(tbs_sha256, 'hex'),
               'spki_sha256', encode(spki_sha256, 'hex'), 'issuer_spki_sha256', encode(issuer_spki_sha256, 'hex'), 'oddities', oddities,
               'watches', (SELECT coalesce(jsonb_agg(v.value), '[]') FROM (
                   SELECT w.value FROM match m JOIN watch w ON w.tenant_id = m.tenant_id AND w.watch_id = m.watch_id
                    WHERE m.tenant_id = p_tenant AND m.certificate_id = p_certificate ORDER BY w.value LIMIT 20) v),
               'logs', (SELECT coalesce(jsonb_agg(jsonb_build_object('log_id', encode(o.log_id, 'base64'), 'description', coalesce(l.description, ''),
                                                                     'url', coalesce(l.url, ''), 'index', o.log_index, 'kind', o.kind,
                                                                     'timestamp', (extract(epoch FROM o.leaf_timestamp) * 1000)::bigint)), '[]')
                          FROM (SELECT * FROM observation WHERE certificate_id = p_certificate ORDER BY leaf_timestamp LIMIT 10) o
                          LEFT JOIN log l ON l.log_id = o.log_id))
      FROM certificate WHERE certificate_id = p_certificate
    $$;

-- Records the verdicts on one certificate, judged as of p_issued_at and p_issuer: false, and nothing done, when these have changed. p_rows:
-- [{"name","verdict","reason","window_begin_ms","resolver","owner","records","is_authenticated","today"}]; p_body is what a finding says beside the
-- certificate's facts, null when no verdict is `inconsistent`. p_due: when to judge again; null: it is settled.
CREATE FUNCTION caa_verdicts_save(p_certificate bigint, p_issued_at timestamptz, p_issuer bytea, p_rows jsonb, p_blobs bytea[], p_body jsonb,
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
                                  caa_certificate_facts(tenant, p_certificate) || (p_body - 'severity'), p_certificate, NULL, p_now);
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

-- Changes at these owners that concern this tenant and that it has not heard of yet: no alert of theirs was delivered and nobody decided about the finding; with
-- p_needs_decision only the latter counts.
CREATE FUNCTION caa_news(p_tenant integer, p_owners text[], p_needs_decision boolean)
    RETURNS TABLE (gained text[], is_any_gained boolean, wildcard_gained text[], is_wildcard_any_gained boolean) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT c.gained, c.is_any_gained, c.wildcard_gained, c.is_wildcard_any_gained FROM caa_change c
     WHERE c.owner = ANY (p_owners)
       AND EXISTS (SELECT FROM caa_change_told t WHERE t.tenant_id = p_tenant AND t.change_id = c.change_id)
       AND NOT caa_change_is_known(p_tenant, c.change_id, p_needs_decision)
    $$;

-- Other things are known of CAs now: judges unexpired certificates again that could not be judged, or were accused, once the monitor has
-- had time to take it over.
CREATE FUNCTION caa_cases_renew(p_now timestamptz) RETURNS void LANGUAGE sql
    SET search_path = pinwatch, pg_temp
    AS $$
    INSERT INTO caa_case (certificate_id, queued_at, due_at)
    SELECT DISTINCT v.certificate_id, 'epoch'::timestamptz, p_now + interval '10 seconds'
      FROM caa_verdict v JOIN certificate c ON c.certificate_id = v.certificate_id
     WHERE v.verdict IN ('unknown', 'inconsistent') AND c.not_after > p_now ORDER BY 1
    ON CONFLICT (certificate_id) DO UPDATE SET due_at = excluded.due_at
    $$;
REVOKE EXECUTE ON FUNCTION caa_cases_renew(timestamptz) FROM PUBLIC;

REVOKE ALL ON caa_verdict, caa_case FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION caa_queue_match(), caa_queue_certificate(), caa_issued_at(timestamptz, jsonb, timestamptz),
    caa_cases_take(timestamptz, timestamptz, integer), caa_case_put_off(bigint, timestamptz), caa_certificate_facts(integer, bigint),
    caa_verdicts_save(bigint, timestamptz, bytea, jsonb, bytea[], jsonb, timestamptz, timestamptz),
    caa_news(integer, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caa_cases_take(timestamptz, timestamptz, integer), caa_case_put_off(bigint, timestamptz),
    caa_verdicts_save(bigint, timestamptz, bytea, jsonb, bytea[], jsonb, timestamptz, timestamptz), caa_news(integer, text[], boolean)
    TO pinwatch_monitor;
GRANT SELECT ON caa_verdict, caa_case TO pinwatch_cli, pinwatch_report;
