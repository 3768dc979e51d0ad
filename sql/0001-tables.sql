-- Step 1: the tables. docs/schema.md describes them; this file is the contract between the programs.
-- Facts of the world carry no tenant. What somebody wants or is told has tenant_id first in its key; tenant 0 is
-- for findings about logs and the service itself. Hashes are 32 bytes, times are timestamptz given by the caller.

CREATE SCHEMA IF NOT EXISTS pinwatch;
SET LOCAL search_path = pinwatch;

CREATE DOMAIN hash AS bytea CHECK (octet_length(VALUE) = 32);

CREATE TABLE schema_step (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    sha256      hash NOT NULL,          -- of the file as applied
    applied_at  timestamptz NOT NULL
);

-- ---------------------------------------------------------------- the world: logs

CREATE TABLE log (
    log_id          hash PRIMARY KEY,   -- SHA-256 of the key
    description     text NOT NULL,
    operator        text NOT NULL,
    protocol        text NOT NULL CHECK (protocol IN ('rfc6962', 'static-ct')),
    url             text NOT NULL,      -- RFC 6962 base address or submission prefix, slash at the end
    monitoring_url  text NOT NULL DEFAULT '',
    origin          text NOT NULL DEFAULT '',   -- static-ct: first line of its checkpoints
    key             bytea NOT NULL,     -- DER SubjectPublicKeyInfo
    mmd_seconds     integer,            -- smallest that any list names
    state           text,               -- pending, qualified, usable, readonly, retired, rejected; null: none
    interval_begin  timestamptz,        -- of notAfter, inclusive
    interval_end    timestamptz,        -- exclusive
    final_size      bigint,             -- readonly logs
    final_root      hash,
    source          text NOT NULL,      -- 'chrome', 'apple', 'chrome+apple', 'settings', 'drill'
    is_followed     boolean NOT NULL,
    reason          text NOT NULL,      -- why it is followed, or why not
    is_drill        boolean NOT NULL DEFAULT false,
    first_seen_at   timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

-- Who may move a log's position: checked, with the fencing number, in every commit.
CREATE TABLE lease (
    log_id      hash PRIMARY KEY REFERENCES log,
    holder      text NOT NULL,          -- machine and process, for people
    fencing     bigint NOT NULL,        -- grows with every change of holder
    expires_at  timestamptz NOT NULL
);

-- How far a log is read and verified. Entries [first_index, size) have been read; `frontier` is the tree's.
CREATE TABLE position (
    log_id        hash PRIMARY KEY REFERENCES log,
    first_index   bigint NOT NULL,
    size          bigint NOT NULL CHECK (size >= first_index),
    frontier      bytea NOT NULL,       -- 32 bytes for each bit set in size
    head_size     bigint NOT NULL,      -- the signed head that the position was verified against
    head_root     hash NOT NULL,
    head_time     timestamptz NOT NULL,
    verified_at   timestamptz NOT NULL
);

-- Tree heads not yet reproduced, and those that contradict the tree (evidence).
CREATE TABLE head (
    log_id       hash NOT NULL REFERENCES log,
    size         bigint NOT NULL,
    root         hash NOT NULL,
    signed_at    timestamptz NOT NULL,
    signature    bytea NOT NULL,
    raw          bytea NOT NULL,        -- as received: get-sth JSON or checkpoint
    state        text NOT NULL CHECK (state IN ('pending', 'verified', 'contradicts')),
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (log_id, size, root, signed_at)
);

-- Verified ranges not yet joined to the position.
CREATE TABLE fragment (
    log_id    hash NOT NULL REFERENCES log,
    begin_at  bigint NOT NULL,
    end_at    bigint NOT NULL CHECK (end_at > begin_at),
    nodes     bytea NOT NULL,           -- compact range, 32 bytes per node
    PRIMARY KEY (log_id, begin_at)
);

-- What `pinwatch logs` shows; written by the monitor every few seconds, worth nothing after a crash.
CREATE TABLE log_status (
    log_id            hash PRIMARY KEY REFERENCES log,
    state             text NOT NULL,    -- starting, following, catching-up, waiting, stale, failing, forked, finished
    head_size         bigint,
    head_time         timestamptz,
    entries_per_second double precision,
    eta_seconds       double precision,
    batch_size        integer,
    parallel          integer,
    stale_views       bigint NOT NULL DEFAULT 0,  -- smaller heads after larger ones
    last_error        text NOT NULL DEFAULT '',
    last_error_at     timestamptz,
    last_success_at   timestamptz,
    updated_at        timestamptz NOT NULL
);

-- ---------------------------------------------------------------- the world: certificates

-- One issuance: precertificate and final certificate share issuer key and TBS hash.
CREATE TABLE certificate (
    certificate_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer_spki_sha256     hash,        -- null while unproven
    tbs_sha256             hash NOT NULL,
    issuer_state           text NOT NULL CHECK (issuer_state IN ('verified', 'pending', 'unverifiable')),
    spki_sha256            hash,
    serial                 text NOT NULL DEFAULT '',
    issuer                 text NOT NULL DEFAULT '',
    subject                text NOT NULL DEFAULT '',
    key_type               text NOT NULL DEFAULT '',
    not_before             timestamptz,
    not_after              timestamptz,
    names                  jsonb NOT NULL,      -- [{"type","value","from"}]
    scts                   jsonb NOT NULL DEFAULT '[]',
    oddities               jsonb NOT NULL DEFAULT '[]',
    is_ca                  boolean NOT NULL DEFAULT false,
    is_drill               boolean NOT NULL DEFAULT false,
    precertificate_sha256  hash,
    precertificate         bytea,               -- DER
    precertificate_tbs     bytea,               -- the leaf's TBS, where the precertificate did not fit it
    certificate_sha256     hash,
    certificate            bytea,               -- DER
    chain                  bytea[] NOT NULL DEFAULT '{}',  -- SHA-256 of the chain's certificates, issuer first
    first_timestamp        timestamptz NOT NULL,           -- earliest log timestamp seen
    first_seen_at          timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (issuer_spki_sha256, tbs_sha256)
);
CREATE INDEX certificate_spki ON certificate (spki_sha256);
CREATE INDEX certificate_seen ON certificate (first_seen_at);
-- One certificate by any of its hashes.
CREATE INDEX certificate_tbs ON certificate USING hash (tbs_sha256);
CREATE INDEX certificate_final ON certificate USING hash (certificate_sha256);
CREATE INDEX certificate_precertificate ON certificate USING hash (precertificate_sha256);
CREATE INDEX certificate_pending ON certificate (certificate_id) WHERE issuer_state = 'pending';

-- Certificate seen at log, index, time. Partitioned by the log's time, see ensure_partitions.
CREATE TABLE observation (
    log_id          hash NOT NULL,
    log_index       bigint NOT NULL,
    leaf_timestamp  timestamptz NOT NULL,
    certificate_id  bigint NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('certificate', 'precertificate')),
    cert_sha256     hash,
    seen_at         timestamptz NOT NULL,
    PRIMARY KEY (log_id, log_index, leaf_timestamp)
) PARTITION BY RANGE (leaf_timestamp);
CREATE TABLE observation_default PARTITION OF observation DEFAULT;
CREATE INDEX observation_certificate ON observation (certificate_id);

