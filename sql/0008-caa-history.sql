-- Step 8: CAA answers over time, who polls them, and what is told of their changes. docs/schema.md describes it.
-- One poller at a time works on all names: its lease, fencing number and the number of its commit are checked in every commit.

SET LOCAL search_path = pinwatch, pg_temp;

CREATE TABLE caa_lease (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    holder      text NOT NULL DEFAULT '',
    fencing     bigint NOT NULL DEFAULT 0,      -- grows with every change of holder
    expires_at  timestamptz NOT NULL DEFAULT '-infinity',
    commits     bigint NOT NULL DEFAULT 0       -- number of the last commit: one that is repeated does nothing
);
INSERT INTO caa_lease DEFAULT VALUES;

-- ---------------------------------------------------------------- the world: answers

-- A run: a resolver said the same about an owner from first to last, without a gap over twice the poll interval. The run that goes
-- on; also of names that are polled no longer, until retention.
CREATE TABLE caa_now (
    owner              text NOT NULL,           -- lower case, without the dot at the end
    resolver           text NOT NULL,           -- "192.0.2.1:53"
    outcome            text NOT NULL CHECK (outcome IN ('records', 'empty', 'failed', 'bogus')),
    why                text NOT NULL,           -- failed, bogus: 'servfail', 'timeout', …
    detail             text NOT NULL,
    records            bytea NOT NULL,          -- the set in its canonical form (formats/caa_record.h); '' when there are none
    set_sha256         bytea NOT NULL GENERATED ALWAYS AS (sha256(records)) STORED,
    first_answered_at  timestamptz NOT NULL,    -- when we heard it
    last_answered_at   timestamptz NOT NULL,
    first_true_at      timestamptz NOT NULL,    -- less the age that the remaining TTL betrays
    last_true_at       timestamptz NOT NULL,
    interval_seconds   integer NOT NULL,        -- the longest poll interval in it
    ttl_max            bigint NOT NULL,
    ttl_first          bigint NOT NULL,         -- of the first answer: later ones may show how old that was
    answers            bigint NOT NULL DEFAULT 1,
    is_from_validator  boolean NOT NULL,
    is_authenticated   boolean NOT NULL,
    is_nonexistent     boolean NOT NULL,        -- NXDOMAIN
    chain              text[] NOT NULL,         -- alias targets of the last answer
    good_outcome       text CHECK (good_outcome IN ('records', 'empty')), -- what it said before it failed; null while it does not
    good_records       bytea,
    good_at            timestamptz,
    PRIMARY KEY (owner, resolver)
) WITH (fillfactor = 70);

-- Runs that have ended, each written once, when it ended. Partitioned by its end, see caa_ensure_partitions.
CREATE TABLE caa_past (
    owner              text NOT NULL,
    resolver           text NOT NULL,
    outcome            text NOT NULL,
    why                text NOT NULL,
    detail             text NOT NULL,
    records            bytea NOT NULL,
    set_sha256         bytea NOT NULL,
    first_answered_at  timestamptz NOT NULL,
    last_answered_at   timestamptz NOT NULL,
    first_true_at      timestamptz NOT NULL,
    last_true_at       timestamptz NOT NULL,
    interval_seconds   integer NOT NULL,
    ttl_max            bigint NOT NULL,
    answers            bigint NOT NULL,
    is_from_validator  boolean NOT NULL,
    is_authenticated   boolean NOT NULL,
    is_nonexistent     boolean NOT NULL,
    chain              text[] NOT NULL,
    PRIMARY KEY (owner, resolver, last_answered_at, first_answered_at)
) PARTITION BY RANGE (last_answered_at);
CREATE TABLE caa_past_default PARTITION OF caa_past DEFAULT;

CREATE VIEW caa_run AS
    SELECT owner, resolver, outcome, why, detail, records, set_sha256, first_answered_at, last_answered_at, first_true_at, last_true_at,
           interval_seconds, ttl_max, answers, is_from_validator, is_authenticated, is_nonexistent, chain FROM caa_past
    UNION ALL
    SELECT owner, resolver, outcome, why, detail, records, set_sha256, first_answered_at, last_answered_at, first_true_at, last_true_at,
           interval_seconds, ttl_max, answers, is_from_validator, is_authenticated, is_nonexistent, chain FROM caa_now;

