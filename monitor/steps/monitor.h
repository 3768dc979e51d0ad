/* The monitor: follows every chosen log, judges, records. Its recurring steps stand in one table (monitor_steps.c). */
#pragma once

#include <event2/event.h>

#include "formats/drill_file.h"
#include "rules/ca_table.h"
#include "settings/settings.h"
#include "steps/caa_trouble.h"
#include "steps/drive.h"
#include "steps/issuer_fetch.h"
#include "steps/issuer_pause.h"
#include "steps/list_step.h"
#include "steps/store_trouble.h"
#include "steps/told.h"
#include "steps/watch_set.h"
#include "store/logs.h"

#define MONITOR_STEPS_MAX 20
#define MONITOR_RESTART 75 /* exit code: start anew with the settings as they are now */
#define MONITOR_LOGS_MAX 512
#define MONITOR_ISSUERS_MAX MONITOR_LOGS_MAX /* so that there is a place for one of each */
#define MONITOR_OPERATORS_MAX MONITOR_LOGS_MAX
#define MONITOR_DRILL_ROWS_MAX (2 * DRILL_FILE_AUTHORITIES_MAX)

struct issuer_job;
struct second_look;
struct ca_links;
struct caa_poller;
struct pin_world;

/* A log that this process follows or would like to. */
struct monitor_log {
    struct monitor *monitor;
    struct hash log_id;
    struct followed_log *follow; /* NULL while another holder has the lease */
    int64_t fencing;
    bool is_wanted;  /* still among the chosen ones */
    bool is_lost;    /* a commit said that position or lease are not ours: start anew from the database */
    size_t chosen;   /* place in monitor.chosen */
    enum told told_place; /* that it has one: log.not-followed for want of room is over */
};

struct monitor_operator {
    char name[128];
    struct budget budget;
};

struct monitor {
    const struct settings *settings;
    struct event_base *loop;
    struct store *store;
    struct follow_world world;
    struct drive *drive;
    struct issuer_fetch *issuers;
    struct list_step *lists;
    struct watch_set *watches;
    struct world_clock clock;
    enum told told_clock;
    int64_t clock_wrong_since_ms; /* monotonic; 0: it is right */
    char holder[200], predecessor[160];

    struct arena *chosen_arena; /* of `chosen` */
    struct chosen_log *chosen;
    size_t chosen_count;
    uint64_t list_version, drill_version, chosen_from;
    size_t placeless_count; /* to be followed, had this monitor room for them */

    struct monitor_log logs[MONITOR_LOGS_MAX];
    size_t log_count;
    struct monitor_operator operators[MONITOR_OPERATORS_MAX];
    size_t operator_count;

    struct arena *drill_arena;
    struct drill_file drill;
    struct ca_row drill_rows[MONITOR_DRILL_ROWS_MAX];
    struct ca_owner drill_owners[DRILL_FILE_AUTHORITIES_MAX];
    const char *drill_domains[DRILL_FILE_AUTHORITIES_MAX][2];
    size_t drill_row_count;
    struct arena *ca_arena; /* of `extra`, once imported CA keys were loaded */
    uint64_t ca_generation, ca_drill_version;
    struct ca_extra_rows extra; /* the drill's CAs and the imported keys */
    struct ca_links *ca_links;  /* NULL before the first look */

    struct caa_poller *caa; /* NULL before the first poll */
    struct caa_trouble caa_trouble; /* also of making that */
    struct pin_world *pins;   /* NULL before the first load */
    enum told told_pins_unreadable;
    uint64_t pinned_hosts_of; /* generation of the pins whose hosts are recorded for who receives reports */
    enum told told_dropped;   /* reports that found no room */
    int64_t dropped_due_ms;
    struct second_look *second_look; /* what logs did not serve readably at first; NULL before the first */
    struct issuer_round issuer_round;
    enum told told_unjudged;
    struct issuer_job *issuer_jobs[MONITOR_ISSUERS_MAX]; /* under way; NULL: free */
    struct issuer_pauses issuer_pauses; /* issuers that logs did not serve lately */
    struct store_trouble away, commit_trouble, step_trouble[MONITOR_STEPS_MAX];
    int64_t store_pause_until_ms, commit_pause_until_ms; /* everything waits; commits wait */
    int64_t blind_since_ms, blind_since_wall_ms; /* nothing, or something not, recorded since; 0: all is */
    struct reason blind_why;
    enum told told_blind;
    bool should_stop, should_restart;
    int64_t step_due_ms[MONITOR_STEPS_MAX];
    struct event *signals[3];
};

/* A step is due every `interval_ms`; one that fails is due again after a pause of its own, or after that of a database that is away. */
struct monitor_step {
    const char *name;
    int64_t interval_ms;
    result (*run)(struct monitor *monitor, int64_t now_ms);
};
extern const struct monitor_step monitor_steps[];
extern const size_t monitor_step_count;

/* The steps, one file each. */
MUST_CHECK result step_reload_watches(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_choose_logs(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_hold_leases(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_look_again(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_join_reports(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_judge_pins(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_poll_caa(struct monitor *monitor, int64_t now_ms);
void caa_poller_free(struct monitor *monitor); /* before the store and the loop */
void second_look_free(struct second_look *look); /* before the world that it reads in */
MUST_CHECK result step_save_status(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_resolve_issuers(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_tell_unjudged(struct monitor *monitor, int64_t now_ms);
/* Forgets questions about issuers that are under way; after issuer_fetch_free. */
void issuer_jobs_free(struct monitor *monitor);
MUST_CHECK result step_check_clock(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_keep_house(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_read_drill(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_reload_ca_keys(struct monitor *monitor, int64_t now_ms);
MUST_CHECK result step_link_ca_keys(struct monitor *monitor, int64_t now_ms);

MUST_CHECK result step_tell_blindness(struct monitor *monitor, int64_t now_ms);

/* store_sink.c: the sink of the service. */
MUST_CHECK result monitor_judge(struct monitor *monitor, struct followed_log *log, const struct verified_range *range, struct arena *arena,
                                struct store_judgement *ret_judgements);
struct budget *monitor_budget(struct monitor *monitor, const char *operator_name); /* lease_step.c */
MUST_CHECK result monitor_end_conditions(struct monitor *monitor, const struct hash *log_id); /* lease_step.c: of a log that is not followed any more */
struct sink store_sink_of(struct monitor *monitor);
/* Records an event about a log (NULL: about the service) with the severity that belongs to its rule. */
MUST_CHECK result monitor_tell(struct monitor *monitor, const struct hash *log_id, const struct log_event *event);

/* Runs until a signal ends it. Returns the exit code. */
int monitor_run(const struct settings *settings);
