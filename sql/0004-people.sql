-- Step 4: what people and the alerts program do. Origins: 'apply' (one file) and 'cli' (one command).

SET LOCAL search_path = pinwatch, pg_temp;

-- ---------------------------------------------------------------- generations

CREATE FUNCTION generation_grow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        UPDATE generation SET watches = watches + (TG_TABLE_NAME = 'watch')::integer,
                              policies = policies + (TG_TABLE_NAME = 'policy')::integer,
                              channels = channels + (TG_TABLE_NAME = 'channel')::integer;
        PERFORM pg_notify('pinwatch_data', '');
    END IF;
    RETURN NULL;
END
$$;

DO $$
DECLARE
    what text;
BEGIN
    FOREACH what IN ARRAY ARRAY['watch', 'policy', 'channel'] LOOP
        EXECUTE format('CREATE TRIGGER generation_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION generation_grow()', what);
        EXECUTE format('CREATE TRIGGER generation_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION generation_grow()', what);
        EXECUTE format('CREATE TRIGGER generation_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION generation_grow()', what);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- watches, policies, channels

-- Adds watches; those that exist get the policy named ('' for none). Returns how many are new.
CREATE FUNCTION watches_add(p_tenant integer, p_kinds text[], p_values text[], p_policies text[], p_origin text, p_who text,
                            p_now timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    missing text;
    added bigint;
BEGIN
    SELECT p INTO missing FROM unnest(p_policies) p
     WHERE p <> '' AND NOT EXISTS (SELECT FROM policy WHERE tenant_id = p_tenant AND name = p) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'policy "%": not found', missing USING ERRCODE = 'PW003';
    END IF;
    WITH done AS (
        INSERT INTO watch AS w (tenant_id, kind, value, policy, set_by, set_who, set_at)
        SELECT DISTINCT ON (kind, value) p_tenant, kind, value, nullif(policy, ''), p_origin, p_who, p_now
          FROM unnest(p_kinds, p_values, p_policies) WITH ORDINALITY AS list (kind, value, policy, place)
         ORDER BY kind, value, place DESC
        ON CONFLICT (tenant_id, kind, value) DO UPDATE
           SET policy = excluded.policy, set_by = excluded.set_by, set_who = excluded.set_who, set_at = excluded.set_at
         WHERE w.policy IS DISTINCT FROM excluded.policy
        RETURNING xmax = 0 AS is_new)
    SELECT count(*) INTO added FROM done WHERE is_new;
    RETURN added;
END
$$;

-- A policy of a command. One of that name with other rules stays as it is: somebody else relies on it.
CREATE FUNCTION policy_set(p_tenant integer, p_name text, p_rules jsonb, p_who text, p_now timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO policy (tenant_id, name, rules, set_by, set_who, set_at) VALUES (p_tenant, p_name, p_rules, 'cli', p_who, p_now)
        ON CONFLICT (tenant_id, name) DO NOTHING;
    PERFORM FROM policy WHERE tenant_id = p_tenant AND name = p_name AND rules = p_rules;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy "%": exists with other rules', p_name USING ERRCODE = 'PW005';
    END IF;
END
$$;

CREATE FUNCTION watch_remove(p_tenant integer, p_kind text, p_value text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    DELETE FROM watch WHERE tenant_id = p_tenant AND kind = p_kind AND value = p_value;
    RETURN FOUND;
END
$$;

-- What a delivery is told when its channel goes.
CREATE FUNCTION channel_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    UPDATE delivery SET state = 'dead', last_error = 'the channel was removed', claimed_until = NULL
     WHERE channel_tenant_id = OLD.tenant_id AND channel = OLD.name AND state = 'queued';
    RETURN NULL;
END
$$;
CREATE TRIGGER channel_removed AFTER DELETE ON channel FOR EACH ROW EXECUTE FUNCTION channel_removed();

-- Makes what `apply` owns equal to the file. p_policies: [{"name","rules"}]; p_channels: [{"name","kind","configuration",
-- "secret_name","least_severity","is_enabled"}]. One row per change; before and after are null where there is nothing.
CREATE FUNCTION data_apply(p_tenant integer, p_kinds text[], p_values text[], p_watch_policies text[], p_policies jsonb,
                           p_channels jsonb, p_who text, p_now timestamptz)
    RETURNS TABLE (what text, name text, change text, before jsonb, after jsonb) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    offender text;
BEGIN
    SELECT p INTO offender FROM unnest(p_watch_policies) p
     WHERE p <> '' AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_policies) x WHERE x->>'name' = p)
       AND NOT EXISTS (SELECT FROM policy o WHERE o.tenant_id = p_tenant AND o.name = p AND o.set_by <> 'apply') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'policy "%": a watch names it, but the file does not define it', offender USING ERRCODE = 'PW003';
    END IF;
    SELECT o.name || '" of watch "' || w.value INTO offender FROM policy o
      JOIN watch w ON w.tenant_id = p_tenant AND w.policy = o.name AND w.set_by <> 'apply'
     WHERE o.tenant_id = p_tenant AND o.set_by = 'apply'
       AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_policies) x WHERE x->>'name' = o.name)
       AND NOT EXISTS (SELECT FROM unnest(p_kinds, p_values) n (k, v) WHERE n.k = w.kind AND n.v = w.value) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'policy "%": cannot be removed, that watch was set by command', offender USING ERRCODE = 'PW005';
    END IF;

    -- Policies first, because watches point to them; their removal last.
    RETURN QUERY
    WITH wanted AS (SELECT x->>'name' AS name, x->'rules' AS rules FROM jsonb_array_elements(p_policies) x),
    old AS (SELECT * FROM policy WHERE tenant_id = p_tenant),
    done AS (
        INSERT INTO policy AS p (tenant_id, name, rules, set_by, set_who, set_at)
        SELECT p_tenant, w.name, w.rules, 'apply', p_who, p_now FROM wanted w
        ON CONFLICT (tenant_id, name) DO UPDATE SET rules = excluded.rules, set_by = 'apply', set_who = excluded.set_who,
            set_at = excluded.set_at WHERE p.rules <> excluded.rules OR p.set_by <> 'apply'
        RETURNING p.name, p.rules)
    SELECT 'policy', done.name, CASE WHEN old.name IS NULL THEN 'add' WHEN old.rules <> done.rules THEN 'change' ELSE 'adopt' END,
           old.rules, done.rules FROM done LEFT JOIN old ON old.name = done.name ORDER BY done.name;

    RETURN QUERY
    WITH gone AS (
        DELETE FROM watch w WHERE w.tenant_id = p_tenant AND w.set_by = 'apply'
           AND NOT EXISTS (SELECT FROM unnest(p_kinds, p_values) n (k, v) WHERE n.k = w.kind AND n.v = w.value)
        RETURNING w.kind, w.value, w.policy)
    SELECT 'watch', kind || ' ' || value, 'remove', jsonb_build_object('policy', policy), NULL::jsonb FROM gone ORDER BY value, kind;

    RETURN QUERY
    WITH wanted AS (SELECT DISTINCT ON (kind, value) kind, value, nullif(policy, '') AS policy
                      FROM unnest(p_kinds, p_values, p_watch_policies) AS list (kind, value, policy) ORDER BY kind, value),
    old AS (SELECT w.* FROM watch w JOIN wanted USING (kind, value) WHERE w.tenant_id = p_tenant),
    done AS (
        INSERT INTO watch AS w (tenant_id, kind, value, policy, set_by, set_who, set_at)
        SELECT p_tenant, kind, value, policy, 'apply', p_who, p_now FROM wanted
        ON CONFLICT (tenant_id, kind, value) DO UPDATE SET policy = excluded.policy, set_by = 'apply',
            set_who = excluded.set_who, set_at = excluded.set_at
         WHERE w.policy IS DISTINCT FROM excluded.policy OR w.set_by <> 'apply'
        RETURNING w.kind, w.value, w.policy)
    SELECT 'watch', done.kind || ' ' || done.value,
           CASE WHEN old.kind IS NULL THEN 'add' WHEN old.policy IS DISTINCT FROM done.policy THEN 'change' ELSE 'adopt' END,
           CASE WHEN old.kind IS NULL THEN NULL ELSE jsonb_build_object('policy', old.policy) END,
           jsonb_build_object('policy', done.policy)
      FROM done LEFT JOIN old ON old.kind = done.kind AND old.value = done.value ORDER BY done.value, done.kind;

    RETURN QUERY
    WITH gone AS (
        DELETE FROM policy p WHERE p.tenant_id = p_tenant AND p.set_by = 'apply'
           AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_policies) x WHERE x->>'name' = p.name)
        RETURNING p.name, p.rules)
    SELECT 'policy', gone.name, 'remove', gone.rules, NULL::jsonb FROM gone ORDER BY gone.name;

    RETURN QUERY
    WITH gone AS (
        DELETE FROM channel c WHERE c.tenant_id = p_tenant AND c.set_by = 'apply'
           AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_channels) x WHERE x->>'name' = c.name)
        RETURNING c.*)
    SELECT 'channel', gone.name, 'remove', to_jsonb(gone) - '{tenant_id,name,set_by,set_who,set_at}'::text[], NULL::jsonb
      FROM gone ORDER BY gone.name;

    RETURN QUERY
    WITH wanted AS (SELECT * FROM jsonb_to_recordset(p_channels) AS x (name text, kind text, configuration jsonb,
                        secret_name text, least_severity text, is_enabled boolean)),
    old AS (SELECT * FROM channel WHERE tenant_id = p_tenant),
    done AS (
        INSERT INTO channel AS c (tenant_id, name, kind, configuration, secret_name, least_severity, is_enabled, set_by,
                                  set_who, set_at)
        SELECT p_tenant, w.name, w.kind, w.configuration, nullif(w.secret_name, ''), w.least_severity, w.is_enabled, 'apply',
               p_who, p_now FROM wanted w
        ON CONFLICT (tenant_id, name) DO UPDATE SET kind = excluded.kind, configuration = excluded.configuration,
            secret_name = excluded.secret_name, least_severity = excluded.least_severity, is_enabled = excluded.is_enabled,
            set_by = 'apply', set_who = excluded.set_who, set_at = excluded.set_at
         WHERE (c.kind, c.configuration, c.secret_name, c.least_severity, c.is_enabled, c.set_by) IS DISTINCT FROM
               (excluded.kind, excluded.configuration, excluded.secret_name, excluded.least_severity, excluded.is_enabled, 'apply')
        RETURNING c.*),
    shown AS (SELECT done.name, o.set_by AS old_set_by,
                     to_jsonb(o) - '{tenant_id,name,set_by,set_who,set_at}'::text[] AS before_,
                     to_jsonb(done) - '{tenant_id,name,set_by,set_who,set_at}'::text[] AS after_
                FROM done LEFT JOIN old o ON o.name = done.name)
    SELECT 'channel', s.name, CASE WHEN s.before_ IS NULL THEN 'add' WHEN s.before_ <> s.after_ THEN 'change' ELSE 'adopt' END,
           s.before_, s.after_ FROM shown s ORDER BY s.name;
