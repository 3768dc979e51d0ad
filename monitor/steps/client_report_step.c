/* Reports of clients: each is held against what logs showed and what live releases pin; what it comes to is recorded with its finding. Nothing of a report but
 * words and digests comes here: another process has read it. */
#include <jansson.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/issuer_policy.h"
#include "rules/report_cause.h"
#include "steps/monitor.h"
#include "steps/pin_world.h"
#include "store/client_reports.h"

#define REPORTS_AT_ONCE 64u
#define TURNS_PER_STEP 8u
#define STEP_MS 100          /* no further turn begins after that */
#define REPORT_MS 30000      /* nobody else takes it meanwhile; one that is left alone is due again then */
#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define JUDGE_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define HOSTS_MAX ((size_t) 200000)
#define HOUR_MS ((int64_t) 3600 * 1000)
#define DAY_MS (24 * HOUR_MS)
#define LOOK_FIRST_MS 60000            /* in the first hour: a log may show the certificate any moment */
#define LOOK_LATER_MS ((int64_t) 600 * 1000)
#define LOOK_DAYS 10                   /* what is not known by then stays so */
#define DROPPED_EACH_MS 5000
#define DROPPED_TOLD_MS ((int64_t) 5 * 60 * 1000) /* a burst that ends by itself is only counted */
#define RULE_DROPPED "service.reports-dropped"

/* ---- the hosts that are pinned, for whoever receives reports */

struct host_list {
    struct store_pinned_host *hosts;
    size_t count, room;
};

static size_t sets_of(const struct pin_tenant *tenant) {
    size_t sets = 0;
    for (size_t i = 0; i < tenant->view_count; i++)
        sets += tenant->views[i].document.set_count;
    return sets;
}

static void add_hosts(const struct pin_tenant *tenant, struct host_list *list) {
    for (size_t i = 0; i < tenant->view_count; i++)
        for (size_t k = 0; k < tenant->views[i].document.set_count && list->count < list->room; k++) {
            const struct pin_set *set = &tenant->views[i].document.sets[k];
            if (set->host != NULL && set->is_pinned)
                list->hosts[list->count++] = (struct store_pinned_host){.tenant_id = tenant->tenant_id, .host = set->host, .covers_below = set->match != PIN_HOST_EXACT};
        }
}

static result save_hosts(struct monitor *monitor) {
    if (monitor->pins == NULL || monitor->pinned_hosts_of == pin_world_generation(monitor->pins))
        return OK;
    const struct pin_tenant *tenant;
    struct host_list list = {.room = 0};
    for (size_t i = 0; (tenant = pin_world_tenant_at(monitor->pins, i)) != NULL; i++)
        list.room += sets_of(tenant);
    list.room = list.room > HOSTS_MAX ? HOSTS_MAX : list.room;
    AUTO_FREE struct store_pinned_host *hosts = memory_new_array(list.room + 1, sizeof *hosts);
    if (hosts == NULL)
        return &fault_no_memory;
    list.hosts = hosts;
    for (size_t i = 0; (tenant = pin_world_tenant_at(monitor->pins, i)) != NULL; i++)
        add_hosts(tenant, &list);
    TRY(store_pinned_hosts_save(monitor->store, list.hosts, list.count, pin_world_generation(monitor->pins)));
    monitor->pinned_hosts_of = pin_world_generation(monitor->pins);
    return OK;
}

/* ---- one report */

/* What live releases say. */
struct release_view {
    const char *app;     /* as releases write it; "": none has that name */
    const char *verdict; /* of the release that the report comes from */
    bool is_pinned, is_refused;
};

static bool has_app(const struct pin_tenant *tenant, const char *app, const char **ret_name) {
    for (size_t i = 0; app[0] != '\0' && i < tenant->client_count; i++)
        if (strcasecmp(tenant->clients[i].release->app, app) == 0) {
            *ret_name = tenant->clients[i].release->app;
            return true;
        }
    return false;
}

static bool is_same_platform(const struct release *release, const struct store_client_report *report) {
    return report->platform[0] == '\0' || strcasecmp(release->platform, report->platform) == 0;
}

/* A release that has no pins for the host has no row. */
static bool has_release(const struct pin_tenant *tenant, const struct store_client_report *report, const char *app) {
    for (size_t i = 0; app[0] != '\0' && i < tenant->client_count; i++) {
        const struct release *release = tenant->clients[i].release;
        if (strcasecmp(release->app, app) == 0 && strcmp(release->version, report->version) == 0 && is_same_platform(release, report))
            return true;
    }
    return false;
}