CREATE TABLE issuer_certificate (
    sha256       hash PRIMARY KEY,
    der          bytea NOT NULL,
    spki_sha256  hash,
    fetched_at   timestamptz NOT NULL
);

-- Entries that no reader could make sense of, as logged.
CREATE TABLE unreadable_entry (
    log_id          hash NOT NULL REFERENCES log,
    log_index       bigint NOT NULL,
    reason          text NOT NULL,
    reason_text     text NOT NULL,
    raw             bytea NOT NULL,     -- the first 64 KiB
    seen_at         timestamptz NOT NULL,
    PRIMARY KEY (log_id, log_index)
);

-- ---------------------------------------------------------------- what people want

CREATE TABLE tenant (
    tenant_id  integer PRIMARY KEY,
    name       text NOT NULL UNIQUE
);
INSERT INTO tenant VALUES (0, 'service'), (1, 'default');

-- The generation grows with every change of watches or policies, so that the monitor can see it cheaply.
CREATE TABLE generation (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    watches   bigint NOT NULL DEFAULT 1,
    policies  bigint NOT NULL DEFAULT 1,
    channels  bigint NOT NULL DEFAULT 1
);
INSERT INTO generation DEFAULT VALUES;

CREATE TABLE policy (
    tenant_id   integer NOT NULL REFERENCES tenant,
    name        text NOT NULL,
    rules       jsonb NOT NULL,         -- see docs/watches.md: expected_issuers {caa_domains, owners, ca_keys}, known_keys,
                                        -- reports_new, key_types, max_lifetime_days, allows_wildcards
    set_by      text NOT NULL,          -- 'apply' or 'cli'
    set_who     text NOT NULL,
    set_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE watch (
    tenant_id   integer NOT NULL REFERENCES tenant,
    watch_id    bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL CHECK (kind IN ('name', 'subtree', 'address', 'key', 'email')),
    value       text NOT NULL,          -- normalised, see watch_item_parse
    policy      text,                   -- null: every certificate is of interest, no issuer is expected
    set_by      text NOT NULL,
    set_who     text NOT NULL,
    set_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, watch_id),
    UNIQUE (tenant_id, kind, value),
    FOREIGN KEY (tenant_id, policy) REFERENCES policy (tenant_id, name)
);

