-- Step 13: pin documents (what apps, zones and headers pin, as it was shipped) and the releases they belong to. Each change is a new row; the rows before it
-- stay. Origins: 'apply' (one file) and 'cli' (one command). docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

ALTER TABLE generation ADD COLUMN pins bigint NOT NULL DEFAULT 1;

-- One version of a document; the one without until_at is in force. A name that was removed and set again goes on counting.
CREATE TABLE pin_document (
    tenant_id   integer NOT NULL REFERENCES tenant,
    name        text NOT NULL CHECK (name <> '' AND octet_length(name) <= 255),
    version     integer NOT NULL CHECK (version > 0),
    content     text NOT NULL,          -- docs/pins.md, Our YAML: everything that the imported file said about pins
    format      text NOT NULL,          -- of the imported file: "android"; its rules stand in the content
    source      text NOT NULL,          -- its name
    sha256      hash NOT NULL,          -- of its bytes; of a package: of the whole package
    is_applied  boolean NOT NULL,       -- belongs to the file of `apply`
    set_by      text NOT NULL CHECK (set_by IN ('apply', 'cli')),
    set_who     text NOT NULL,
    from_at     timestamptz NOT NULL,
    until_at    timestamptz CHECK (until_at >= from_at),
    ended_by    text CHECK (ended_by IN ('apply', 'cli')),
    ended_who   text,
    PRIMARY KEY (tenant_id, name, version),
    CHECK ((until_at IS NULL) = (ended_by IS NULL) AND (until_at IS NULL) = (ended_who IS NULL))
);
CREATE UNIQUE INDEX pin_document_current ON pin_document (tenant_id, name) WHERE until_at IS NULL;

-- One state of a release; the one without until_at is in force.
CREATE TABLE release (
    tenant_id       integer NOT NULL REFERENCES tenant,
    app             text NOT NULL CHECK (app <> ''),
    platform        text NOT NULL CHECK (platform <> ''),
    version         text NOT NULL CHECK (version <> ''),
    revision        integer NOT NULL CHECK (revision > 0),
    released_on     date,
    share           double precision CHECK (share BETWEEN 0 AND 1), -- of the app's users; null: not known
    end_of_support  date,
    retired_at      timestamptz,
    pins            text[] NOT NULL,    -- names of pin documents; "app.apk" stands for all "app.apk/…" where no document has the name itself
    is_applied      boolean NOT NULL,
    set_by          text NOT NULL CHECK (set_by IN ('apply', 'cli')),
    set_who         text NOT NULL,
    from_at         timestamptz NOT NULL,
    until_at        timestamptz CHECK (until_at >= from_at),
    ended_by        text CHECK (ended_by IN ('apply', 'cli')),
    ended_who       text,
    PRIMARY KEY (tenant_id, app, platform, version, revision),
    CHECK ((until_at IS NULL) = (ended_by IS NULL) AND (until_at IS NULL) = (ended_who IS NULL))
);
CREATE UNIQUE INDEX release_current ON release (tenant_id, app, platform, version) WHERE until_at IS NULL;

-- One change at a time for each tenant: versions are numbered, and releases name documents that must stay.
CREATE FUNCTION pins_lock(p_tenant integer) RETURNS void LANGUAGE sql
    SET search_path = pinwatch, pg_temp
    AS $$ SELECT pg_advisory_xact_lock(hashtext('pinwatch.pins'), p_tenant) $$;

CREATE FUNCTION pins_changed() RETURNS void LANGUAGE sql
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE generation SET pins = pins + 1;
    SELECT pg_notify('pinwatch_data', '');
    $$;

-- Does a document in force have the name that a release gives, or are there parts of a package of that name?
CREATE FUNCTION pins_are_known(p_tenant integer, p_name text) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT EXISTS (SELECT FROM pin_document WHERE tenant_id = p_tenant AND until_at IS NULL AND (name = p_name OR starts_with(name, p_name || '/')))
    $$;