static void note_row(const struct pin_verdict_row *row, const struct store_client_report *report, struct release_view *view) {
    const struct release *release = row->client->release;
    bool is_app = view->app[0] == '\0' || (strcasecmp(release->app, view->app) == 0 && is_same_platform(release, report));
    if (!is_app)
        return;
    view->is_pinned |= row->judgement.verdict != PIN_VERDICT_NOT_PINNED;
    view->is_refused |= row->judgement.verdict == PIN_VERDICT_REFUSES && row->judgement.is_enforced;
    if (view->app[0] != '\0' && strcmp(release->version, report->version) == 0)
        view->verdict = pin_verdict_word(row->judgement.verdict);
}

static result look_at_releases(const struct monitor *monitor, const struct store_client_report *report, struct arena *arena, struct release_view *ret_view) {
    const struct pin_tenant *tenant = monitor->pins == NULL ? NULL : pin_world_tenant(monitor->pins, report->tenant_id);
    *ret_view = (struct release_view){.app = "", .verdict = "unknown"};
    if (tenant == NULL)
        return OK;
    (void) has_app(tenant, report->app, &ret_view->app);
    if (has_release(tenant, report, ret_view->app))
        ret_view->verdict = pin_verdict_word(PIN_VERDICT_NOT_PINNED);
    const struct report_facts *facts = &report->facts;
    struct pin_verdict_question question = {.views = tenant->views, .view_count = tenant->view_count, .clients = tenant->clients, .client_count = tenant->client_count,
                                            .spki_sha256 = facts->has_leaf ? &facts->spki_sha256 : NULL, .certificate_sha256 = facts->has_leaf ? &facts->certificate_sha256 : NULL,
                                            .issuer_spki_sha256 = facts->has_issuer ? &facts->issuer_spki_sha256 : NULL, .extra = &monitor->extra, .names = &report->host,
                                            .name_count = 1, .now = clock_wall_ms() / 1000};
    struct pin_verdicts *verdicts = arena_take(arena, sizeof *verdicts);
    if (verdicts == NULL)
        return &fault_no_memory;
    TRY(pin_verdicts_find(&question, arena, verdicts));
    for (size_t i = 0; i < verdicts->count; i++)
        note_row(&verdicts->rows[i], report, ret_view);
    return OK;
}

/* The drill's CA stands for a public one, so that all of this can be rehearsed. */
static bool is_of_drill(const struct monitor *monitor, const struct report_facts *facts) {
    for (size_t i = 0; monitor->drill_arena != NULL && facts->has_issuer && i < monitor->drill.authority_count; i++)
        if (hash_equal(&monitor->drill.authorities[i].spki_sha256, &facts->issuer_spki_sha256))
            return true;
    return false;
}

static bool is_valid_at_receipt(const struct store_client_report *report) {
    const struct report_facts *facts = &report->facts;
    return facts->has_validity && facts->not_before <= report->first_ms / 1000 && report->first_ms / 1000 <= facts->not_after;
}

/* A date is a claim: what was valid then, but not when the report came, is proven valid by nothing. */
static enum report_known valid_then(const struct store_client_report *report) {
    return report->facts.is_valid_then == REPORT_YES && !is_valid_at_receipt(report) ? REPORT_UNKNOWN : report->facts.is_valid_then;
}

/* By what the certificates and our own pins prove, never by how many reports there are: anybody can send them. */
static enum finding_severity severity_of(enum report_cause cause, const struct client_report *claims, const struct report_facts *facts, const struct release_view *view) {
    bool is_locked_out = report_locked_out(claims) != REPORT_NO;
    switch (cause) {
    case REPORT_ATTACK:
        return SEVERITY_CRITICAL;
    case REPORT_STALE_PIN:
        return view->is_refused ? (is_locked_out ? SEVERITY_WARNING : SEVERITY_NOTICE) : (is_locked_out ? SEVERITY_NOTICE : SEVERITY_INFO);
    case REPORT_PRIVATE_ROOT:
        return SEVERITY_INFO;
    case REPORT_CANNOT_TELL:
        break;
    }
    return facts->is_public == REPORT_YES && facts->is_for_host == REPORT_YES ? SEVERITY_NOTICE : SEVERITY_INFO;
}

static void plan_next_look(const struct store_client_report *report, int64_t now_ms, struct store_client_report_found *found) {
    int64_t age_ms = now_ms - report->first_ms;
    found->looks_again = (found->cause == REPORT_CANNOT_TELL || found->cause == REPORT_ATTACK) && age_ms < LOOK_DAYS * DAY_MS && report->facts.has_leaf;
    found->again_ms = now_ms + (age_ms < HOUR_MS ? LOOK_FIRST_MS : LOOK_LATER_MS);
}

/* Where records are forgotten after a time, that none is there proves nothing about what is older. */
static bool is_remembered(const struct monitor *monitor, const struct report_facts *facts) {
    int64_t kept_ms = (int64_t) monitor->settings->retention_days * DAY_MS;
    return kept_ms == 0 || facts->not_before * 1000 - DAY_MS >= clock_wall_ms() - kept_ms;
}

