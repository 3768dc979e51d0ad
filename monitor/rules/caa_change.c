#include "rules/caa_change.h"

#include <string.h>

static result issuers_of_set(const struct caa_set *set, enum caa_purpose purpose, struct arena *arena, struct caa_issuers *ret_issuers) {
    struct caa_record *records = NULL;
    size_t count = 0;
    TRY(caa_set_decode(caa_set_span(set), arena, &records, &count));
    return caa_issuers_of(records, count, purpose, arena, ret_issuers);
}

static bool has_domain(const struct caa_issuers *issuers, const char *domain) {
    for (size_t i = 0; i < issuers->count; i++)
        if (strcmp(issuers->domains[i], domain) == 0)
            return true;
    return false;
}

/* Those of `b` that are not in `a`. */
static result added(const struct caa_issuers *a, const struct caa_issuers *b, struct arena *arena, struct caa_issuers *ret_added) {
    *ret_added = (struct caa_issuers){.is_any = b->is_any && !a->is_any, .critical_tag = ""};
    if (a->is_any || b->is_any)
        return OK;
    const char **domains = arena_take_array(arena, b->count + 1, sizeof *domains);
    if (domains == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < b->count; i++)
        if (!has_domain(a, b->domains[i]))
            domains[ret_added->count++] = b->domains[i];
    ret_added->domains = domains;
    return OK;
}

result caa_difference_of(const struct caa_set *before, const struct caa_set *after, enum caa_purpose purpose, struct arena *arena,
                         struct caa_difference *ret_difference) {
    struct caa_issuers old, new;
    *ret_difference = (struct caa_difference){.gained.critical_tag = "", .lost.critical_tag = ""};
    if (before == NULL || after == NULL)
        return OK;
    TRY(issuers_of_set(before, purpose, arena, &old));
    TRY(issuers_of_set(after, purpose, arena, &new));
    TRY(added(&old, &new, arena, &ret_difference->gained));
    return added(&new, &old, arena, &ret_difference->lost);
}

bool caa_transition_is_news(const struct caa_set *before, const struct caa_set *after, const struct caa_set *accepted, bool is_accepted_said_by_other) {
    if (after == accepted || after == before)
        return false;
    return before != NULL || (accepted != NULL && !is_accepted_said_by_other);
}
