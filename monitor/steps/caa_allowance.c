#include "base/log.h"
#include "base/memory.h"
#include "formats/dns_name.h"
#include "steps/caa_verdict.h"
#include "store/caa_history.h"
#include "store/caa_verdicts.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define OWNERS_MAX 128

/* One climb. */
struct asking {
    struct monitor *monitor;
    int32_t tenant_id;
    bool is_wildcard;
    const char *const *issuer_domains;
    struct arena *arena;
    const char *owners[OWNERS_MAX];
    size_t owner_count;
};

static result list_owners(struct asking *asking, struct dns_name owner) {
    asking->owner_count = 0;
    for (; !dns_name_is_root(&owner) && asking->owner_count < OWNERS_MAX; owner = dns_name_parent(&owner)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&owner, text);
        if ((asking->owners[asking->owner_count++] = arena_copy_text(asking->arena, text)) == NULL)
            return &fault_no_memory;
    }
    return OK;
}

static const struct store_caa_accepted *accepted_at(const struct store_caa_accepted *rows, size_t count, const char *owner) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].owner, owner) == 0)
            return &rows[i];
    return NULL;
}

/* Through what is taken for true; an owner that was never answered about leaves it open. */
static result climb(struct asking *asking, enum caa_allowance *ret_allowance) {
    struct store_caa_accepted *rows;
    size_t count;
    *ret_allowance = CAA_NOT_RECORDED;
    TRY(store_caa_accepted_load(asking->monitor->store, asking->owners, asking->owner_count, asking->arena, &rows, &count));
    for (size_t i = 0; i < asking->owner_count; i++) {
        const struct store_caa_accepted *row = accepted_at(rows, count, asking->owners[i]);
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
    *ret_allowance = asking->owner_count > 0 ? CAA_ALLOWED : CAA_NOT_RECORDED;
    return OK;
}

/* Is it allowed only since a change that the tenant has not heard of? */
static result heed_news(struct asking *asking, enum caa_allowance *allowance) {
    struct store_caa_news *news;
    size_t count;
    struct store_caa_news_wish wish = {.tenant_id = asking->tenant_id, .owners = asking->owners, .owner_count = asking->owner_count,
                                       .needs_decision = strcmp(asking->monitor->settings->caa_trust_after, "acknowledgement") == 0};
    TRY(store_caa_news_load(asking->monitor->store, &wish, asking->arena, &news, &count));
    for (size_t i = 0; i < count; i++)
        if (caa_issuers_allow(asking->is_wildcard ? &news[i].wildcard_gained : &news[i].gained, asking->issuer_domains))
            *allowance = CAA_ALLOWED_BY_NEWS;
    return OK;
}

static result allowance_at(struct asking *asking, const struct dns_name *name, enum caa_allowance *ret_allowance) {
    TRY(list_owners(asking, *name));
    TRY(climb(asking, ret_allowance));
    return *ret_allowance == CAA_ALLOWED ? heed_news(asking, ret_allowance) : OK;
}

static result allowance_of(struct asking *asking, const struct store_watch *watch, const char *name, enum caa_allowance *ret_allowance) {
    struct dns_name base, watched;
    enum caa_allowance own;
    asking->is_wildcard = strncmp(name, "*.", 2) == 0;
    TRY(dns_name_from_text(span_of_text(asking->is_wildcard ? name + 2 : name), &base, NULL));
    TRY(allowance_at(asking, &base, &own));
    *ret_allowance = own;
    if (dns_name_from_text(span_of_text(watch->value), &watched, NULL) != OK || dns_name_equal(&base, &watched) || !dns_name_is_within(&base, &watched))
        return OK;
    TRY(allowance_at(asking, &watched, ret_allowance));
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
