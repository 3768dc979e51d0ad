#include "rules/caa_unrest.h"

#include <string.h>

#include "base/memory.h"

#define RECENT_MAX (CAA_RESTLESS_FROM - 1)

struct caa_unrest *caa_unrest_new(void) {
    return memory_new(sizeof(struct caa_unrest));
}

static void forget(struct caa_unrest *unrest, struct caa_sets *sets) {
    for (size_t i = 0; i < unrest->right_count; i++)
        memory_free(unrest->rights[i].domain);
    for (size_t i = 0; i < unrest->seen_count; i++)
        caa_set_unref(sets, unrest->seen[i].set);
    memory_free(unrest->rights);
    *unrest = (struct caa_unrest){0};
}

void caa_unrest_free(struct caa_unrest *unrest, struct caa_sets *sets) {
    if (unrest == NULL)
        return;
    forget(unrest, sets);
    memory_free(unrest);
}

/* ---- changes */

void caa_unrest_take(struct caa_unrest *unrest, struct caa_sets *sets, int64_t at_ms) {
    if (unrest->changes > 0 && at_ms - unrest->last_ms >= CAA_CALM_MS)
        forget(unrest, sets);
    if (unrest->changes++ == 0)
        unrest->since_ms = at_ms;
    else if (at_ms < unrest->last_ms)
        at_ms = unrest->last_ms;
    unrest->last_ms = at_ms;
    unrest->is_restless |= unrest->recent_ms[0] != 0 && at_ms - unrest->recent_ms[0] < CAA_CALM_MS;
    memmove(&unrest->recent_ms[0], &unrest->recent_ms[1], (RECENT_MAX - 1) * sizeof unrest->recent_ms[0]);
    unrest->recent_ms[RECENT_MAX - 1] = at_ms;
}

void caa_unrest_see(struct caa_unrest *unrest, struct caa_sets *sets, struct caa_seen seen) {
    size_t place = 0;
    while (place < unrest->seen_count && unrest->seen[place].set != seen.set)
        place++;
    if (place < unrest->seen_count) {
        caa_set_unref(sets, seen.set);
        unrest->seen[place].times += seen.times;
        unrest->seen[place].last_ms = seen.last_ms > unrest->seen[place].last_ms ? seen.last_ms : unrest->seen[place].last_ms;
        return;
    }
    if (place < CAA_SEEN_MAX) {
        unrest->seen[unrest->seen_count++] = seen;
        return;
    }
    place = 0;
    for (size_t i = 1; i < CAA_SEEN_MAX; i++)
        if (unrest->seen[i].last_ms < unrest->seen[place].last_ms)
            place = i;
    caa_set_unref(sets, unrest->seen[place].set);
    unrest->seen[place] = seen;
}

bool caa_unrest_holds(const struct caa_unrest *unrest, int64_t now_ms) {
    return unrest != NULL && unrest->is_restless && now_ms - unrest->last_ms < CAA_CALM_MS;
}

/* ---- rights */

static bool has_right(const struct caa_unrest *unrest, const struct caa_right *wanted) {
    for (size_t i = 0; i < unrest->right_count; i++) {
        const struct caa_right *right = &unrest->rights[i];
        if (right->tenant_id == wanted->tenant_id && right->is_for_wildcard == wanted->is_for_wildcard && strcmp(right->domain, wanted->domain) == 0)
            return true;
    }
    return false;
}

static result add_right(struct caa_unrest *unrest, const struct caa_right *right) {
    if (has_right(unrest, right))
        return OK;
    void *grown = memory_grow(unrest->rights, unrest->right_count, &unrest->right_room, sizeof *unrest->rights);
    if (grown == NULL)
        return &fault_no_memory;
    unrest->rights = grown;
    size_t size = strlen(right->domain) + 1;
    char *domain = memory_new(size);
    if (domain == NULL)
        return &fault_no_memory;
    memcpy(domain, right->domain, size);
    unrest->rights[unrest->right_count] = *right;
    unrest->rights[unrest->right_count++].domain = domain;
    return OK;
}

/* The right number `at` that comes with a change: of plain names first; false past the last. */
static bool right_at(const struct caa_gain *gain, size_t at, struct caa_right *ret_right) {
    size_t plain_count = gain->plain->count + gain->plain->is_any;
    bool is_for_wildcard = at >= plain_count;
    const struct caa_issuers *issuers = is_for_wildcard ? gain->wildcard : gain->plain;
    at -= is_for_wildcard ? plain_count : 0;
    if (at >= issuers->count + issuers->is_any)
        return false;
    bool is_any = at >= issuers->count;
    const char *domain = is_any ? "" : issuers->domains[at];
    *ret_right = (struct caa_right){.tenant_id = gain->tenant_id, .is_for_wildcard = is_for_wildcard, .domain = (char *) domain,
                                    .is_stranger = !is_any && !ca_table_knows_domain(domain, gain->extra)};
    return true;
}

static size_t count_strangers(const struct caa_unrest *unrest, int32_t tenant_id) {
    size_t count = 0;
    for (size_t i = 0; i < unrest->right_count; i++)
        count += unrest->rights[i].tenant_id == tenant_id && unrest->rights[i].is_stranger;
    return count;
}

result caa_unrest_remember(struct caa_unrest *unrest, const struct caa_gain *gain) {
    struct caa_right right;
    for (size_t at = 0; right_at(gain, at, &right); at++)
        TRY(add_right(unrest, &right));
    return OK;
}

result caa_unrest_tell(struct caa_unrest *unrest, const struct caa_gain *gain, enum caa_telling *ret_telling) {
    struct caa_right right;
    bool is_new = false, is_unheard = false, has_room = count_strangers(unrest, gain->tenant_id) < CAA_STRANGERS_TOLD;
    for (size_t at = 0; unrest->is_restless && right_at(gain, at, &right); at++) {
        bool was_told = has_right(unrest, &right);
        is_new |= !was_told && (!right.is_stranger || has_room);
        is_unheard |= !was_told && right.is_stranger && !has_room;
    }
    *ret_telling = !unrest->is_restless || is_new ? CAA_TOLD_ALONE : is_unheard ? CAA_TOLD_UNHEARD : CAA_TOLD_TOGETHER;
    return *ret_telling == CAA_TOLD_ALONE ? caa_unrest_remember(unrest, gain) : OK;
}