-- Every release that is not retired must still have its documents.
CREATE FUNCTION releases_check(p_tenant integer) RETURNS void LANGUAGE plpgsql
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    offender record;
BEGIN
    SELECT r.app, r.platform, r.version, missing.name INTO offender
      FROM (SELECT DISTINCT p.name FROM release r, unnest(r.pins) AS p (name)
             WHERE r.tenant_id = p_tenant AND r.until_at IS NULL AND r.retired_at IS NULL AND NOT pins_are_known(p_tenant, p.name) LIMIT 1) missing
      JOIN release r ON r.tenant_id = p_tenant AND r.until_at IS NULL AND r.retired_at IS NULL AND missing.name = ANY (r.pins)
     ORDER BY r.app, r.platform, r.version LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'pins "%": release % % % names this document, which is not there, or would not be any more', offender.name, offender.app,
            offender.platform, offender.version USING ERRCODE = 'PW003';
    END IF;
END
$$;

-- Sets documents: [{"name","content","source","format","sha256"}]. One row for each, by name: its version now, what happened ('add', 'change', 'adopt': it
-- belongs to the file of `apply` now, 'same'), and the content that was in force before ('' for none).
CREATE FUNCTION pin_documents_set(p_tenant integer, p_documents jsonb, p_origin text, p_who text, p_now timestamptz)
    RETURNS TABLE (name text, version integer, change text, before text) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    wanted record;
    old pin_document;
    has_old boolean;
    made integer;
    has_changed boolean := false;
BEGIN
    PERFORM pins_lock(p_tenant);
    FOR wanted IN SELECT x.* FROM jsonb_to_recordset(p_documents) AS x (name text, content text, source text, format text, sha256 text) ORDER BY x.name LOOP
        SELECT * INTO old FROM pin_document d WHERE d.tenant_id = p_tenant AND d.name = wanted.name AND d.until_at IS NULL;
        has_old := FOUND;
        IF has_old AND old.content = wanted.content THEN
            RETURN QUERY SELECT old.name, old.version, CASE WHEN p_origin = 'apply' AND NOT old.is_applied THEN 'adopt' ELSE 'same' END, old.content;
            UPDATE pin_document d SET is_applied = true
             WHERE p_origin = 'apply' AND NOT d.is_applied AND d.tenant_id = p_tenant AND d.name = old.name AND d.version = old.version;
            CONTINUE;
        END IF;
        UPDATE pin_document d SET until_at = greatest(p_now, d.from_at), ended_by = p_origin, ended_who = p_who
         WHERE has_old AND d.tenant_id = p_tenant AND d.name = old.name AND d.version = old.version;
        SELECT coalesce(max(d.version), 0) + 1 INTO made FROM pin_document d WHERE d.tenant_id = p_tenant AND d.name = wanted.name;
        INSERT INTO pin_document (tenant_id, name, version, content, format, source, sha256, is_applied, set_by, set_who, from_at)
        VALUES (p_tenant, wanted.name, made, wanted.content, wanted.format, wanted.source, decode(wanted.sha256, 'hex'), p_origin = 'apply', p_origin, p_who,
                greatest(p_now, CASE WHEN has_old THEN old.from_at END));
        RETURN QUERY SELECT wanted.name, made, CASE WHEN has_old THEN 'change' ELSE 'add' END, CASE WHEN has_old THEN old.content ELSE '' END;
        has_changed := true;
    END LOOP;
    IF has_changed THEN
        PERFORM pins_changed();
    END IF;
END
$$;

