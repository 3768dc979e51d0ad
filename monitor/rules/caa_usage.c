#include "rules/caa_usage.h"

#include <string.h>

static bool is_wildcard(const char *name) {
    return strncmp(name, "*.", 2) == 0;
}

/* Names that nobody can ask the DNS about are governed by no set. */
static bool is_governed(const struct caa_seen_row *row, const struct caa_seen_wish *wish) {
    struct dns_name name;
    const char *base = is_wildcard(row->name) ? row->name + 2 : row->name;
    if (row->nearer[0] != '\0' || dns_name_from_text(span_of_text(base), &name, NULL) != OK || !dns_name_is_within(&name, wish->owner))
        return false;
    for (size_t i = 0; i < wish->nearer_count; i++)
        if (!dns_name_equal(&wish->nearer[i], wish->owner) && dns_name_is_within(&wish->nearer[i], wish->owner) && dns_name_is_within(&name, &wish->nearer[i]))
            return false;
    return true;
}

static bool is_same_issuer(const struct caa_seen_issuer *issuer, const struct caa_seen_row *row) {
    if (issuer->key.is_known || row->issuer_spki_sha256.is_known)
        return issuer->key.is_known && row->issuer_spki_sha256.is_known && hash_equal(&issuer->key.hash, &row->issuer_spki_sha256.hash);
    return strcmp(issuer->name, row->issuer) == 0;
}

static result issuer_of(struct caa_usage *usage, const struct caa_seen_row *row, const struct ca_extra_rows *extra, struct arena *arena,
                        struct caa_seen_issuer **ret_issuer) {
    struct ca_path path = {0};
    for (size_t i = 0; i < usage->issuer_count; i++)
        if (is_same_issuer(&usage->issuers[i], row)) {
            *ret_issuer = &usage->issuers[i];
            return OK;
        }
    if (row->issuer_spki_sha256.is_known)
        TRY(ca_table_path(&row->issuer_spki_sha256.hash, extra, arena, &path));
    struct caa_seen_issuer *issuer = &usage->issuers[usage->issuer_count++];
    const char *name = path.owner != NULL ? path.owner->name : row->issuer[0] != '\0' ? row->issuer : "an issuer that is not proven";
    *issuer = (struct caa_seen_issuer){.owner = path.owner, .name = name, .key = row->issuer_spki_sha256,
                                       .domains = path.domains != NULL && path.domains[0] != NULL ? path.domains : NULL};
    *ret_issuer = issuer;
    return OK;
}

/* Rows of one certificate; returns how many there are. */
static size_t rows_of_one(const struct caa_seen_row *rows, size_t count) {
    size_t size = 1;
    while (size < count && rows[size].certificate_id == rows[0].certificate_id)
        size++;
    return size;
}

