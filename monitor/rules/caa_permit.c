#include "rules/caa_permit.h"

#include <stdlib.h>
#include <strings.h>

static const char *const known_tags[] = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"};
#define KNOWN_TAGS (sizeof known_tags / sizeof known_tags[0])

static bool is_text(struct span bytes, const char *text) {
    return bytes.size == strlen(text) && (bytes.size == 0 || strncasecmp((const char *) bytes.bytes, text, bytes.size) == 0);
}

bool caa_tag_is_known(struct span tag) {
    for (size_t i = 0; i < KNOWN_TAGS; i++)
        if (is_text(tag, known_tags[i]))
            return true;
    return false;
}

static bool has_tag(const struct caa_record *records, size_t count, const char *tag) {
    for (size_t i = 0; i < count; i++)
        if (is_text(records[i].tag, tag))
            return true;
    return false;
}

/* RFC 8659 4.3: for a wildcard issuewild counts where there is one, otherwise issue; for anything else issuewild does not count. */
static const char *tag_that_counts(const struct caa_record *records, size_t count, enum caa_purpose purpose) {
    static const char *const tags[] = {[CAA_FOR_HOST] = "issue", [CAA_FOR_EMAIL] = "issuemail", [CAA_FOR_VMC] = "issuevmc"};
    if (purpose != CAA_FOR_WILDCARD)
        return tags[purpose];
    return has_tag(records, count, "issuewild") ? "issuewild" : "issue";
}

static const struct caa_record *critical_unknown(const struct caa_record *records, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (caa_is_critical(&records[i]) && !caa_tag_is_known(records[i].tag))
            return &records[i];
    return NULL;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char *lower_case(struct arena *arena, struct span text) {
    char *copy = arena_copy_span_as_text(arena, text);
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char) (*at - 'A' + 'a');
    return copy;
}

static size_t drop_repetitions(const char **sorted, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(sorted[kept - 1], sorted[i]) != 0)
            sorted[kept++] = sorted[i];
    return kept;
}

/* The domains that the records with this tag name. A value that cannot be parsed names nobody (RFC 8659 4.2). */
static result collect_domains(const struct caa_record *records, size_t count, const char *tag, struct arena *arena,
                              struct caa_issuers *ret_issuers) {
    const char **domains = arena_take_array(arena, count, sizeof *domains);
    size_t found = 0;
    if (domains == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        struct caa_issuer_value value;
        if (!is_text(records[i].tag, tag) || caa_issuer_value_parse(records[i].value, &value, NULL) != OK || value.domain.size == 0)
            continue;
        domains[found] = lower_case(arena, value.domain);
        if (domains[found++] == NULL)
            return &fault_no_memory;
    }
    qsort(domains, found, sizeof *domains, compare_texts);
    *ret_issuers = (struct caa_issuers){.domains = domains, .count = drop_repetitions(domains, found), .critical_tag = ""};
    return OK;
}

/* As for somebody who knows every tag. */
static result issuers_by_tags(const struct caa_record *records, size_t count, enum caa_purpose purpose, struct arena *arena,
                              struct caa_issuers *ret_issuers) {
    const char *tag = tag_that_counts(records, count, purpose);
    if (has_tag(records, count, tag))
        return collect_domains(records, count, tag, arena, ret_issuers);
    *ret_issuers = (struct caa_issuers){.is_any = true, .critical_tag = ""};
    return OK;
}

result caa_issuers_of(const struct caa_record *records, size_t count, enum caa_purpose purpose, struct arena *arena,
                      struct caa_issuers *ret_issuers) {
    const struct caa_record *critical = critical_unknown(records, count);
    if (critical != NULL) {
        const char *name = arena_copy_span_as_text(arena, critical->tag);
        if (name == NULL)
            return &fault_no_memory;
        *ret_issuers = (struct caa_issuers){.critical_tag = name};
        return OK;
    }
    return issuers_by_tags(records, count, purpose, arena, ret_issuers);
}

static int compare_domain(const void *domain, const void *element) {
    return strcasecmp(domain, *(const char *const *) element);
}

static bool names_domain(const struct caa_issuers *issuers, const char *domain) {
    return issuers->count > 0 && bsearch(domain, issuers->domains, issuers->count, sizeof *issuers->domains, compare_domain) != NULL;
}

bool caa_issuers_allow(const struct caa_issuers *issuers, const char *const *domains) {
    if (issuers->is_any)
        return true;
    for (size_t i = 0; domains != NULL && domains[i] != NULL; i++)
        if (names_domain(issuers, domains[i]))
            return true;
    return false;
}

result caa_permission_of(const struct caa_record *records, size_t count, enum caa_purpose purpose, const char *const *domains, struct arena *arena,
                         enum caa_permission *ret_permission) {
    struct caa_issuers issuers;
    TRY(issuers_by_tags(records, count, purpose, arena, &issuers));
    if (!caa_issuers_allow(&issuers, domains))
        *ret_permission = CAA_FORBIDS;
    else
        *ret_permission = critical_unknown(records, count) != NULL ? CAA_MAY_PERMIT : CAA_PERMITS;
    return OK;
}
