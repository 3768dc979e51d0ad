-- Step 14: what clients of live releases make of each certificate that matched a watch. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

-- One row for each release, certificate and DNS name that its pins hold for. What was judged otherwise later stays, as evidence.
CREATE TABLE pin_verdict (
    tenant_id       integer NOT NULL REFERENCES tenant,
    verdict_id      bigint GENERATED ALWAYS AS IDENTITY,
    certificate_id  bigint NOT NULL REFERENCES certificate ON DELETE CASCADE,
    app             text NOT NULL,
    platform        text NOT NULL,
    version         text NOT NULL,
    name            text NOT NULL,              -- as in the certificate; may begin with "*."
    host            text NOT NULL,              -- that it was judged for: of a wildcard the pinned host that is worst off
    verdict         text NOT NULL CHECK (verdict IN ('accepts', 'refuses', 'cannot-tell', 'not-pinned')),
    role            text NOT NULL CHECK (role IN ('', 'current', 'next', 'backup', 'ca', 'leaf')), -- of the pin that accepts
    is_enforced     boolean NOT NULL,           -- false: a refusal is only reported
    pin             text NOT NULL,              -- that accepts, "sha256/…"; ''
    document        text NOT NULL,              -- the pin document that decided
    why             text NOT NULL,
    is_news         boolean NOT NULL,           -- judged so when it came; false: it was there before what it is judged by
    from_at         timestamptz NOT NULL,       -- judged so since
    until_at        timestamptz,                -- null: it stands
    PRIMARY KEY (tenant_id, verdict_id)
);
CREATE UNIQUE INDEX pin_verdict_current ON pin_verdict (certificate_id, tenant_id, app, platform, version, name) WHERE until_at IS NULL;
CREATE INDEX pin_verdict_certificate ON pin_verdict (certificate_id);

-- Certificates to be judged, or judged again: they matched, more is known of them, or pins, releases, CA keys or the day have changed.
CREATE TABLE pin_case (
    certificate_id  bigint PRIMARY KEY REFERENCES certificate ON DELETE CASCADE,
    queued_at       timestamptz NOT NULL,
    is_news         boolean NOT NULL,           -- it matched; false: it was there before what changed
    due_at          timestamptz NOT NULL
);

-- As of which pins, CA keys and time all unexpired certificates are judged or queued. Certificates below renewing_below are still to be queued; null: none.
CREATE TABLE pin_round (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    pins            bigint NOT NULL,
    ca_keys         bigint NOT NULL,
    through_at      timestamptz NOT NULL,       -- when something last began or ended by itself
    judged_at       timestamptz NOT NULL,       -- the latest time as of which anything was judged, to the minute
    renewing_below  bigint,
    is_full         boolean NOT NULL            -- false: only those that a verdict stands about
);
INSERT INTO pin_round (pins, ca_keys, through_at, judged_at, is_full) VALUES (0, 0, '-infinity', '-infinity', true);

CREATE FUNCTION pin_queue_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO pin_case AS q (certificate_id, queued_at, is_news, due_at)
    SELECT certificate_id, max(matched_at), true, '-infinity' FROM added GROUP BY 1 ORDER BY 1
    ON CONFLICT (certificate_id) DO UPDATE SET is_news = true, due_at = '-infinity';
    RETURN NULL;
END
$$;
CREATE TRIGGER pin_queue_match AFTER INSERT ON match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pin_queue_match();
-- Two certificates that turn out to be one issuance: the matches move.
CREATE TRIGGER pin_queue_moved_match AFTER UPDATE ON match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pin_queue_match();

CREATE FUNCTION pin_queue_certificate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO pin_case AS q (certificate_id, queued_at, is_news, due_at)
    SELECT NEW.certificate_id, NEW.first_seen_at, true, '-infinity' WHERE EXISTS (SELECT FROM match m WHERE m.certificate_id = NEW.certificate_id)
    ON CONFLICT (certificate_id) DO UPDATE SET due_at = '-infinity';
    RETURN NULL;