static result judge(const struct monitor *monitor, const struct store_client_report *report, struct arena *arena, struct store_client_report_found *ret_found) {
    CLEANUP(arena_free_at) struct arena *work = arena_new(JUDGE_ARENA_LIMIT);
    struct release_view view;
    struct report_cause_found found;
    if (work == NULL)
        return &fault_no_memory;
    TRY(look_at_releases(monitor, report, work, &view));
    bool is_drill = is_of_drill(monitor, &report->facts);
    struct report_facts facts = report->facts;
    facts.is_valid_then = valid_then(report);
    facts.is_public = is_drill ? REPORT_YES : facts.is_public;
    const struct client_report claims = {.format = report->format, .host = report->host, .has_enforcement = report->has_enforcement, .is_enforced = report->is_enforced,
                                         .has_result = report->has_result, .result = report->result, .app = report->app, .version = report->version, .platform = report->platform};
    const struct report_seen seen = {.is_logged = report->is_logged, .is_life_covered = (is_drill ? report->is_drill_covered : report->is_covered) && is_remembered(monitor, &facts),
                                     .is_over = !is_valid_at_receipt(report),
                                     .is_pinned_by_live = view.is_pinned, .is_refused_by_live = view.is_refused};
    report_cause_find(&claims, &facts, &seen, &found);
    *ret_found = (struct store_client_report_found){
        .tenant_id = report->tenant_id, .report_id = report->report_id, .cause = found.cause, .why = found.why,
        .severity = finding_severity_name(severity_of(found.cause, &claims, &facts, &view)), .release_app = arena_copy_text(arena, view.app), .verdict = view.verdict,
        .is_drill = is_drill};
    plan_next_look(report, clock_wall_ms(), ret_found);
    return ret_found->release_app == NULL ? &fault_no_memory : OK;
}

static result judge_some(struct monitor *monitor, size_t *ret_count) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct store_client_report *reports;
    struct store_client_report_found found[REPORTS_AT_ONCE];
    int64_t now_ms = clock_wall_ms();
    if (arena == NULL)
        return &fault_no_memory;
    const struct store_client_report_taking taking = {.now_ms = now_ms, .until_ms = now_ms + REPORT_MS, .limit = REPORTS_AT_ONCE};
    TRY(store_client_reports_due(monitor->store, &taking, arena, &reports, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        TRY(judge(monitor, &reports[i], arena, &found[i]));
    return *ret_count == 0 ? OK : store_client_reports_save(monitor->store, found, *ret_count, clock_wall_ms());
}

/* ---- reports that found no room */

static result tell_dropped(struct monitor *monitor, const struct store_client_reports_dropped *dropped, bool is_over) {
    char since[RFC3339_SIZE];
    text_of_time_ms(dropped->first_ms, since);
    json_t *evidence = is_over ? json_object()
                               : json_pack("{s:s, s:I, s:I, s:[s]}", "since", since, "no_room", (json_int_t) dropped->no_room, "limit", (json_int_t) dropped->limit, "reasons",
                                           dropped->no_room > 0 ? "as many different reports as are kept in a day have come" : "more reports come in a second than are taken");
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (text == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE_DROPPED, .is_over = is_over, .detail = "", .evidence = text, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(monitor, NULL, &event);
    memory_free_foreign(text);
    return fault;
}

static result watch_dropped(struct monitor *monitor) {
    struct store_client_reports_dropped dropped;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < monitor->dropped_due_ms)
        return OK;
    TRY(store_client_reports_dropped(monitor->store, clock_wall_ms(), &dropped));
    bool is_lasting = dropped.no_room > 0 || dropped.last_ms - dropped.first_ms >= DROPPED_TOLD_MS, is_over = dropped.no_room == 0 && dropped.limit == 0;
    if (is_lasting && monitor->told_dropped != TOLD_OPEN) {
        TRY(tell_dropped(monitor, &dropped, false));
        monitor->told_dropped = TOLD_OPEN;
    } else if (is_over && monitor->told_dropped != TOLD_OVER) {
        TRY(tell_dropped(monitor, &dropped, true)); /* also after a start: one may be open from before */
        monitor->told_dropped = TOLD_OVER;
    }
    monitor->dropped_due_ms = now_ms + DROPPED_EACH_MS;
    return OK;
}

result step_join_reports(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    int64_t begin_ms = clock_monotonic_ms();
    size_t count = REPORTS_AT_ONCE;
    TRY(save_hosts(monitor));
    for (unsigned turn = 0; turn < TURNS_PER_STEP && count == REPORTS_AT_ONCE && clock_monotonic_ms() - begin_ms < STEP_MS; turn++)
        TRY(judge_some(monitor, &count));
    return watch_dropped(monitor);
}
