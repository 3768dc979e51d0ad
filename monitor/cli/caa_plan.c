#include "cli/caa_plan.h"

#include <stdio.h>

#include "settings/file.h"

/* Owners of the file take the names below them away from the relevant set. */
static result owners_of(const struct caa_text *text, struct arena *arena, struct caa_seen_wish *wish) {
    struct dns_name *owners = arena_take_array(arena, text->record_count + 1, sizeof *owners);
    if (owners == NULL)
        return &fault_no_memory;
    wish->nearer = owners;
    for (size_t i = 0; i < text->record_count; i++)
        if (wish->nearer_count == 0 || !dns_name_equal(&owners[wish->nearer_count - 1], &text->records[i].owner))
            owners[wish->nearer_count++] = text->records[i].owner;
    return OK;
}

static result sort_out(const struct caa_view *view, const struct caa_usage *seen, struct caa_plan *plan) {
    plan->governed = seen->count;
    plan->is_cut = seen->is_cut;
    plan->refused = arena_take_array(plan->database.arena, seen->count + 1, sizeof *plan->refused);
    plan->unmapped = arena_take_array(plan->database.arena, seen->count + 1, sizeof *plan->unmapped);
    if (plan->refused == NULL || plan->unmapped == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < seen->count; i++) {
        const struct caa_seen_certificate *certificate = &seen->certificates[i];
        enum caa_renewal renewal = caa_renewal_of(certificate, &view->host, &view->wildcard);
        if (renewal == CAA_RENEWAL_REFUSED)
            plan->refused[plan->refused_count++] = *certificate;
        else if (renewal == CAA_RENEWAL_UNKNOWN)
            plan->unmapped[plan->unmapped_count++] = *certificate;
    }
    return OK;
}

static result look(const struct caa_judged *judged, const struct caa_text *text, struct caa_plan *plan) {
    const struct caa_view *view = judged->agreed;
    struct caa_seen_wish wish = {.owner = &view->relevant->owner};
    struct ca_extra_rows extra;
    struct caa_usage seen;
    TRY(owners_of(text, plan->database.arena, &wish));
    TRY(caa_seen_extra(&plan->database, &extra));
    TRY(caa_seen_load(&plan->database, &wish, &extra, &seen));
    return sort_out(view, &seen, plan);
}

static bool has_settings(const char *config) {
    struct arena *arena = arena_new(65536);
    bool has = config != NULL || (arena != NULL && settings_find_file(arena) != NULL);
    arena_free(arena);
    return has;
}

void caa_plan_look(const struct caa_judged *judged, const struct caa_text *text, const char *config, struct caa_plan *ret_plan) {
    *ret_plan = (struct caa_plan){0};
    if (!has_settings(config)) {
        fputs("pinwatch: there is no settings file, so no database to ask: which certificates could not be renewed is not known\n", stderr);
        return;
    }
    if (database_open(config, &ret_plan->database) == EXIT_OK) {
        result outcome = look(judged, text, ret_plan);
        ret_plan->is_known = outcome == OK;
        if (outcome != OK)
            (void) database_failed(&ret_plan->database, outcome);
    }
    if (!ret_plan->is_known)
        fputs("pinwatch: so which certificates could not be renewed is not known\n", stderr);
}

void caa_plan_done(struct caa_plan *plan) {
    database_done(&plan->database);
}

void caa_plan_print(const struct caa_plan *plan) {
    if (!plan->is_known) {
        fputs("\nRenewals: not known, the database could not be asked\n", stdout);
        return;
    }
    printf("\nRenewals: of %zu%s certificates that were seen, have not expired and have names under this set, %zu could not be renewed by their issuer\n",
           plan->governed, plan->is_cut ? " or more" : "", plan->refused_count);
    caa_seen_print("  ", plan->refused, plan->refused_count);
    if (plan->unmapped_count > 0)
        printf("Of %zu more the issuer is in no table of CAs: whether it could is not known\n", plan->unmapped_count);
    caa_seen_print("  ", plan->unmapped, plan->unmapped_count);
}

void caa_plan_add_json(const struct caa_plan *plan, json_t *object) {
    json_object_set_new(object, "refused", plan->is_known ? caa_seen_json(plan->refused, plan->refused_count) : json_null());
    json_object_set_new(object, "unmapped", plan->is_known ? caa_seen_json(plan->unmapped, plan->unmapped_count) : json_null());
}