-- What is taken for true at an owner: the newest set that a resolver changed to. The other resolvers follow it without being news.
CREATE TABLE caa_owner (
    owner        text PRIMARY KEY,
    outcome      text NOT NULL CHECK (outcome IN ('records', 'empty')),
    records      bytea NOT NULL,
    resolver     text NOT NULL,
    accepted_at  timestamptz NOT NULL
);

-- Changes of a relevant set of watched names. Sets are what the owner had itself; who may issue goes by the relevant sets.
CREATE TABLE caa_change (
    change_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner                text NOT NULL,
    resolver             text NOT NULL,         -- that said so first
    before_outcome       text NOT NULL,
    before_records       bytea NOT NULL,
    after_outcome        text NOT NULL,
    after_records        bytea NOT NULL,
    changed_at           timestamptz NOT NULL,
    last_at              timestamptz NOT NULL,  -- the same to and fro within a day is one change
    times                bigint NOT NULL DEFAULT 1,
    gained               text[] NOT NULL,       -- CAA domains that may issue now and could not before
    is_any_gained        boolean NOT NULL,      -- any CA may, and not before
    wildcard_gained      text[] NOT NULL,
    is_wildcard_any_gained boolean NOT NULL
);
CREATE INDEX caa_change_owner ON caa_change (owner, changed_at);

-- Whose names it concerned, and the finding that said so.
CREATE TABLE caa_change_told (
    tenant_id   integer NOT NULL,
    change_id   bigint NOT NULL REFERENCES caa_change ON DELETE CASCADE,
    finding_id  bigint NOT NULL,
    PRIMARY KEY (tenant_id, change_id),
    FOREIGN KEY (tenant_id, finding_id) REFERENCES finding ON DELETE CASCADE
);
CREATE INDEX caa_change_told_finding ON caa_change_told (tenant_id, finding_id);

-- What `pinwatch doctor` shows; written every few seconds, worth nothing after a crash.
CREATE TABLE caa_status (
    resolver            text PRIMARY KEY,
    is_validating       boolean NOT NULL,
    state               text NOT NULL CHECK (state IN ('starting', 'answering', 'failing')),
    owners              bigint NOT NULL,        -- polled
    owners_failing      bigint NOT NULL,
    answers_per_second  double precision NOT NULL,
    overdue_seconds     double precision NOT NULL, -- how late the next question is
    last_error          text NOT NULL,
    last_error_at       timestamptz,
    last_success_at     timestamptz,
    updated_at          timestamptz NOT NULL
);

-- Certificates that matched since the poller last asked, in any order of commits.
CREATE TABLE caa_fresh (
    certificate_id  bigint PRIMARY KEY
);

CREATE FUNCTION caa_note_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO caa_fresh SELECT DISTINCT certificate_id FROM added ORDER BY 1 ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER caa_note_match AFTER INSERT ON match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION caa_note_match();

-- ---------------------------------------------------------------- the poller's lease

