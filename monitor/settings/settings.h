/* The settings file (YAML): how this machine runs pinwatch. Watches, policies and channels are data and live in the database. */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "base/result.h"

#define SETTINGS_IN_FORCE "PINWATCH_SETTINGS_IN_FORCE" /* environment variable */
#define SETTINGS_IN_FORCE_FILE "settings-in-force.yaml" /* of the state folder */

struct settings_log {
    const char *description;
    const char *url;            /* RFC 6962 base address, or static-ct submission prefix */
    const char *monitoring_url; /* static-ct only; "" means RFC 6962 */
    const char *origin;         /* static-ct: "" means submission prefix without scheme and trailing slash */
    const char *key;            /* base64 SPKI or path of a PEM/DER file */
    const char *log_id;         /* base64; "" or what must come out */
    const char *operator_name;
    unsigned mmd_seconds;       /* 0: none known */
    bool starts_at_zero;        /* read the whole log, not from today's head */
};

struct settings_resolver {
    const char *address;
    unsigned port;
    bool is_validating;
};

struct settings {
    const char *state_folder;
    const char *database;        /* libpq connection string; "": private cluster under state_folder/postgres */
    const char *contact;         /* e-mail or URL for the User-Agent; may be "" only while no public log is followed */
    bool follows_public_logs;    /* use the log lists */
    const char *chrome_list_url, *chrome_list_signature_url, *apple_list_url; /* "" switches one off */
    const char *ca_file;         /* extra trust anchors for HTTPS; "" for the system's */
    const char *secrets_folder;  /* state_folder/secrets when "" */
    const char *hooks_folder;    /* hooks.d; state_folder/hooks.d when "" */
    const char *postgres_folder; /* folder with initdb and postgres; "": found */
    struct settings_log *logs;
    unsigned logs_count;
    struct settings_resolver *resolvers;
    unsigned resolvers_count;
    unsigned readers;            /* 0: one per processor */
    unsigned retention_days;     /* observations older than this are dropped with their partition; 0: never */
    unsigned poll_seconds_rfc6962, poll_seconds_static;
    bool follows_caa;            /* poll CAA records */
    unsigned caa_poll_seconds_least, caa_poll_seconds_most;
    unsigned caa_queries_per_second; /* to one resolver; 0: as many as it answers */
    unsigned caa_names_most;
    unsigned caa_retention_days; /* 0: never */
    unsigned transfers_per_operator;
    unsigned requests_per_second_operator; /* 0: as learned */
    unsigned slot_megabytes;     /* largest body as received */
    bool has_drill;              /* run the local drill logs */
    unsigned drill_port;         /* 0: any free one, remembered in the state folder */
    const char *caa_trust_after; /* delivery, acknowledgement */
    const char *reports_address; /* where clients' reports are taken; "": nowhere */
    unsigned reports_port;
    const char *reports_proxy;   /* whose X-Forwarded-For is believed; "": nobody's */
    unsigned reports_per_minute_source, reports_per_second;
    unsigned reports_new_per_day; /* distinct ones that are kept for a tenant */
    unsigned reports_retention_days; /* 0: for ever */
    const char *log_level;       /* error, warning, notice, info, debug */
};

extern const struct fault fault_settings_file;  /* unreadable, or writable by others */
extern const struct fault fault_settings_value; /* a field: reason names line, field, value and what was wanted */

/* Reads `path`, or the first that exists of $PINWATCH_CONFIG, $XDG_CONFIG_HOME/pinwatch/pinwatch.yaml,
 * ~/.config/pinwatch/pinwatch.yaml, /etc/pinwatch/pinwatch.yaml when it is NULL. Refuses a file that group or others can
 * write. All texts are absolute or as given; defaults are filled in. Free with settings_free. */
MUST_CHECK result settings_load(const char *path, struct settings **ret_settings, struct reason *reason);
/* For the programs of a service: as settings_load, but reads the copy that $SETTINGS_IN_FORCE names, where it names one: a broken file
 * must not end programs that are started again. Sentences name `path` all the same. */
MUST_CHECK result settings_load_in_force(const char *path, struct settings **ret_settings, struct reason *reason);
/* Writes the text from which these settings were read, whole or not at all, to be read as above. Error: fault_settings_file. */
MUST_CHECK result settings_keep(const struct settings *settings, const char *copy_path, struct reason *reason);
/* Does the copy hold what these settings were read from? Also true where there is none. */
bool settings_are_kept(const struct settings *settings, const char *copy_path);
void settings_free(struct settings *settings);
/* Path that settings_load took; valid as long as the settings. */
const char *settings_path(const struct settings *settings);
/* A commented file with every default, for `init`. */
MUST_CHECK result settings_write_sample(const char *path, const char *state_folder, struct reason *reason);