END
$$;
-- The final certificate has a digest that whole-certificate pins may match.
CREATE TRIGGER pin_queue_certificate AFTER UPDATE ON certificate FOR EACH ROW
    WHEN (OLD.issuer_state <> NEW.issuer_state OR OLD.issuer_spki_sha256 IS DISTINCT FROM NEW.issuer_spki_sha256
          OR OLD.certificate_sha256 IS DISTINCT FROM NEW.certificate_sha256)
    EXECUTE FUNCTION pin_queue_certificate();

-- Queues what pins p_pins, CA keys p_ca_keys or something that began or ended by itself at p_turned_at (the last such time) may change for unexpired
-- certificates, the newest first, p_limit of them at most. True: there are more. It is its own transaction, so that nobody's import waits for certificates.
CREATE FUNCTION pin_cases_renew(p_pins bigint, p_ca_keys bigint, p_turned_at timestamptz, p_now timestamptz, p_limit integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    round pin_round;
    is_back boolean;
    is_changed boolean;
    looked bigint[];
    wanted bigint[];
    held bigint[];
    missed bigint;
BEGIN
    SELECT * INTO round FROM pin_round FOR UPDATE;
    -- Somebody judged as of a time that has not come: a clock was wrong. Two that differ let each round end.
    is_back := round.judged_at > p_now + interval '2 minutes';
    is_changed := p_pins > round.pins OR p_turned_at > round.through_at OR (is_back AND round.renewing_below IS NULL);
    IF is_changed OR p_ca_keys > round.ca_keys THEN
        round.is_full := is_changed OR (round.is_full AND round.renewing_below IS NOT NULL);
        round.renewing_below := 9223372036854775807;
        round.pins := greatest(p_pins, round.pins);
        round.ca_keys := greatest(p_ca_keys, round.ca_keys);
        round.judged_at := CASE WHEN is_changed AND is_back THEN p_now ELSE round.judged_at END;
    ELSIF round.renewing_below IS NULL AND p_now <= round.judged_at + interval '1 minute' THEN
        RETURN false;
    END IF;
    round.through_at := CASE WHEN is_back THEN p_turned_at ELSE greatest(p_turned_at, round.through_at) END;
    round.judged_at := greatest(p_now, round.judged_at);
    IF round.renewing_below IS NOT NULL THEN
        -- Most certificates may be over, or nobody's: so many are looked at, whatever comes out.
        looked := ARRAY(SELECT certificate_id FROM certificate WHERE certificate_id < round.renewing_below ORDER BY certificate_id DESC LIMIT 4 * p_limit);
        wanted := ARRAY(SELECT c.certificate_id FROM certificate c
                         WHERE c.certificate_id = ANY (looked) AND coalesce(c.not_after, 'infinity') > p_now
                           AND EXISTS (SELECT FROM match m WHERE m.certificate_id = c.certificate_id)
                           AND (round.is_full OR EXISTS (SELECT FROM pin_verdict v WHERE v.certificate_id = c.certificate_id AND v.until_at IS NULL))
                         ORDER BY c.certificate_id DESC LIMIT p_limit);
        round.renewing_below := CASE WHEN cardinality(wanted) = p_limit THEN wanted[p_limit] WHEN cardinality(looked) = 4 * p_limit THEN looked[4 * p_limit] END;
        -- Whoever holds a certificate may wait for one of ours: we wait for nobody, and come back for him.
        held := ARRAY(SELECT certificate_id FROM certificate WHERE certificate_id = ANY (wanted) FOR NO KEY UPDATE SKIP LOCKED);
        missed := (SELECT max(id) FROM unnest(wanted) AS id WHERE id <> ALL (held));
        round.renewing_below := coalesce(missed + 1, round.renewing_below);
        INSERT INTO pin_case (certificate_id, queued_at, is_news, due_at)
        SELECT id, p_now, NOT round.is_full AND EXISTS (SELECT FROM pin_verdict v WHERE v.certificate_id = id AND v.until_at IS NULL AND v.is_news), '-infinity'
          FROM unnest(held) AS id WHERE missed IS NULL OR id > missed ORDER BY id
        ON CONFLICT (certificate_id) DO UPDATE SET due_at = '-infinity';
    END IF;
    UPDATE pin_round SET pins = round.pins, ca_keys = round.ca_keys, through_at = round.through_at, judged_at = round.judged_at,
           renewing_below = round.renewing_below, is_full = round.is_full;
    RETURN round.renewing_below IS NOT NULL;
END
$$;

-- Takes due cases, so that nobody else does before p_until: a row for each DNS name, the certificates in order; the newest certificates first. Nothing for
-- whom it is not yet what others have judged by; nobody puts off for an hour: a clock that was wrong did.
CREATE FUNCTION pin_cases_take(p_now timestamptz, p_until timestamptz, p_limit integer)
    RETURNS TABLE (certificate_id bigint, queued_at timestamptz, is_news boolean, issuer_state text, issuer_spki_sha256 bytea, spki_sha256 bytea,
                   certificate_sha256 bytea, is_over boolean, tenants bigint[], name text) LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH due AS (
        SELECT q.certificate_id FROM pin_case q WHERE (q.due_at <= p_now OR q.due_at > p_now + interval '1 hour') AND p_now >= (SELECT through_at FROM pin_round)
                 ORDER BY q.certificate_id DESC LIMIT p_limit FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE pin_case q SET due_at = p_until FROM due WHERE q.certificate_id = due.certificate_id RETURNING q.*)
    SELECT c.certificate_id, t.queued_at, t.is_news, c.issuer_state, c.issuer_spki_sha256, c.spki_sha256, c.certificate_sha256,
           coalesce(c.not_after < p_now, false),
           ARRAY(SELECT DISTINCT m.tenant_id::bigint FROM match m WHERE m.certificate_id = c.certificate_id ORDER BY 1), n.value
      FROM taken t JOIN certificate c ON c.certificate_id = t.certificate_id
      LEFT JOIN LATERAL (SELECT DISTINCT lower(x->>'value') FROM jsonb_array_elements(c.names) x WHERE x->>'type' = 'dns') n (value) ON true
     ORDER BY c.certificate_id DESC, n.value
    $$;

-- While nobody has releases (pins p_pins): settles due cases that nothing stands about. Returns how many.
CREATE FUNCTION pin_cases_settle(p_pins bigint, p_now timestamptz, p_limit integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    due bigint[];
    settled integer;
BEGIN
    -- First the cases, then the generation, as in pin_verdicts_save.
    due := ARRAY(SELECT q.certificate_id FROM pin_case q
                  WHERE q.due_at <= p_now AND NOT EXISTS (SELECT FROM pin_verdict v WHERE v.certificate_id = q.certificate_id AND v.until_at IS NULL)
                  ORDER BY q.certificate_id DESC LIMIT p_limit FOR UPDATE SKIP LOCKED);
    DELETE FROM pin_case WHERE certificate_id = ANY (due) AND (SELECT pins = p_pins FROM generation);
    GET DIAGNOSTICS settled = ROW_COUNT;
    RETURN settled;
END
$$;

-- What was learned of it since it was taken makes it due at once, all the same.
CREATE FUNCTION pin_case_put_off(p_certificate bigint, p_until timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$ UPDATE pin_case SET due_at = p_until WHERE certificate_id = p_certificate AND due_at > '-infinity' $$;

-- Ends the rows of a tenant that p_rows does not repeat, and adds the others. Mostly nothing has changed.
CREATE FUNCTION pin_rows_save(p_tenant integer, p_certificate bigint, p_rows jsonb, p_is_news boolean, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    standing bigint[];
    wanted pin_verdict[];
BEGIN
    wanted := ARRAY(SELECT ROW(p_tenant, NULL, p_certificate, x.app, x.platform, x.version, x.name, x.host, x.verdict, x.role, x.is_enforced, x.pin, x.document, x.why,
                               p_is_news, p_now, NULL)::pin_verdict
                      FROM jsonb_to_recordset(p_rows) AS x (app text, platform text, version text, name text, host text, verdict text, role text, is_enforced boolean,
                                                            pin text, document text, why text));
    standing := ARRAY(SELECT v.verdict_id FROM unnest(wanted) AS x JOIN pin_verdict v
                          ON (v.app, v.platform, v.version, v.name, v.host, v.verdict, v.role, v.is_enforced, v.pin, v.document, v.why)
                           = (x.app, x.platform, x.version, x.name, x.host, x.verdict, x.role, x.is_enforced, x.pin, x.document, x.why)
                       WHERE v.certificate_id = p_certificate AND v.tenant_id = p_tenant AND v.until_at IS NULL);
    UPDATE pin_verdict v SET until_at = greatest(p_now, v.from_at)
     WHERE v.tenant_id = p_tenant AND v.certificate_id = p_certificate AND v.until_at IS NULL AND v.verdict_id <> ALL (standing);
    IF cardinality(standing) = cardinality(wanted) THEN
        RETURN;
    END IF;
    INSERT INTO pin_verdict (tenant_id, certificate_id, app, platform, version, name, host, verdict, role, is_enforced, pin, document, why, is_news, from_at)
    SELECT x.tenant_id, x.certificate_id, x.app, x.platform, x.version, x.name, x.host, x.verdict, x.role, x.is_enforced, x.pin, x.document, x.why, x.is_news, x.from_at
      FROM unnest(wanted) AS x
    ON CONFLICT (certificate_id, tenant_id, app, platform, version, name) WHERE until_at IS NULL DO NOTHING;
END
$$;

-- A finding has become worse than p_before: told to the channels that it was not bad enough for.
CREATE FUNCTION pin_miss_tell(p_tenant integer, p_finding bigint, p_before text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    worse finding;
    channels text[];
    id bigint;
BEGIN
    SELECT * INTO worse FROM finding WHERE tenant_id = p_tenant AND finding_id = p_finding;
    channels := ARRAY(SELECT c.name FROM channel c
                       WHERE c.tenant_id = p_tenant AND c.is_enabled AND severity_rank(c.least_severity) > severity_rank(p_before)
                         AND severity_rank(c.least_severity) <= severity_rank(worse.severity)
                         AND NOT EXISTS (SELECT FROM alert a JOIN delivery d ON d.tenant_id = a.tenant_id AND d.alert_id = a.alert_id
                                          WHERE a.tenant_id = p_tenant AND a.finding_id = p_finding AND d.channel_tenant_id = p_tenant AND d.channel = c.name));
    IF cardinality(channels) = 0 THEN
        RETURN;
    END IF;
    INSERT INTO alert (tenant_id, finding_id, rule, severity, body, pem, created_at)
    VALUES (p_tenant, p_finding, worse.rule, worse.severity, worse.evidence || jsonb_build_object('opened_at', rfc3339(worse.opened_at)),
            certificate_pem(worse.certificate_id), p_now)
    RETURNING alert_id INTO id;
    INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at, idempotency_key)
    SELECT p_tenant, id, p_tenant, name, 'queued', p_now, alert_key(p_tenant, p_finding, worse.rule, p_tenant, name) FROM unnest(channels) AS name;
    PERFORM pg_notify('pinwatch_outbox', '');
END
$$;

-- The finding about the same certificate in a row whose issuer is not proven, or beside which this one's is not: told already. One whose issuer is
-- proven takes it over; the other row will be merged, or be judged by itself once its issuer is known.
CREATE FUNCTION pin_miss_of_twin(p_tenant integer, p_certificate bigint) RETURNS finding LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    about certificate;
    told finding;
BEGIN
    SELECT * INTO about FROM certificate WHERE certificate_id = p_certificate;
    PERFORM pg_advisory_xact_lock(hashtextextended('certificate.pin-miss ' || encode(about.tbs_sha256, 'hex'), 0)); -- both may be judged at one time
    SELECT f.* INTO told FROM finding f JOIN certificate o USING (certificate_id)
     WHERE o.tbs_sha256 = about.tbs_sha256 AND o.certificate_id <> p_certificate AND (o.issuer_spki_sha256 IS NULL OR about.issuer_spki_sha256 IS NULL)
       AND f.tenant_id = p_tenant AND f.rule = 'certificate.pin-miss' ORDER BY f.finding_id DESC LIMIT 1 FOR UPDATE OF f;
    IF told.finding_id IS NOT NULL AND about.issuer_spki_sha256 IS NOT NULL THEN
        UPDATE finding SET certificate_id = p_certificate, subject = 'certificate:' || p_certificate,
               evidence = evidence || jsonb_build_object('certificate_id', p_certificate)
         WHERE tenant_id = p_tenant AND finding_id = told.finding_id RETURNING * INTO told;
    END IF;
    RETURN told;
END
$$;

-- One finding for a certificate and tenant: told when it opens, kept up to date, ended when nobody refuses it any more, and open again, without being told
-- again, where that ends by itself. What a person decided stays.
CREATE FUNCTION pin_miss_set(p_tenant integer, p_certificate bigint, p_body jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    known finding;
    severity_ text;
    is_unexpected boolean;
    evidence_ jsonb;
BEGIN
    SELECT * INTO known FROM finding WHERE rule = 'certificate.pin-miss' AND tenant_id = p_tenant AND certificate_id = p_certificate
     ORDER BY finding_id DESC LIMIT 1 FOR UPDATE;
    IF p_body IS NULL THEN
        IF known.state IN ('open', 'acknowledged') THEN
            UPDATE finding SET state = 'resolved', closed_at = p_now WHERE tenant_id = p_tenant AND finding_id = known.finding_id;
            INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
            VALUES (p_tenant, known.finding_id, p_now, 'pinwatch', 'resolved', 'no live release refuses the certificate any more');
        END IF;
        RETURN;
    END IF;
    IF known.finding_id IS NULL THEN
        known := pin_miss_of_twin(p_tenant, p_certificate);
        IF known.certificate_id <> p_certificate THEN
            RETURN;
        END IF;
    END IF;
    is_unexpected := EXISTS (SELECT FROM finding f WHERE f.tenant_id = p_tenant AND f.certificate_id = p_certificate
                                AND f.rule = 'certificate.unexpected-issuer' AND f.state IN ('open', 'acknowledged'));
    severity_ := CASE WHEN is_unexpected THEN p_body->>'severity_unexpected' ELSE p_body->>'severity' END;
    evidence_ := p_body - 'severity' - 'severity_unexpected';
    IF is_unexpected THEN
        evidence_ := jsonb_set(evidence_, '{reasons}', evidence_->'reasons' || '["its issuer is unexpected, too"]');
    END IF;
    IF known.finding_id IS NULL THEN
        PERFORM finding_raise(p_tenant, 'certificate.pin-miss', severity_, 'certificate:' || p_certificate,
                              caa_certificate_facts(p_tenant, p_certificate) || evidence_
                              || jsonb_build_object('is_drill', (SELECT is_drill FROM certificate WHERE certificate_id = p_certificate)),
                              p_certificate, NULL, p_now);
        RETURN;
    END IF;
    UPDATE finding SET evidence = evidence || evidence_, last_seen_at = greatest(last_seen_at, p_now),
           severity = CASE WHEN severity_rank(severity) < severity_rank(severity_) THEN severity_ ELSE severity END
     WHERE tenant_id = p_tenant AND finding_id = known.finding_id;
    IF known.state = 'resolved' AND (SELECT who = 'pinwatch' FROM finding_event e WHERE e.tenant_id = p_tenant AND e.finding_id = known.finding_id
                                      ORDER BY event_id DESC LIMIT 1) THEN
        UPDATE finding SET state = 'open', closed_at = NULL WHERE tenant_id = p_tenant AND finding_id = known.finding_id;
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
        VALUES (p_tenant, known.finding_id, p_now, 'pinwatch', 'reopened', 'a live release refuses the certificate again');
        known.state := 'open';
    END IF;
    IF known.state = 'open' THEN
        PERFORM pin_miss_tell(p_tenant, known.finding_id, known.severity, p_now);
    END IF;
END
$$;

-- Records the verdicts on one certificate, judged as of p_issuer, pins p_pins, CA keys p_ca_keys and p_now: false, and nothing done, when these have
-- changed, or something has begun or ended since.
-- p_tenants: [{"tenant","rows":[…],"finding":{…} or null}] of every tenant that it matched. p_due: when to judge again; null: it is settled.
CREATE FUNCTION pin_verdicts_save(p_certificate bigint, p_issuer bytea, p_pins bigint, p_ca_keys bigint, p_tenants jsonb, p_due timestamptz, p_now timestamptz)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    judged certificate;
    taken pin_case;
    item jsonb;
BEGIN
    -- A crash that loses it loses the settling, too: it is judged again, and told under the same key. Who sends an alert has written all of this before.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO judged FROM certificate WHERE certificate_id = p_certificate FOR NO KEY UPDATE;
    IF NOT FOUND OR judged.issuer_spki_sha256 IS DISTINCT FROM p_issuer THEN
        RETURN false;
    END IF;
    -- First the case, then what it is judged by: who queues it again for a newer one comes before both, or after all of this.
    SELECT * INTO taken FROM pin_case WHERE certificate_id = p_certificate FOR UPDATE;
    IF NOT FOUND OR NOT (SELECT g.pins = p_pins AND g.ca_keys = p_ca_keys AND p_now >= r.through_at FROM generation g, pin_round r) THEN
        RETURN false;
    END IF;
    FOR item IN SELECT value FROM jsonb_array_elements(p_tenants) ORDER BY (value->>'tenant')::integer LOOP
        PERFORM pin_rows_save((item->>'tenant')::integer, p_certificate, item->'rows', taken.is_news, p_now);
        PERFORM pin_miss_set((item->>'tenant')::integer, p_certificate, NULLIF(item->'finding', 'null'), p_now);
    END LOOP;
    IF p_due IS NULL THEN
        DELETE FROM pin_case WHERE certificate_id = p_certificate;
    ELSE
        UPDATE pin_case SET due_at = p_due WHERE certificate_id = p_certificate;
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON pin_verdict, pin_case, pin_round FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pin_queue_match(), pin_queue_certificate(), pin_cases_renew(bigint, bigint, timestamptz, timestamptz, integer),
    pin_cases_take(timestamptz, timestamptz, integer), pin_cases_settle(bigint, timestamptz, integer), pin_case_put_off(bigint, timestamptz), pin_rows_save(integer, bigint, jsonb, boolean, timestamptz),
    pin_miss_tell(integer, bigint, text, timestamptz), pin_miss_of_twin(integer, bigint), pin_miss_set(integer, bigint, jsonb, timestamptz), pin_verdicts_save(bigint, bytea, bigint, bigint, jsonb, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pin_cases_renew(bigint, bigint, timestamptz, timestamptz, integer), pin_cases_take(timestamptz, timestamptz, integer),
    pin_cases_settle(bigint, timestamptz, integer), pin_case_put_off(bigint, timestamptz),
    pin_verdicts_save(bigint, bytea, bigint, bigint, jsonb, timestamptz, timestamptz) TO pinwatch_monitor;
GRANT SELECT ON pin_verdict, pin_case, pin_round TO pinwatch_cli, pinwatch_report;