-- Takes or renews, as leases_take does for logs. Fencing number 0: somebody else polls.
CREATE FUNCTION caa_lease_take(p_holder text, p_predecessor text, p_ttl_seconds integer)
    RETURNS TABLE (fencing bigint, commits bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    RETURN QUERY UPDATE caa_lease l
       SET holder = p_holder, expires_at = lease_instant() + make_interval(secs => p_ttl_seconds),
           fencing = l.fencing + CASE WHEN l.holder = p_holder THEN 0 ELSE 1 END
     WHERE l.holder = p_holder OR l.expires_at <= lease_instant()
        OR l.expires_at > lease_instant() + make_interval(secs => 2 * p_ttl_seconds)
        OR (p_predecessor <> '' AND starts_with(l.holder, p_predecessor))
    RETURNING l.fencing, l.commits;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 0::bigint, 0::bigint;
    END IF;
END
$$;

CREATE FUNCTION caa_lease_release(p_holder text, p_fencing bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE caa_lease SET expires_at = '-infinity' WHERE holder = p_holder AND fencing = p_fencing
    $$;

-- Every commit begins here. Returns the number of the last one.
CREATE FUNCTION caa_lease_check(p_holder text, p_fencing bigint) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    held caa_lease;
BEGIN
    SELECT * INTO STRICT held FROM caa_lease FOR UPDATE;
    IF held.holder <> p_holder OR held.fencing <> p_fencing THEN
        RAISE EXCEPTION 'CAA: its lease is held by % with fencing number %, not by % with %', held.holder, held.fencing, p_holder, p_fencing
            USING ERRCODE = 'PW001';
    END IF;
    IF held.expires_at <= lease_instant() THEN
        RAISE EXCEPTION 'CAA: the lease of % has expired', p_holder USING ERRCODE = 'PW004';
    END IF;
    RETURN held.commits;
END
$$;

-- ---------------------------------------------------------------- names

-- Does a watch that is still there, and is not of everything or of a top-level domain, want its names?
CREATE FUNCTION caa_is_wanted(p_certificate bigint) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT EXISTS (SELECT FROM match m JOIN watch w ON w.tenant_id = m.tenant_id AND w.watch_id = m.watch_id
                    WHERE m.certificate_id = p_certificate AND (w.kind NOT IN ('name', 'subtree') OR strpos(w.value, '.') > 0))
    $$;

-- DNS names of unexpired certificates that somebody's watch matched, after p_after, in the order of certificates.
CREATE FUNCTION caa_names_page(p_after bigint, p_limit integer, p_now timestamptz)
    RETURNS TABLE (certificate_id bigint, not_after timestamptz, name text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT c.certificate_id, c.not_after, n->>'value'
      FROM (SELECT o.certificate_id, o.not_after,
                   CASE WHEN o.not_after > p_now AND caa_is_wanted(o.certificate_id) THEN o.names ELSE '[]' END AS names
              FROM certificate o WHERE o.certificate_id > p_after ORDER BY o.certificate_id LIMIT p_limit) c
      LEFT JOIN LATERAL jsonb_array_elements(c.names) n ON n->>'type' = 'dns'
     ORDER BY c.certificate_id
    $$;

-- The same of those that matched since the last call, which are forgotten by this one.
CREATE FUNCTION caa_names_fresh(p_holder text, p_fencing bigint, p_limit integer, p_now timestamptz)
    RETURNS TABLE (certificate_id bigint, not_after timestamptz, name text) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM caa_lease_check(p_holder, p_fencing);
    RETURN QUERY
    WITH taken AS (DELETE FROM caa_fresh f WHERE f.certificate_id IN (SELECT o.certificate_id FROM caa_fresh o ORDER BY 1 LIMIT p_limit
                                                                         FOR UPDATE SKIP LOCKED)
                   RETURNING f.certificate_id)
    SELECT c.certificate_id, c.not_after, n->>'value'
      FROM (SELECT o.certificate_id, o.not_after,
                   CASE WHEN o.not_after > p_now AND caa_is_wanted(o.certificate_id) THEN o.names ELSE '[]' END AS names
              FROM taken JOIN certificate o USING (certificate_id)) c
      LEFT JOIN LATERAL jsonb_array_elements(c.names) n ON n->>'type' = 'dns'
     ORDER BY c.certificate_id;
END
$$;

-- Before all names are read anew.
CREATE FUNCTION caa_names_forget(p_holder text, p_fencing bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM caa_lease_check(p_holder, p_fencing);
    DELETE FROM caa_fresh;
END
$$;

-- Where nobody has polled for an hour the list is of no use: who begins reads all names.
CREATE FUNCTION caa_names_tidy() RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    DELETE FROM caa_fresh WHERE (SELECT expires_at FROM caa_lease) < lease_instant() - interval '1 hour'
    $$;

-- ---------------------------------------------------------------- what is told

-- Has somebody resolved just this? What has a fingerprint is not told again then.
CREATE FUNCTION caa_is_settled(p_tenant integer, p_rule text, p_subject text, p_fingerprint text) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT p_fingerprint <> '' AND coalesce((
        SELECT f.evidence->>'fingerprint' = p_fingerprint AND e.who <> 'pinwatch'
          FROM finding f JOIN finding_event e ON e.tenant_id = f.tenant_id AND e.finding_id = f.finding_id AND e.what = 'resolved'
         WHERE f.tenant_id = p_tenant AND f.rule = p_rule AND f.rule LIKE 'caa.%' AND f.subject = p_subject AND f.state = 'resolved'
         ORDER BY f.finding_id DESC, e.event_id DESC LIMIT 1), false)
    $$;

-- A condition holds for exactly these tenants now: p_item {"rule","subject","fingerprint","note","tenants":[{"tenant","severity","body"}]}. Findings of others end. One
-- with another fingerprint is another fact: the old finding ends, a new one begins.
CREATE FUNCTION caa_condition_set(p_item jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    tenant jsonb;
    fingerprint_ text := coalesce(p_item->>'fingerprint', '');
    outcome raised;
BEGIN
    WITH ended AS (
        UPDATE finding f SET state = 'resolved', closed_at = p_now
         WHERE f.rule = p_item->>'rule' AND f.rule LIKE 'caa.%' AND f.subject = p_item->>'subject' AND f.state IN ('open', 'acknowledged')
           AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_item->'tenants') t
                            WHERE (t->>'tenant')::integer = f.tenant_id AND coalesce(f.evidence->>'fingerprint', '') = fingerprint_)
        RETURNING tenant_id, finding_id)
    INSERT INTO finding_event (tenant_id, finding_id, at, who, what, note)
    SELECT tenant_id, finding_id, p_now, 'pinwatch', 'resolved', p_item->>'note' FROM ended;
    FOR tenant IN SELECT value FROM jsonb_array_elements(p_item->'tenants') LOOP
        UPDATE finding f SET last_seen_at = greatest(f.last_seen_at, p_now), evidence = f.evidence || (tenant->'body')
         WHERE f.tenant_id = (tenant->>'tenant')::integer AND f.rule = p_item->>'rule' AND f.subject = p_item->>'subject' AND f.state <> 'resolved';
        IF NOT FOUND AND NOT caa_is_settled((tenant->>'tenant')::integer, p_item->>'rule', p_item->>'subject', fingerprint_) THEN
            outcome := finding_raise((tenant->>'tenant')::integer, p_item->>'rule', tenant->>'severity', p_item->>'subject',
                                     tenant->'body' || jsonb_build_object('fingerprint', fingerprint_), NULL, NULL, p_now);
        END IF;
    END LOOP;
END
$$;

-- What is open, so that a poller that starts ends it in time.
CREATE FUNCTION caa_conditions() RETURNS TABLE (rule text, subject text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT DISTINCT f.rule, f.subject FROM finding f
     WHERE f.rule IN ('caa.disagreement', 'caa.unreachable', 'caa.lint') AND f.rule LIKE 'caa.%' AND f.state IN ('open', 'acknowledged') ORDER BY 1, 2
    $$;
CREATE INDEX finding_caa ON finding (rule, subject) WHERE rule LIKE 'caa.%'; -- used where a statement says so, too

-- One change: p_item {"owner","resolver","at_ms","before_outcome","before","after_outcome","after","gained","is_any_gained","wildcard_gained",
-- "is_wildcard_any_gained","tenants":[{"tenant","severity","body"}]}. What was told within a day, and nobody has decided about since, is
-- counted; afterwards the same change is news again.
CREATE FUNCTION caa_change_record(p_item jsonb, p_blobs bytea[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    before_ bytea := coalesce(blob_at(p_blobs, p_item, 'before'), '');
    after_ bytea := coalesce(blob_at(p_blobs, p_item, 'after'), '');
    id bigint;
    times_ bigint := 1;
    tenant jsonb;
    outcome raised;
BEGIN
    UPDATE caa_change SET times = times + 1, last_at = p_now
     WHERE change_id = (SELECT max(o.change_id) FROM caa_change o WHERE o.owner = p_item->>'owner' AND o.last_at > p_now - interval '1 day'
                           AND o.before_outcome = p_item->>'before_outcome' AND o.after_outcome = p_item->>'after_outcome'
                           AND o.before_records = before_ AND o.after_records = after_)
    RETURNING change_id, times INTO id, times_;
    IF NOT FOUND THEN
        INSERT INTO caa_change (owner, resolver, before_outcome, before_records, after_outcome, after_records, changed_at, last_at,
                                gained, is_any_gained, wildcard_gained, is_wildcard_any_gained)
        VALUES (p_item->>'owner', p_item->>'resolver', p_item->>'before_outcome', before_, p_item->>'after_outcome', after_,
                time_of_ms((p_item->>'at_ms')::bigint), p_now,
                ARRAY(SELECT jsonb_array_elements_text(p_item->'gained')), (p_item->>'is_any_gained')::boolean,
                ARRAY(SELECT jsonb_array_elements_text(p_item->'wildcard_gained')), (p_item->>'is_wildcard_any_gained')::boolean)
        RETURNING change_id, times INTO id, times_;
    END IF;
    FOR tenant IN SELECT value FROM jsonb_array_elements(p_item->'tenants') LOOP
        UPDATE finding f SET occurrences = f.occurrences + 1, last_seen_at = greatest(f.last_seen_at, p_now)
          FROM caa_change_told t
         WHERE t.tenant_id = (tenant->>'tenant')::integer AND t.change_id = id
           AND f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id AND f.state IN ('open', 'suppressed');
        IF NOT FOUND THEN
            outcome := finding_raise((tenant->>'tenant')::integer, 'caa.changed', tenant->>'severity',
                                     'caa:' || (p_item->>'owner') || ':' || id || ':' || times_, tenant->'body' || jsonb_build_object('change_id', id), NULL, NULL, p_now);
            INSERT INTO caa_change_told (tenant_id, change_id, finding_id) VALUES ((tenant->>'tenant')::integer, id, outcome.finding_id)
            ON CONFLICT (tenant_id, change_id) DO UPDATE SET finding_id = excluded.finding_id;
        END IF;
    END LOOP;
END
$$;

-- Does a person of this tenant know of the change: was it delivered (unless p_needs_decision), or has somebody decided about its finding?
CREATE FUNCTION caa_change_is_known(p_tenant integer, p_change bigint, p_needs_decision boolean DEFAULT false) RETURNS boolean LANGUAGE sql STABLE
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
    $$;

-- ---------------------------------------------------------------- commits

-- Runs that begin; the one before it, of the same owner and resolver, has ended.
CREATE FUNCTION caa_runs_begin(p_runs jsonb, p_blobs bytea[]) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    INSERT INTO caa_past
    SELECT n.owner, n.resolver, n.outcome, n.why, n.detail, n.records, n.set_sha256, n.first_answered_at, n.last_answered_at, n.first_true_at,
           n.last_true_at, n.interval_seconds, n.ttl_max, n.answers, n.is_from_validator, n.is_authenticated, n.is_nonexistent, n.chain
      FROM jsonb_array_elements(p_runs) x JOIN caa_now n ON n.owner = x->>'owner' AND n.resolver = x->>'resolver'
    ON CONFLICT DO NOTHING;
    INSERT INTO caa_now AS n (owner, resolver, outcome, why, detail, records, first_answered_at, last_answered_at, first_true_at, last_true_at,
        interval_seconds, ttl_max, ttl_first, is_from_validator, is_authenticated, is_nonexistent, chain, good_outcome, good_records, good_at)
    SELECT x->>'owner', x->>'resolver', x->>'outcome', x->>'why', x->>'detail', coalesce(blob_at(p_blobs, x, 'records'), ''),
           time_of_ms((x->>'answered_ms')::bigint), time_of_ms((x->>'answered_ms')::bigint),
           time_of_ms((x->>'true_ms')::bigint), time_of_ms((x->>'true_ms')::bigint),
           (x->>'interval_s')::integer, (x->>'ttl_max_s')::bigint, (x->>'ttl_s')::bigint, (x->>'is_from_validator')::boolean,
           (x->>'is_authenticated')::boolean, (x->>'is_nonexistent')::boolean, ARRAY(SELECT jsonb_array_elements_text(x->'chain')),
           x->>'good_outcome', CASE WHEN x->>'good_outcome' IS NOT NULL THEN coalesce(blob_at(p_blobs, x, 'good_records'), '') END,
           time_of_ms((x->>'good_ms')::bigint)
      FROM jsonb_array_elements(p_runs) x
    ON CONFLICT (owner, resolver) DO UPDATE SET outcome = excluded.outcome, why = excluded.why, detail = excluded.detail,
        records = excluded.records, first_answered_at = excluded.first_answered_at, last_answered_at = excluded.last_answered_at,
        first_true_at = excluded.first_true_at, last_true_at = excluded.last_true_at, interval_seconds = excluded.interval_seconds,
        ttl_max = excluded.ttl_max, ttl_first = excluded.ttl_first, answers = 1, is_from_validator = excluded.is_from_validator,
        is_authenticated = excluded.is_authenticated, is_nonexistent = excluded.is_nonexistent, chain = excluded.chain,
        good_outcome = excluded.good_outcome, good_records = excluded.good_records, good_at = excluded.good_at;
END
$$;

-- Runs that go on. Returns how many there were.
CREATE FUNCTION caa_runs_continue(p_runs jsonb) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    counted bigint;
BEGIN
    UPDATE caa_now n SET last_answered_at = time_of_ms((x->>'answered_ms')::bigint), first_true_at = time_of_ms((x->>'first_true_ms')::bigint),
           last_true_at = time_of_ms((x->>'true_ms')::bigint), interval_seconds = (x->>'interval_s')::integer, ttl_max = (x->>'ttl_max_s')::bigint,
           answers = n.answers + 1, why = x->>'why', detail = x->>'detail', is_nonexistent = (x->>'is_nonexistent')::boolean,
           chain = ARRAY(SELECT jsonb_array_elements_text(x->'chain'))
      FROM jsonb_array_elements(p_runs) x
     WHERE n.owner = x->>'owner' AND n.resolver = x->>'resolver';
    GET DIAGNOSTICS counted = ROW_COUNT;
    RETURN counted;
END
$$;

-- Everything heard since the last commit, and what is told of it. Returns false when exactly this was recorded before. The payload is
-- described in docs/schema.md; blobs are numbered from 1.
CREATE FUNCTION caa_record(p_holder text, p_fencing bigint, p_number bigint, p_now timestamptz, p_payload jsonb, p_blobs bytea[])
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    last bigint := caa_lease_check(p_holder, p_fencing);
    item jsonb;
BEGIN
    IF last = p_number THEN
        RETURN false;
    END IF;
    IF last <> p_number - 1 THEN
        RAISE EXCEPTION 'CAA: its last commit is %, this one is %', last, p_number USING ERRCODE = 'PW002';
    END IF;
    UPDATE caa_lease SET commits = p_number;
    IF caa_runs_continue(p_payload->'continued') <> jsonb_array_length(p_payload->'continued') THEN
        RAISE EXCEPTION 'CAA: a run that goes on is not recorded (any more)' USING ERRCODE = 'PW002';
    END IF;
    PERFORM caa_runs_begin(p_payload->'begun', p_blobs);
    INSERT INTO caa_owner AS o (owner, outcome, records, resolver, accepted_at)
    SELECT DISTINCT ON (x->>'owner') x->>'owner', x->>'outcome', coalesce(blob_at(p_blobs, x, 'records'), ''), x->>'resolver', time_of_ms((x->>'at_ms')::bigint)
      FROM jsonb_array_elements(p_payload->'accepted') WITH ORDINALITY AS t (x, number)
     ORDER BY x->>'owner', number DESC -- resolvers that each change to something else in one commit: the last one counts
    ON CONFLICT (owner) DO UPDATE SET outcome = excluded.outcome, records = excluded.records, resolver = excluded.resolver,
        accepted_at = excluded.accepted_at;
    FOR item IN SELECT value FROM jsonb_array_elements(p_payload->'changes') LOOP
        PERFORM caa_change_record(item, p_blobs, p_now);
    END LOOP;
    FOR item IN SELECT value FROM jsonb_array_elements(p_payload->'conditions') LOOP
        PERFORM caa_condition_set(item, p_now);
    END LOOP;
    RETURN true;
END
$$;

CREATE FUNCTION caa_status_save(p_holder text, p_fencing bigint, p_rows jsonb, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM caa_lease_check(p_holder, p_fencing);
    DELETE FROM caa_status WHERE resolver NOT IN (SELECT x->>'resolver' FROM jsonb_array_elements(p_rows) x);
    INSERT INTO caa_status
    SELECT x->>'resolver', (x->>'is_validating')::boolean, x->>'state', (x->>'owners')::bigint, (x->>'owners_failing')::bigint,
           (x->>'answers_per_second')::double precision, (x->>'overdue_seconds')::double precision, x->>'last_error',
           time_of_ms((x->>'last_error_ms')::bigint), time_of_ms((x->>'last_success_ms')::bigint), p_now
      FROM jsonb_array_elements(p_rows) x
    ON CONFLICT (resolver) DO UPDATE SET is_validating = excluded.is_validating, state = excluded.state, owners = excluded.owners,
        owners_failing = excluded.owners_failing, answers_per_second = excluded.answers_per_second,
        overdue_seconds = excluded.overdue_seconds, last_error = excluded.last_error, last_error_at = excluded.last_error_at,
        last_success_at = excluded.last_success_at, updated_at = excluded.updated_at;
END
$$;

-- ---------------------------------------------------------------- keeping

-- As ensure_partitions does for observation: monthly partitions of caa_past (months of UTC) that cover [p_from, p_to].
CREATE FUNCTION caa_ensure_partitions(p_from timestamptz, p_to timestamptz) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
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
    PERFORM pg_advisory_xact_lock(hashtext('pinwatch.caa-partitions'));
    FOR month IN SELECT generate_series(date_trunc('month', p_from), p_to, interval '1 month') LOOP
        partition := 'caa_past_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('pinwatch.' || partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE pinwatch.%I (LIKE pinwatch.caa_past INCLUDING ALL)', partition);
        EXECUTE format('WITH moved AS (DELETE FROM pinwatch.caa_past_default WHERE last_answered_at >= $1 AND last_answered_at < $2 '
                       'RETURNING *) INSERT INTO pinwatch.%I SELECT * FROM moved', partition)
            USING month, month + interval '1 month';
        EXECUTE format('ALTER TABLE pinwatch.caa_past ATTACH PARTITION pinwatch.%I FOR VALUES FROM (%L) TO (%L)',
                       partition, month, month + interval '1 month');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Retention: runs and changes that ended before, and what is known of owners that nobody asks about any more. Returns how many rows and
-- partitions went.
CREATE FUNCTION caa_drop_older(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
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
           ON f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id WHERE t.change_id = c.change_id AND f.state <> 'resolved');
    GET DIAGNOSTICS counted = ROW_COUNT;
    RETURN gone + counted;
END
$$;

-- ---------------------------------------------------------------- who may do what

REVOKE EXECUTE ON FUNCTION caa_note_match(), caa_lease_take(text, text, integer), caa_lease_release(text, bigint), caa_lease_check(text, bigint),
    caa_names_page(bigint, integer, timestamptz), caa_names_fresh(text, bigint, integer, timestamptz), caa_names_forget(text, bigint),
    caa_is_wanted(bigint), caa_names_tidy(), caa_is_settled(integer, text, text, text), caa_condition_set(jsonb, timestamptz), caa_conditions(), caa_change_record(jsonb, bytea[], timestamptz),
    caa_change_is_known(integer, bigint, boolean), caa_runs_begin(jsonb, bytea[]),
    caa_runs_continue(jsonb), caa_record(text, bigint, bigint, timestamptz, jsonb, bytea[]),
    caa_status_save(text, bigint, jsonb, timestamptz), caa_ensure_partitions(timestamptz, timestamptz), caa_drop_older(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caa_lease_take(text, text, integer), caa_lease_release(text, bigint),
    caa_names_page(bigint, integer, timestamptz), caa_names_fresh(text, bigint, integer, timestamptz), caa_names_forget(text, bigint),
    caa_names_tidy(), caa_conditions(), caa_record(text, bigint, bigint, timestamptz, jsonb, bytea[]),
    caa_status_save(text, bigint, jsonb, timestamptz), caa_ensure_partitions(timestamptz, timestamptz), caa_drop_older(timestamptz)
    TO pinwatch_monitor;
GRANT SELECT ON caa_lease, caa_now, caa_past, caa_run, caa_owner, caa_change TO pinwatch_monitor;
GRANT SELECT ON caa_lease, caa_now, caa_past, caa_run, caa_owner, caa_change, caa_change_told, caa_status, caa_fresh
    TO pinwatch_cli, pinwatch_report;
