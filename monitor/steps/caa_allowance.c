#include "base/log.h"
#include "base/memory.h"
#include "formats/dns_name.h"
#include "steps/caa_verdict.h"
#include "store/caa_verdicts.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define OWNERS_MAX 128

/* The climb of one name, and what is recorded along it. */
struct asking {
    struct monitor *monitor;
    int32_t tenant_id;
    bool is_wildcard;
    const char *const *issuer_domains;
    struct arena *arena;
    const char *owners[OWNERS_MAX];
    size_t owner_count;
    struct store_caa_climb_row *rows;
    size_t row_count;
};

static result list_owners(struct asking *asking, struct dns_name owner) {
    for (; !dns_name_is_root(&owner) && asking->owner_count < OWNERS_MAX; owner = dns_name_parent(&owner)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&owner, text);
        if ((asking->owners[asking->owner_count++] = arena_copy_text(asking->arena, text)) == NULL)
            return &fault_no_memory;
    }
    return OK;
}

static result ask(struct asking *asking, const struct dns_name *base) {
    TRY(list_owners(asking, *base));
    struct store_caa_climb_wish wish = {.tenant_id = asking->tenant_id, .owners = asking->owners, .owner_count = asking->owner_count,
                                        .needs_decision = strcmp(asking->monitor->settings->caa_trust_after, "acknowledgement") == 0};
    return store_caa_climb_load(asking->monitor->store, &wish, asking->arena, &asking->rows, &asking->row_count);
}

static const struct store_caa_climb_row *accepted_at(const struct asking *asking, const char *owner) {
    for (size_t i = 0; i < asking->row_count; i++)
        if (!asking->rows[i].is_news && strcmp(asking->rows[i].owner, owner) == 0)
            return &asking->rows[i];
    return NULL;
}

/* Through what is taken for true, from the owner number `first` on; one that was never answered leaves it open. */
static result climb(struct asking *asking, size_t first, enum caa_allowance *ret_allowance) {
    *ret_allowance = CAA_NOT_RECORDED;
    for (size_t i = first; i < asking->owner_count; i++) {
        const struct store_caa_climb_row *row = accepted_at(asking, asking->owners[i]);
        struct caa_record *records;
        struct caa_issuers issuers;
        size_t record_count;
        if (row == NULL)
            return OK;
        if (row->outcome == CAA_EMPTY)
            continue;
        TRY(caa_set_decode(row->records, asking->arena, &records, &record_count));
        TRY(caa_issuers_of(records, record_count, asking->is_wildcard ? CAA_FOR_WILDCARD : CAA_FOR_HOST, asking->arena, &issuers));
        *ret_allowance = caa_issuers_allow(&issuers, asking->issuer_domains) ? CAA_ALLOWED : CAA_NOT_ALLOWED;
        return OK;
    }
    *ret_allowance = asking->owner_count > first ? CAA_ALLOWED : CAA_NOT_RECORDED;
    return OK;
}

static bool is_on_the_way(const struct asking *asking, size_t first, const char *owner) {
    for (size_t i = first; i < asking->owner_count; i++)
        if (strcmp(asking->owners[i], owner) == 0)
            return true;
    return false;
}

/* Is it allowed only since a change that the tenant has not heard of? */
static result allowance_from(struct asking *asking, size_t first, enum caa_allowance *ret_allowance) {
    TRY(climb(asking, first, ret_allowance));
    for (size_t i = 0; *ret_allowance == CAA_ALLOWED && i < asking->row_count; i++) {
        const struct store_caa_climb_row *row = &asking->rows[i];
        if (row->is_news && is_on_the_way(asking, first, row->owner) &&
            caa_issuers_allow(asking->is_wildcard ? &row->wildcard_gained : &row->gained, asking->issuer_domains))
            *ret_allowance = CAA_ALLOWED_BY_NEWS;
    }
    return OK;
}

/* What the watched name allows, the name's own records can only restrict. */
static result allowance_of(struct asking *asking, const struct store_watch *watch, const char *name, enum caa_allowance *ret_allowance) {
    struct dns_name base, watched;
    enum caa_allowance own;
    asking->is_wildcard = strncmp(name, "*.", 2) == 0;
    TRY(dns_name_from_text(span_of_text(asking->is_wildcard ? name + 2 : name), &base, NULL));
    TRY(ask(asking, &base));
    TRY(allowance_from(asking, 0, &own));
    *ret_allowance = own;
    if (dns_name_from_text(span_of_text(watch->value), &watched, NULL) != OK || dns_name_equal(&base, &watched) || !dns_name_is_within(&base, &watched))
        return OK;
    unsigned below = dns_name_label_count(&base) - dns_name_label_count(&watched);
    TRY(allowance_from(asking, below, ret_allowance));
    if (*ret_allowance == CAA_ALLOWED && own != CAA_NOT_RECORDED)
        *ret_allowance = own;
    return OK;
}

enum caa_allowance caa_allowance_of(void *monitor, const struct store_watch *watch, const char *name, const char *const *issuer_domains) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct asking asking = {.monitor = monitor, .tenant_id = watch->tenant_id, .issuer_domains = issuer_domains, .arena = arena};
    enum caa_allowance allowance = CAA_NOT_RECORDED;
    result fault = arena == NULL ? &fault_no_memory : allowance_of(&asking, watch, name, &allowance);
    if (fault == OK || fault == &fault_dns_name)
        return fault == OK ? allowance : CAA_NOT_RECORDED;
    log_say(LOG_WARNING, "caa.not-asked", LOG_TEXT("name", name), LOG_FAULT(fault));
    return CAA_NOT_RECORDED;
}
