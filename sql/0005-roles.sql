-- Step 5: who may do what. Programs read tables and call functions; none writes to a table directly. An administrator who
-- does not let the owner create roles makes them first (docs/schema.md, In a database of your own).

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['pinwatch_monitor', 'pinwatch_alerts', 'pinwatch_cli', 'pinwatch_report'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'role %: missing, and % may not create roles; an administrator must: CREATE ROLE %',
                    wanted, current_user, wanted USING ERRCODE = 'insufficient_privilege';
            END;
        END IF;
        -- So that programs that connect as the owner can step down to their own role.
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE NOTICE 'role %: % is no member of it', wanted, current_user;
            END;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA pinwatch FROM PUBLIC;
GRANT USAGE ON SCHEMA pinwatch TO pinwatch_monitor, pinwatch_alerts, pinwatch_cli, pinwatch_report;
REVOKE ALL ON ALL TABLES IN SCHEMA pinwatch FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pinwatch FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA pinwatch REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Everybody: is the schema mine, has something changed?
GRANT SELECT ON pinwatch.schema_step, pinwatch.generation TO pinwatch_monitor, pinwatch_alerts, pinwatch_cli, pinwatch_report;

-- The monitor reads logs, places and watches; never channels, findings or alerts.
GRANT SELECT ON pinwatch.log, pinwatch.lease, pinwatch.position, pinwatch.head, pinwatch.fragment, pinwatch.log_status,
    pinwatch.certificate, pinwatch.observation, pinwatch.issuer_certificate, pinwatch.watch, pinwatch.policy, pinwatch.match
    TO pinwatch_monitor;
GRANT EXECUTE ON FUNCTION
    pinwatch.leases_take(bytea[], text, text, integer),
    pinwatch.lease_release(bytea, text, bigint),
    pinwatch.record_range(bytea, text, bigint, bigint, bigint, bigint, bytea, timestamptz, jsonb, bytea[]),
    pinwatch.resolve_issuer(bigint, bytea, bytea, jsonb, boolean, timestamptz),
    pinwatch.issuer_save(bytea, timestamptz),
    pinwatch.tell_log_event(bytea, text, text, text, jsonb, boolean, timestamptz),
    pinwatch.logs_save(jsonb, bytea[], timestamptz),
    pinwatch.status_save(jsonb, timestamptz),
    pinwatch.ensure_partitions(timestamptz, timestamptz),
    pinwatch.drop_older(timestamptz)
    TO pinwatch_monitor;

-- Alerts sees what it is to send, through its functions alone.
GRANT EXECUTE ON FUNCTION
    pinwatch.deliveries_claim(text, timestamptz, timestamptz, integer, integer),
    pinwatch.deliveries_take_over(text),
    pinwatch.delivery_done(integer, bigint, timestamptz),
    pinwatch.delivery_again(integer, bigint, timestamptz, text),
    pinwatch.delivery_dead(integer, bigint, text),
    pinwatch.deliveries_next_due(),
    pinwatch.tell_channel_event(integer, text, jsonb, boolean, timestamptz)
    TO pinwatch_alerts;

-- People's commands read everything and change what people own.
GRANT SELECT ON ALL TABLES IN SCHEMA pinwatch TO pinwatch_cli;
GRANT EXECUTE ON FUNCTION
    pinwatch.watches_add(integer, text[], text[], text[], text, text, timestamptz),
    pinwatch.policy_set(integer, text, jsonb, text, timestamptz),
    pinwatch.watch_remove(integer, text, text),
    pinwatch.data_apply(integer, text[], text[], text[], jsonb, jsonb, text, timestamptz),
    pinwatch.finding_decide(bigint, text, text, text, timestamptz),
    pinwatch.alert_test(integer, text, text, timestamptz),
    pinwatch.delivery_requeue(bigint, timestamptz),
    pinwatch.lease_instant(),
    pinwatch.severity_rank(text)
    TO pinwatch_cli;

-- Reports read everything but how channels are reached.
GRANT SELECT ON pinwatch.log, pinwatch.lease, pinwatch.position, pinwatch.head, pinwatch.fragment, pinwatch.log_status,
    pinwatch.certificate, pinwatch.observation, pinwatch.issuer_certificate, pinwatch.unreadable_entry, pinwatch.tenant,
    pinwatch.policy, pinwatch.watch, pinwatch.match, pinwatch.finding, pinwatch.finding_event, pinwatch.alert,
    pinwatch.delivery TO pinwatch_report;
GRANT SELECT (tenant_id, name, kind, least_severity, is_enabled, set_by, set_who, set_at) ON pinwatch.channel TO pinwatch_report;
GRANT EXECUTE ON FUNCTION pinwatch.severity_rank(text), pinwatch.lease_instant() TO pinwatch_report;
