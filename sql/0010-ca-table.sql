-- Step 10: CA keys, owners and CAA domains that a person imported, and which keys signed which. docs/schema.md describes it.

SET LOCAL search_path = pinwatch, pg_temp;

ALTER TABLE generation ADD COLUMN ca_keys bigint NOT NULL DEFAULT 1;

-- Who imported what, when; never deleted. The newest one is in force: its keys stand in ca_key.
CREATE TABLE ca_import (
    import_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    imported_at  timestamptz NOT NULL,
    imported_by  text NOT NULL,
    is_reset     boolean NOT NULL,      -- back to the shipped table alone
    table_date   date NOT NULL,         -- of the shipped table that it was made with
    reports      jsonb NOT NULL,        -- [{"file","kind","sha256","rows","complaints"}]
    added        bigint NOT NULL,       -- keys that nobody mapped before
    changed      bigint NOT NULL,
    gone         bigint NOT NULL        -- keys that the import before mapped and this one does not
);

-- Mapped keys beside the shipped ones; they win over those of an older shipped table.
CREATE TABLE ca_key (
    spki_sha256         hash PRIMARY KEY,
    import_id           bigint NOT NULL REFERENCES ca_import,
    table_date          date NOT NULL,         -- as in ca_import
    owner               text NOT NULL CHECK (owner <> ''),
    is_root             boolean NOT NULL,
    caa_domains         text[] NOT NULL CHECK (cardinality(caa_domains) > 0),
    path_domains        text[] NOT NULL CHECK (path_domains @> caa_domains),
    is_path_complete    boolean NOT NULL,
    is_certain          boolean NOT NULL CHECK (is_path_complete OR NOT is_certain),
    certificate_sha256  hash NOT NULL,         -- one that was disclosed with it
    name                text NOT NULL
);

-- A certificate of the first key is signed by the second, and a reader has verified the signature. Keys that no table maps.
CREATE TABLE ca_link (
    spki_sha256         hash NOT NULL,
    issuer_spki_sha256  hash NOT NULL,
    seen_at             timestamptz NOT NULL,
    PRIMARY KEY (spki_sha256, issuer_spki_sha256),
    CHECK (spki_sha256 <> issuer_spki_sha256)
);

CREATE FUNCTION ca_keys_changed() RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
    UPDATE generation SET ca_keys = ca_keys + 1;
    SELECT pg_notify('pinwatch_data', '');
    $$;

-- Makes the imported keys what p_keys says ([{"spki","owner","root","domains","path","complete","certain","certificate","name"}]), in one
-- transaction with the record of who did it. p_before: the import that the person was shown the difference to; 0 for none. Returns its id.
CREATE FUNCTION ca_import_save(p_before bigint, p_who text, p_now timestamptz, p_reset boolean, p_table_date date, p_reports jsonb,
                               p_added bigint, p_changed bigint, p_gone bigint, p_keys jsonb) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pinwatch, pg_temp
    AS $$
DECLARE
    before bigint;
    made bigint;
BEGIN
    LOCK TABLE ca_import IN SHARE ROW EXCLUSIVE MODE;
    SELECT coalesce(max(import_id), 0) INTO before FROM ca_import;
    IF before <> p_before THEN
        RAISE EXCEPTION 'import %: another one, %, came between; run the command again to see the difference to it', p_before, before
            USING ERRCODE = 'PW005';
    END IF;
    INSERT INTO ca_import (imported_at, imported_by, is_reset, table_date, reports, added, changed, gone)
        VALUES (p_now, p_who, p_reset, p_table_date, p_reports, p_added, p_changed, p_gone) RETURNING import_id INTO made;
    DELETE FROM ca_key;
    INSERT INTO ca_key (spki_sha256, import_id, table_date, owner, is_root, caa_domains, path_domains, is_path_complete, is_certain,
                        certificate_sha256, name)
        SELECT decode(k.spki, 'hex'), made, p_table_date, k.owner, k.root, ARRAY(SELECT jsonb_array_elements_text(k.domains)),
               ARRAY(SELECT jsonb_array_elements_text(k.path)), k.complete, k.certain, decode(k.certificate, 'hex'), k.name
          FROM jsonb_to_recordset(p_keys) AS k (spki text, owner text, root boolean, domains jsonb, path jsonb, complete boolean,
                                                certain boolean, certificate text, name text);
    PERFORM ca_keys_changed();
    PERFORM caa_cases_renew(p_now);
    RETURN made;
END
$$;

-- Keeps verified links. Returns whether one of them is new.
CREATE FUNCTION ca_links_save(p_spki bytea[], p_issuer bytea[], p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
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
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION ca_keys_changed(), ca_import_save(bigint, text, timestamptz, boolean, date, jsonb, bigint, bigint, bigint, jsonb),
    ca_links_save(bytea[], bytea[], timestamptz) FROM PUBLIC;
REVOKE ALL ON ca_import, ca_key, ca_link FROM PUBLIC;
GRANT SELECT ON ca_key, ca_link TO pinwatch_monitor;
GRANT SELECT ON ca_import, ca_key, ca_link TO pinwatch_cli, pinwatch_report;
GRANT EXECUTE ON FUNCTION ca_links_save(bytea[], bytea[], timestamptz) TO pinwatch_monitor;
GRANT EXECUTE ON FUNCTION ca_import_save(bigint, text, timestamptz, boolean, date, jsonb, bigint, bigint, bigint, jsonb) TO pinwatch_cli;