static result take_certificate(struct caa_usage *usage, const struct caa_seen_row *rows, size_t count, const struct caa_seen_wish *wish,
                               const struct ca_extra_rows *extra, struct arena *arena) {
    const char **names = arena_take_array(arena, count + 1, sizeof *names);
    struct caa_seen_issuer *issuer;
    bool has_plain = false, has_wildcard = false;
    size_t name_count = 0;
    if (names == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (is_governed(&rows[i], wish)) {
            names[name_count++] = rows[i].name;
            *(is_wildcard(rows[i].name) ? &has_wildcard : &has_plain) = true;
        }
    if (name_count == 0)
        return OK;
    TRY(issuer_of(usage, &rows[0], extra, arena, &issuer));
    issuer->plain_count += has_plain;
    issuer->wildcard_count += has_wildcard;
    usage->certificates[usage->count++] = (struct caa_seen_certificate){.certificate_id = rows[0].certificate_id, .not_after_ms = rows[0].not_after_ms,
                                                                      .issuer = issuer, .names = names, .name_count = name_count};
    return OK;
}

result caa_usage_of_rows(const struct caa_seen_row *rows, size_t count, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra, struct arena *arena,
                         struct caa_usage *ret_usage) {
    struct caa_usage usage = {.issuers = arena_take_array(arena, count + 1, sizeof *usage.issuers),
                              .certificates = arena_take_array(arena, count + 1, sizeof *usage.certificates)};
    if (usage.issuers == NULL || usage.certificates == NULL)
        return &fault_no_memory;
    for (size_t at = 0, size; at < count; at += size) {
        size = rows_of_one(rows + at, count - at);
        TRY(take_certificate(&usage, rows + at, size, wish, extra, arena));
    }
    *ret_usage = usage;
    return OK;
}

/* ---- against a set */

static bool permits_domain(const struct caa_issuers *issuers, const char *domain) {
    const char *const domains[] = {domain, NULL};
    return caa_issuers_allow(issuers, domains);
}

static const char *telling_domain(const struct caa_seen_issuer *issuer, const struct caa_issuers *permitted) {
    for (size_t i = 0; issuer->domains[i] != NULL; i++)
        if (permits_domain(permitted, issuer->domains[i]))
            return issuer->domains[i];
    return issuer->domains[0];
}

/* What caa_lint is told, entry by entry. */
struct telling {
    const char **domains, **owners;
    uint8_t *uses;
    size_t count;
};

static int compare_told(const struct telling *telling, size_t at, const char *owner, const char *domain) {
    int order = strcmp(telling->owners[at], owner);
    return order != 0 ? order : strcmp(telling->domains[at], domain);
}

static void make_room(struct telling *telling, size_t at) {
    size_t behind = telling->count++ - at;
    memmove(telling->domains + at + 1, telling->domains + at, behind * sizeof *telling->domains);
    memmove(telling->owners + at + 1, telling->owners + at, behind * sizeof *telling->owners);
    memmove(telling->uses + at + 1, telling->uses + at, behind);
    telling->uses[at] = 0;
}

/* By name, not by who was seen first: remarks in another order would be told as others. */
static void tell(struct telling *telling, const struct caa_seen_issuer *issuer, const struct caa_issuers *permitted, uint8_t use) {
    const char *domain = telling_domain(issuer, permitted);
    size_t at = 0;
    while (at < telling->count && compare_told(telling, at, issuer->name, domain) < 0)
        at++;
    if (at == telling->count || compare_told(telling, at, issuer->name, domain) != 0)
        make_room(telling, at);
    telling->domains[at] = domain;
    telling->owners[at] = issuer->name;
    telling->uses[at] |= use;
}

result caa_usage_facts(const struct caa_usage *usage, const struct caa_record *records, size_t count, struct arena *arena, struct caa_lint_facts *facts) {
    size_t most = 2 * usage->issuer_count + 1;
    struct telling telling = {arena_take_array(arena, most, sizeof *telling.domains), arena_take_array(arena, most, sizeof *telling.owners),
                              arena_take_array(arena, most, sizeof *telling.uses), 0};
    struct caa_issuers host, wildcard;
    if (usage->count == 0)
        return OK;
    if (telling.domains == NULL || telling.owners == NULL || telling.uses == NULL)
        return &fault_no_memory;
    TRY(caa_issuers_of(records, count, CAA_FOR_HOST, arena, &host));
    TRY(caa_issuers_of(records, count, CAA_FOR_WILDCARD, arena, &wildcard));
    for (size_t i = 0; i < usage->issuer_count; i++) {
        const struct caa_seen_issuer *issuer = &usage->issuers[i];
        if (issuer->domains != NULL && issuer->plain_count > 0)
            tell(&telling, issuer, &host, CAA_SEEN_PLAIN);
        if (issuer->domains != NULL && issuer->wildcard_count > 0)
            tell(&telling, issuer, &wildcard, CAA_SEEN_WILDCARD);
    }
    facts->seen_domains = telling.domains;
    facts->seen_owners = telling.owners;
    facts->seen_uses = telling.uses;
    return OK;
}

enum caa_renewal caa_renewal_of(const struct caa_seen_certificate *certificate, const struct caa_issuers *host, const struct caa_issuers *wildcard) {
    const char *const *domains = certificate->issuer->domains;
    enum caa_renewal worst = CAA_RENEWAL_PERMITTED;
    for (size_t i = 0; i < certificate->name_count; i++) {
        const struct caa_issuers *issuers = is_wildcard(certificate->names[i]) ? wildcard : host;
        bool is_nobody = !issuers->is_any && issuers->count == 0;
        if (issuers->is_any || (domains != NULL && caa_issuers_allow(issuers, domains)))
            continue;
        if (domains != NULL || is_nobody)
            return CAA_RENEWAL_REFUSED;
        worst = CAA_RENEWAL_UNKNOWN;
    }
    return worst;
}

bool caa_usage_has_unmapped(const struct caa_usage *usage) {
    for (size_t i = 0; i < usage->issuer_count; i++)
        if (usage->issuers[i].domains == NULL)
            return true;
    return false;
}

size_t caa_usage_drop_guesses(const struct caa_usage *usage, struct caa_lint_remark *remarks, size_t count) {
    size_t kept = 0;
    if (!usage->is_cut && !caa_usage_has_unmapped(usage))
        return count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(remarks[i].rule, "ca-unused") != 0)
            remarks[kept++] = remarks[i];
    return kept;
}
