#include <string.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "store/caa_shown.h"

#define SILENT_MS 60000   /* the poller writes every two seconds */
#define OVERDUE_S 600

struct caa_count {
    size_t resolvers, failing, old;
    const struct store_caa_status *troubled; /* the last of those */
    double overdue_seconds;
    uint64_t names, names_failing; /* the most of any resolver */
};

static void count_resolver(const struct store_caa_status *row, struct caa_count *count) {
    bool is_failing = strcmp(row->state, "failing") == 0;
    count->resolvers++;
    count->failing += is_failing;
    count->old += clock_wall_ms() - row->updated_ms > SILENT_MS;
    count->troubled = is_failing ? row : count->troubled;
    count->overdue_seconds = row->overdue_seconds > count->overdue_seconds ? row->overdue_seconds : count->overdue_seconds;
    count->names = row->owners > count->names ? row->owners : count->names;
    count->names_failing = row->owners_failing > count->names_failing ? row->owners_failing : count->names_failing;
}

static void say_resolvers(const struct caa_count *count, struct check_outcome *ret_outcome) {
    if (count->failing > 0) {
        check_set(ret_outcome, CHECK_WARNING, "%zu of %zu resolvers fail, the last %.64s: %.200s", count->failing, count->resolvers, count->troubled->resolver,
                  count->troubled->last_error);
        check_advise(ret_outcome, "mend the resolver, or name others in the settings (resolvers); who may issue is not known meanwhile");
        return;
    }
    if (count->overdue_seconds > OVERDUE_S) {
        check_set(ret_outcome, CHECK_WARNING, "%llu names are polled, the next one %.0f s late", (unsigned long long) count->names, count->overdue_seconds);
        check_advise(ret_outcome, "raise caa_queries_per_second, or caa_poll_seconds_least, where the resolver can bear it");
        return;
    }
    check_set(ret_outcome, CHECK_OK, "%llu names are polled through %zu resolvers; %llu cannot be resolved", (unsigned long long) count->names,
              count->resolvers, (unsigned long long) count->names_failing);
}

static const struct {
    const char *rule, *words, *advice;
} obstacles[] = {
    {"caa.not-polled", "not polled", "mend what it names; nothing needs to be started again"},
    {"caa.unrecordable", "the database refuses what is to be recorded of some names", "mend what its sentence names: pinwatch findings list --rule caa.unrecordable"},
    {"caa.too-many-names", "names without room", "raise caa_names_most in the settings, or narrow watches"},
};

/* The gravest of those that are open. */
static bool has_obstacle(const struct store_caa_obstacle *rows, size_t count, struct check_outcome *ret_outcome) {
    for (size_t i = 0; i < sizeof obstacles / sizeof obstacles[0]; i++)
        for (size_t row = 0; row < count; row++) {
            if (strcmp(rows[row].rule, obstacles[i].rule) != 0)
                continue;
            check_set(ret_outcome, CHECK_WARNING, "%s: %.300s", obstacles[i].words, rows[row].because);
            check_advise(ret_outcome, "%s", obstacles[i].advice);
            return true;
        }
    return false;
}

static void look_at_caa(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct store_caa_status *rows = NULL;
    struct store_caa_obstacle *in_the_way = NULL;
    size_t row_count = 0, obstacle_count = 0;
    struct caa_count count = {0};
    if (!doctor->settings->follows_caa) {
        check_set(ret_outcome, CHECK_OK, "not polled: follows_caa is false");
        return;
    }
    if (store_caa_status_load(doctor->store, doctor->arena, &rows, &row_count) != OK ||
        store_caa_obstacles_load(doctor->store, doctor->arena, &in_the_way, &obstacle_count) != OK) {
        check_set(ret_outcome, CHECK_FAILED, "cannot be read: %s", store_why(doctor->store)->text);
        return;
    }
    if (has_obstacle(in_the_way, obstacle_count, ret_outcome))
        return;
    for (size_t i = 0; i < row_count; i++)
        count_resolver(&rows[i], &count);
    if (doctor->service_pid != 0 && (row_count == 0 || count.old > 0)) {
        check_set(ret_outcome, CHECK_WARNING, row_count == 0 ? "nothing has been polled yet" : "nothing was polled for a minute");
        check_advise(ret_outcome, "the service's messages say why: caa.no-resolver, step.failed; it has just been started, perhaps");
        return;
    }
    if (row_count == 0)
        check_set(ret_outcome, CHECK_OK, "polled once the service runs");
    else
        say_resolvers(&count, ret_outcome);
}

const struct check doctor_caa_checks[] = {{"CAA", true, look_at_caa}, {NULL, false, NULL}};