END
$$;

-- ---------------------------------------------------------------- decisions

-- Somebody decides about a finding. Returns null when there is no such finding, false when it was so already.
CREATE FUNCTION finding_decide(p_finding bigint, p_state text, p_who text, p_note text, p_now timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    old finding;
BEGIN
    IF p_state NOT IN ('open', 'acknowledged', 'resolved', 'suppressed') THEN
        RAISE EXCEPTION 'state "%": wanted open, acknowledged, resolved or suppressed', p_state USING ERRCODE = 'PW005';
    END IF;
    SELECT * INTO old FROM finding WHERE finding_id = p_finding FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF old.state = p_state THEN
        RETURN false;
    END IF;
    BEGIN
        UPDATE finding SET state = p_state, closed_at = CASE WHEN p_state = 'resolved' THEN p_now END
         WHERE tenant_id = old.tenant_id AND finding_id = p_finding;
    EXCEPTION WHEN unique_violation THEN
        RAISE EXCEPTION 'finding %: cannot be reopened, a newer finding about % is not resolved', p_finding, old.subject
            USING ERRCODE = 'PW005';
    END;
    INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
    VALUES (old.tenant_id, p_finding, p_now, p_who, CASE p_state WHEN 'open' THEN 'reopened' ELSE p_state END, p_note);
    RETURN true;
END
$$;

CREATE FUNCTION alert_test(p_tenant integer, p_channel text, p_who text, p_now timestamptz) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint;
BEGIN
    PERFORM FROM channel WHERE tenant_id = p_tenant AND name = p_channel;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO alert (tenant_id, is_test, rule, severity, body, created_at)
    VALUES (p_tenant, true, 'channel.test', 'info',
            jsonb_build_object('opened_at', rfc3339(p_now), 'detail', 'A test, asked for by ' || p_who), p_now)
    RETURNING alert_id INTO id;
    INSERT INTO delivery (tenant_id, alert_id, channel_tenant_id, channel, state, next_attempt_at)
    VALUES (p_tenant, id, p_tenant, p_channel, 'queued', p_now);
    PERFORM pg_notify('pinwatch_outbox', '');
    RETURN id;
END
$$;

CREATE FUNCTION delivery_requeue(p_delivery bigint, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    UPDATE delivery d SET state = 'queued', attempts = 0, next_attempt_at = p_now, claimed_until = NULL
     WHERE delivery_id = p_delivery AND state = 'dead'
       AND EXISTS (SELECT FROM channel c WHERE c.tenant_id = d.channel_tenant_id AND c.name = d.channel);
    IF FOUND THEN
        PERFORM pg_notify('pinwatch_outbox', '');
        RETURN true;
    END IF;
    RETURN false;
END
$$;

-- ---------------------------------------------------------------- outbox

-- Claims due deliveries for p_holder, oldest first in each channel and at most p_per_channel of each; attempts count from here, so
-- that an alert that kills its sender does not live for ever. Tests go to disabled channels too.
CREATE FUNCTION deliveries_claim(p_holder text, p_now timestamptz, p_until timestamptz, p_per_channel integer, p_limit integer)
    RETURNS TABLE (tenant_id integer, delivery_id bigint, alert_id bigint, finding_id bigint, is_test boolean, rule text,
                   severity text, body jsonb, pem text, created_at timestamptz, idempotency_key uuid, attempts integer,
                   channel_tenant_id integer, channel text, kind text, configuration jsonb, secret_name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
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
         ORDER BY q.next_attempt_at, q.delivery_id LIMIT p_limit),
    claimed AS (
        UPDATE delivery d SET claimed_until = p_until, claimed_by = p_holder, attempts = d.attempts + 1 FROM due
         WHERE d.tenant_id = due.tenant_id AND d.delivery_id = due.delivery_id
        RETURNING d.*)
    SELECT d.tenant_id, d.delivery_id, d.alert_id, a.finding_id, a.is_test, a.rule, a.severity, a.body, a.pem, a.created_at,
           d.idempotency_key, d.attempts, d.channel_tenant_id, d.channel, c.kind, c.configuration, c.secret_name
      FROM claimed d JOIN alert a ON a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id
      JOIN channel c ON c.tenant_id = d.channel_tenant_id AND c.name = d.channel
     ORDER BY d.next_attempt_at, d.delivery_id
    $$;

-- Gives free what holders whose name starts with p_predecessor have claimed: they are known to be dead. Returns how many.
CREATE FUNCTION deliveries_take_over(p_predecessor text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    WITH freed AS (
        UPDATE delivery SET claimed_until = NULL
         WHERE state = 'queued' AND claimed_until IS NOT NULL AND p_predecessor <> '' AND starts_with(claimed_by, p_predecessor)
        RETURNING 1)
    SELECT count(*) FROM freed
    $$;

CREATE FUNCTION delivery_done(p_tenant integer, p_delivery bigint, p_now timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE delivery SET state = 'delivered', delivered_at = p_now, claimed_until = NULL, last_error = ''
     WHERE tenant_id = p_tenant AND delivery_id = p_delivery AND state <> 'delivered'
    $$;

CREATE FUNCTION delivery_again(p_tenant integer, p_delivery bigint, p_next timestamptz, p_error text) RETURNS void LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE delivery SET next_attempt_at = p_next, claimed_until = NULL, last_error = p_error
     WHERE tenant_id = p_tenant AND delivery_id = p_delivery AND state = 'queued'
    $$;

CREATE FUNCTION delivery_dead(p_tenant integer, p_delivery bigint, p_error text) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE delivery SET state = 'dead', claimed_until = NULL, last_error = p_error
     WHERE tenant_id = p_tenant AND delivery_id = p_delivery AND state = 'queued'
    $$;

CREATE FUNCTION deliveries_next_due() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT min(greatest(d.next_attempt_at, d.claimed_until)) FROM delivery d
      JOIN channel c ON c.tenant_id = d.channel_tenant_id AND c.name = d.channel
      JOIN alert a ON a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id
     WHERE d.state = 'queued' AND (c.is_enabled OR a.is_test)
    $$;

-- A channel keeps failing, or works again. Its own failure is told to the tenant's other channels.
CREATE FUNCTION tell_channel_event(p_tenant integer, p_channel text, p_body jsonb, p_is_over boolean, p_now timestamptz)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    id bigint;
BEGIN
    IF p_is_over THEN
        WITH ended AS (
            UPDATE finding SET state = 'resolved', closed_at = p_now
             WHERE tenant_id = p_tenant AND rule = 'channel.failing' AND subject = 'channel:' || p_channel
               AND state IN ('open', 'acknowledged') RETURNING finding_id)
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
        SELECT p_tenant, finding_id, p_now, 'pinwatch', 'resolved', 'a delivery succeeded' FROM ended;
        RETURN;
    END IF;
    UPDATE finding SET occurrences = occurrences + 1, last_seen_at = greatest(last_seen_at, p_now), evidence = p_body
     WHERE tenant_id = p_tenant AND rule = 'channel.failing' AND subject = 'channel:' || p_channel AND state <> 'resolved';
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO finding (tenant_id, rule, severity, subject, state, evidence, opened_at, last_seen_at)
    VALUES (p_tenant, 'channel.failing', 'warning', 'channel:' || p_channel, 'open', p_body, p_now, p_now)
    ON CONFLICT (tenant_id, rule, subject) WHERE state <> 'resolved' DO NOTHING
    RETURNING finding_id INTO id;
    IF FOUND THEN
        INSERT INTO finding_event (tenant_id, finding_id, at, who, what) VALUES (p_tenant, id, p_now, 'pinwatch', 'opened');
        PERFORM alert_queue(p_tenant, id, 'channel.failing', 'warning', p_body, '', p_now, p_channel);
    END IF;
END
$$;