CREATE TABLE channel (
    tenant_id      integer NOT NULL REFERENCES tenant,
    name           text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('webhook', 'email', 'hook')),
    configuration  jsonb NOT NULL,      -- per kind, see docs/channels.md; never a secret
    secret_name    text,                -- file, credential or environment variable that only alerts reads
    least_severity text NOT NULL DEFAULT 'notice' CHECK (least_severity IN ('info', 'notice', 'warning', 'critical')),
    is_enabled     boolean NOT NULL DEFAULT true,
    set_by         text NOT NULL,
    set_who        text NOT NULL,
    set_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- ---------------------------------------------------------------- what people are told

CREATE TABLE match (
    tenant_id       integer NOT NULL,
    watch_id        bigint NOT NULL,
    certificate_id  bigint NOT NULL REFERENCES certificate,
    matched_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, watch_id, certificate_id)
);
CREATE INDEX match_certificate ON match (certificate_id);

CREATE TABLE finding (
    tenant_id       integer NOT NULL REFERENCES tenant,
    finding_id      bigint GENERATED ALWAYS AS IDENTITY,
    rule            text NOT NULL,      -- 'certificate.unexpected-issuer', …
    severity        text NOT NULL CHECK (severity IN ('info', 'notice', 'warning', 'critical')),
    subject         text NOT NULL,      -- what the finding is about, unique per rule: 'certificate:12', 'log:<hex>', 'log:<hex>:<reason>'
    state           text NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved', 'suppressed')),
    evidence        jsonb NOT NULL,
    occurrences     bigint NOT NULL DEFAULT 1,
    certificate_id  bigint REFERENCES certificate,
    log_id          hash REFERENCES log,
    opened_at       timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    closed_at       timestamptz,                -- resolved
    PRIMARY KEY (tenant_id, finding_id)
);
-- The same fact is one finding while it is not resolved.
CREATE UNIQUE INDEX finding_subject ON finding (tenant_id, rule, subject) WHERE state <> 'resolved';
CREATE INDEX finding_id ON finding (finding_id);
CREATE INDEX finding_certificate ON finding (certificate_id);

CREATE TABLE finding_event (
    tenant_id   integer NOT NULL,
    finding_id  bigint NOT NULL,
    event_id    bigint GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    who         text NOT NULL,
    what        text NOT NULL,          -- opened, seen-again, acknowledged, resolved, suppressed, reopened
    note        text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, finding_id, event_id),
    FOREIGN KEY (tenant_id, finding_id) REFERENCES finding
);
CREATE INDEX finding_event_finding ON finding_event (finding_id);

-- The outbox. An alert row carries everything that a channel needs; alerts never parses a certificate.
CREATE TABLE alert (
    tenant_id    integer NOT NULL REFERENCES tenant,
    alert_id     bigint GENERATED ALWAYS AS IDENTITY,
    finding_id   bigint,                -- null: a test
    is_test      boolean NOT NULL DEFAULT false,
    rule         text NOT NULL,
    severity     text NOT NULL,
    body         jsonb NOT NULL,        -- every field, see docs/alerts.md
    pem          text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, alert_id),
    FOREIGN KEY (tenant_id, finding_id) REFERENCES finding
);
-- `alerts list`, the drill, and every deletion of a finding look for the alerts of one.
CREATE INDEX alert_finding ON alert (finding_id);

CREATE TABLE delivery (
    tenant_id        integer NOT NULL,
    delivery_id      bigint GENERATED ALWAYS AS IDENTITY,
    alert_id         bigint NOT NULL,
    channel_tenant_id integer NOT NULL,       -- alerts of tenant 0 go to the channels of every tenant
    channel          text NOT NULL,
    idempotency_key  uuid NOT NULL DEFAULT gen_random_uuid(),
    state            text NOT NULL CHECK (state IN ('queued', 'delivered', 'dead')),
    attempts         integer NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz NOT NULL,
    claimed_until    timestamptz,       -- lease of the sender that is trying
    claimed_by       text NOT NULL DEFAULT '',  -- machine, state folder, process; as the holder of a lease
    last_error       text NOT NULL DEFAULT '',
    delivered_at     timestamptz,
    PRIMARY KEY (tenant_id, delivery_id),
    UNIQUE (tenant_id, alert_id, channel_tenant_id, channel),
    FOREIGN KEY (tenant_id, alert_id) REFERENCES alert
);
CREATE INDEX delivery_due ON delivery (channel_tenant_id, channel, next_attempt_at) WHERE state = 'queued';
