/* The log lists of Chrome and Apple (schema v3 as both really write it). */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define LOG_LIST_SIZE_MAX ((size_t) 4 * 1024 * 1024)

enum log_protocol { LOG_RFC6962, LOG_STATIC_CT, log_protocol_count };
enum log_state {
    LOG_STATE_NONE, LOG_PENDING, LOG_QUALIFIED, LOG_USABLE, LOG_READONLY, LOG_RETIRED, LOG_REJECTED, log_state_count
};

struct listed_log {
    struct hash log_id;          /* as computed from the key; a different log_id in the file refuses the entry */
    enum log_protocol protocol;
    const char *description, *operator_name;
    const char *url;             /* RFC 6962 base or submission prefix, slash at the end */
    const char *monitoring_url;  /* static-ct, slash at the end; "" otherwise */
    struct span key;             /* DER SPKI */
    uint32_t mmd_seconds;        /* 0: not named */
    enum log_state state;
    bool is_state_unknown;       /* a state that this version has no word for; `state` is NONE */
    int64_t state_since;         /* Unix seconds, 0: not named */
    bool has_interval;
    int64_t interval_begin, interval_end; /* of notAfter, [begin, end) */
    bool has_final_head;
    uint64_t final_size;
    struct hash final_root;
    const char *log_type;        /* "prod" when absent */
    bool is_tls_only;
};

struct refused_log {
    const char *description; /* harmless text */
    result fault;
    struct reason reason;
};

struct log_list {
    const char *version;      /* harmless text, "" when absent */
    bool has_timestamp;
    int64_t timestamp_ms;     /* Chrome: log_list_timestamp */
    bool is_all_logs;
    struct listed_log *logs;
    size_t count;
    struct refused_log *refused; /* entries that break a rule; the others stand */
    size_t refused_count;
};

extern const struct fault fault_log_list;       /* the whole file is not a log list */
extern const struct fault fault_log_list_entry; /* one log in it breaks a rule */

/* Everything is copied into `arena`. */
MUST_CHECK result log_list_parse(struct span json, struct arena *arena, struct log_list *ret_list, struct reason *reason);
const char *log_state_name(enum log_state state);       /* "usable"; NONE gives "" */
const char *log_protocol_name(enum log_protocol protocol); /* "rfc6962", "static-ct" */