-- Ends a document; its versions stay. False: there is none of that name in force. Refused where a release that is not retired names it.
CREATE FUNCTION pin_document_remove(p_tenant integer, p_name text, p_origin text, p_who text, p_now timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
BEGIN
    PERFORM pins_lock(p_tenant);
    UPDATE pin_document SET until_at = greatest(p_now, from_at), ended_by = p_origin, ended_who = p_who
     WHERE tenant_id = p_tenant AND name = p_name AND until_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM releases_check(p_tenant);
    PERFORM pins_changed();
    RETURN true;
END
$$;

CREATE FUNCTION release_list(p_releases jsonb) RETURNS TABLE (place bigint, app text, platform text, version text, released_on date, share double precision,
        end_of_support date, pins text[]) LANGUAGE sql IMMUTABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT place, item->>'app', item->>'platform', item->>'version', (item->>'released_on')::date, (item->>'share')::double precision,
           (item->>'end_of_support')::date, ARRAY(SELECT jsonb_array_elements_text(item->'pins'))
      FROM jsonb_array_elements(p_releases) WITH ORDINALITY AS list (item, place)
    $$;

CREATE FUNCTION release_facts(p_release release) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pinwatch, pg_temp
    AS $$
    SELECT jsonb_build_object('released_on', p_release.released_on, 'share', p_release.share, 'end_of_support', p_release.end_of_support,
                              'retired_at', rfc3339(p_release.retired_at), 'pins', p_release.pins)
    $$;

-- Sets releases: [{"app","platform","version","released_on","share","end_of_support","pins"}]. One row for each that is not as it was ('add', 'change', 'adopt').
-- A retired one stays retired unless p_revives.
CREATE FUNCTION releases_set(p_tenant integer, p_releases jsonb, p_revives boolean, p_origin text, p_who text, p_now timestamptz)
    RETURNS TABLE (app text, platform text, version text, change text, before jsonb, after jsonb) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    news bigint[];
    old jsonb;
BEGIN
    PERFORM pins_lock(p_tenant);
    SELECT coalesce(array_agg(w.place), '{}'), coalesce(jsonb_object_agg(w.place, release_facts(r)) FILTER (WHERE r.app IS NOT NULL), '{}') INTO news, old
      FROM release_list(p_releases) w LEFT JOIN release r
        ON r.tenant_id = p_tenant AND r.app = w.app AND r.platform = w.platform AND r.version = w.version AND r.until_at IS NULL
     WHERE r.app IS NULL OR (p_revives AND r.retired_at IS NOT NULL)
        OR (r.released_on, r.share, r.end_of_support, r.pins) IS DISTINCT FROM (w.released_on, w.share, w.end_of_support, w.pins);
    RETURN QUERY
    WITH adopted AS (
        UPDATE release r SET is_applied = true FROM release_list(p_releases) w
         WHERE p_origin = 'apply' AND NOT r.is_applied AND w.place <> ALL (news) AND r.tenant_id = p_tenant AND r.app = w.app AND r.platform = w.platform
           AND r.version = w.version AND r.until_at IS NULL
        RETURNING r.*)
    SELECT a.app, a.platform, a.version, 'adopt', release_facts(a), release_facts(a) FROM adopted a ORDER BY a.app, a.platform, a.version;
    IF cardinality(news) = 0 THEN
        RETURN;
    END IF;
    UPDATE release r SET until_at = greatest(p_now, r.from_at), ended_by = p_origin, ended_who = p_who FROM release_list(p_releases) w
     WHERE w.place = ANY (news) AND r.tenant_id = p_tenant AND r.app = w.app AND r.platform = w.platform AND r.version = w.version AND r.until_at IS NULL;
    INSERT INTO release (tenant_id, app, platform, version, revision, released_on, share, end_of_support, retired_at, pins, is_applied, set_by, set_who, from_at)
    SELECT p_tenant, w.app, w.platform, w.version, coalesce(last.revision, 0) + 1, w.released_on, w.share, w.end_of_support,
           CASE WHEN NOT p_revives AND old ? (w.place::text) THEN last.retired_at END, w.pins, p_origin = 'apply', p_origin, p_who,
           greatest(p_now, last.from_at)
      FROM release_list(p_releases) w LEFT JOIN LATERAL (
            SELECT r.revision, r.from_at, r.retired_at FROM release r
             WHERE r.tenant_id = p_tenant AND r.app = w.app AND r.platform = w.platform AND r.version = w.version
             ORDER BY r.revision DESC LIMIT 1) last ON true
     WHERE w.place = ANY (news);
    PERFORM releases_check(p_tenant);
    PERFORM pins_changed();
    RETURN QUERY
    SELECT r.app, r.platform, r.version, CASE WHEN old ? (w.place::text) THEN 'change' ELSE 'add' END, old->(w.place::text), release_facts(r)
      FROM release_list(p_releases) w JOIN release r
        ON r.tenant_id = p_tenant AND r.app = w.app AND r.platform = w.platform AND r.version = w.version AND r.until_at IS NULL
     WHERE w.place = ANY (news) ORDER BY w.place;
END
$$;

-- Nobody uses it any more. Null: there is no such release; false: it was retired already.
CREATE FUNCTION release_retire(p_tenant integer, p_app text, p_platform text, p_version text, p_origin text, p_who text, p_now timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    old release;
BEGIN
    PERFORM pins_lock(p_tenant);
    SELECT * INTO old FROM release WHERE tenant_id = p_tenant AND app = p_app AND platform = p_platform AND version = p_version AND until_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF old.retired_at IS NOT NULL THEN
        RETURN false;
    END IF;
    UPDATE release SET until_at = greatest(p_now, from_at), ended_by = p_origin, ended_who = p_who
     WHERE tenant_id = p_tenant AND app = p_app AND platform = p_platform AND version = p_version AND revision = old.revision;
    INSERT INTO release (tenant_id, app, platform, version, revision, released_on, share, end_of_support, retired_at, pins, is_applied, set_by, set_who, from_at)
    VALUES (p_tenant, p_app, p_platform, p_version, old.revision + 1, old.released_on, old.share, old.end_of_support, p_now, old.pins, old.is_applied, p_origin,
            p_who, greatest(p_now, old.from_at));
    PERFORM pins_changed();
    RETURN true;
END
$$;

-- Makes what `apply` owns equal to the file. One row per change, as data_apply has them.
CREATE FUNCTION pins_apply(p_tenant integer, p_documents jsonb, p_releases jsonb, p_who text, p_now timestamptz)
    RETURNS TABLE (what text, name text, change text, before jsonb, after jsonb) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    has_ended boolean := false;
BEGIN
    PERFORM pins_lock(p_tenant);
    RETURN QUERY
    SELECT 'pins', d.name, d.change, CASE d.change WHEN 'change' THEN jsonb_build_object('version', d.version - 1)
               WHEN 'adopt' THEN jsonb_build_object('version', d.version) END, jsonb_build_object('version', d.version)
      FROM pin_documents_set(p_tenant, p_documents, 'apply', p_who, p_now) d WHERE d.change <> 'same' ORDER BY d.name;
    -- What goes first: a document that a release of the file still names is missed at the end.
    RETURN QUERY
    WITH gone AS (
        UPDATE release r SET until_at = greatest(p_now, r.from_at), ended_by = 'apply', ended_who = p_who
         WHERE r.tenant_id = p_tenant AND r.is_applied AND r.until_at IS NULL
           AND NOT EXISTS (SELECT FROM release_list(p_releases) w WHERE w.app = r.app AND w.platform = r.platform AND w.version = r.version)
        RETURNING r.*)
    SELECT 'release', concat_ws(' ', g.app, g.platform, g.version), 'remove', release_facts(g), NULL::jsonb FROM gone g ORDER BY g.app, g.platform, g.version;
    has_ended := FOUND;
    RETURN QUERY
    SELECT 'release', concat_ws(' ', r.app, r.platform, r.version), r.change, r.before, r.after
      FROM releases_set(p_tenant, p_releases, false, 'apply', p_who, p_now) r;
    RETURN QUERY
    WITH gone AS (
        UPDATE pin_document d SET until_at = greatest(p_now, d.from_at), ended_by = 'apply', ended_who = p_who
         WHERE d.tenant_id = p_tenant AND d.is_applied AND d.until_at IS NULL
           AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_documents) x WHERE x->>'name' = d.name)
        RETURNING d.name, d.version)
    SELECT 'pins', g.name, 'remove', jsonb_build_object('version', g.version), NULL::jsonb FROM gone g ORDER BY g.name;
    IF FOUND OR has_ended THEN
        PERFORM releases_check(p_tenant);
        PERFORM pins_changed();
    END IF;
END
$$;

REVOKE ALL ON pin_document, release FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pins_lock(integer), pins_changed(), pins_are_known(integer, text), releases_check(integer), release_list(jsonb),
    release_facts(release), pin_documents_set(integer, jsonb, text, text, timestamptz), pin_document_remove(integer, text, text, text, timestamptz),
    releases_set(integer, jsonb, boolean, text, text, timestamptz), release_retire(integer, text, text, text, text, text, timestamptz),
    pins_apply(integer, jsonb, jsonb, text, timestamptz) FROM PUBLIC;
GRANT SELECT ON pin_document, release TO pinwatch_monitor, pinwatch_cli, pinwatch_report;
GRANT EXECUTE ON FUNCTION pin_documents_set(integer, jsonb, text, text, timestamptz), pin_document_remove(integer, text, text, text, timestamptz),
    releases_set(integer, jsonb, boolean, text, text, timestamptz), release_retire(integer, text, text, text, text, text, timestamptz),
    pins_apply(integer, jsonb, jsonb, text, timestamptz) TO pinwatch_cli;
