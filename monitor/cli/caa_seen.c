#include "cli/caa_seen.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/certificate_json.h"
#include "cli/table.h"
#include "store/ca_keys.h"
#include "store/caa_shown.h"

#define SHOWN_NAMES_MAX 6
#define SHOWN_CERTIFICATES_MAX 50

result caa_seen_extra(struct database *database, struct ca_extra_rows *ret_extra) {
    struct store_ca_keys keys;
    TRY(store_ca_keys_load(database->store, true, database->arena, &keys));
    return store_ca_keys_use(&keys, database->arena, ret_extra);
}

static bool is_wildcard(const char *name) {
    return strncmp(name, "*.", 2) == 0;
}

/* Names that nobody can ask the DNS about are governed by no set. */
static bool is_governed(const struct store_caa_seen *row, const struct caa_seen_wish *wish) {
    struct dns_name name;
    const char *base = is_wildcard(row->name) ? row->name + 2 : row->name;
    if (row->nearer[0] != '\0' || dns_name_from_text(span_of_text(base), &name, NULL) != OK || !dns_name_is_within(&name, wish->owner))
        return false;
    for (size_t i = 0; i < wish->nearer_count; i++)
        if (!dns_name_equal(&wish->nearer[i], wish->owner) && dns_name_is_within(&wish->nearer[i], wish->owner) && dns_name_is_within(&name, &wish->nearer[i]))
            return false;
    return true;
}

static bool is_same_issuer(const struct caa_seen_issuer *issuer, const struct store_caa_seen *row) {
    if (issuer->key.is_known || row->issuer_spki_sha256.is_known)
        return issuer->key.is_known && row->issuer_spki_sha256.is_known && hash_equal(&issuer->key.hash, &row->issuer_spki_sha256.hash);
    return strcmp(issuer->name, row->issuer) == 0;
}

static result issuer_of(struct caa_seen *seen, const struct store_caa_seen *row, const struct ca_extra_rows *extra, struct arena *arena,
                        struct caa_seen_issuer **ret_issuer) {
    struct ca_path path = {0};
    for (size_t i = 0; i < seen->issuer_count; i++)
        if (is_same_issuer(&seen->issuers[i], row)) {
            *ret_issuer = &seen->issuers[i];
            return OK;
        }
    if (row->issuer_spki_sha256.is_known)
        TRY(ca_table_path(&row->issuer_spki_sha256.hash, extra, arena, &path));
    struct caa_seen_issuer *issuer = &seen->issuers[seen->issuer_count++];
    const char *name = path.owner != NULL ? path.owner->name : row->issuer[0] != '\0' ? row->issuer : "an issuer that is not proven";
    *issuer = (struct caa_seen_issuer){.owner = path.owner, .name = name, .key = row->issuer_spki_sha256,
                                       .domains = path.domains != NULL && path.domains[0] != NULL ? path.domains : NULL};
    *ret_issuer = issuer;
    return OK;
}

/* Rows of one certificate; returns how many there are. */
static size_t rows_of_one(const struct store_caa_seen *rows, size_t count) {
    size_t size = 1;
    while (size < count && rows[size].certificate_id == rows[0].certificate_id)
        size++;
    return size;
}

static result take_certificate(struct caa_seen *seen, const struct store_caa_seen *rows, size_t count, const struct caa_seen_wish *wish,
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
    TRY(issuer_of(seen, &rows[0], extra, arena, &issuer));
    issuer->plain_count += has_plain;
    issuer->wildcard_count += has_wildcard;
    seen->certificates[seen->count++] = (struct caa_seen_certificate){.certificate_id = rows[0].certificate_id, .not_after_ms = rows[0].not_after_ms,
                                                                      .issuer = issuer, .names = names, .name_count = name_count};
    return OK;
}

result caa_seen_load(struct database *database, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra, struct caa_seen *ret_seen) {
    char owner[DNS_NAME_TEXT_SIZE];
    struct store_caa_seen *rows;
    struct caa_seen seen = {0};
    size_t count;
    dns_name_to_text(wish->owner, owner);
    TRY(store_caa_seen_load(database->store, owner, clock_wall_ms(), database->arena, &rows, &count));
    seen.is_cut = count == STORE_CAA_SEEN_MAX;
    seen.issuers = arena_take_array(database->arena, count + 1, sizeof *seen.issuers);
    seen.certificates = arena_take_array(database->arena, count + 1, sizeof *seen.certificates);
    if (seen.issuers == NULL || seen.certificates == NULL)
        return &fault_no_memory;
    for (size_t at = 0, size; at < count; at += size) {
        size = rows_of_one(rows + at, count - at);
        TRY(take_certificate(&seen, rows + at, size, wish, extra, database->arena));
    }
    *ret_seen = seen;
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

static void tell(struct telling *telling, const struct caa_seen_issuer *issuer, const struct caa_issuers *permitted, uint8_t use) {
    const char *domain = telling_domain(issuer, permitted);
    size_t at = 0;
    while (at < telling->count && (strcmp(telling->owners[at], issuer->name) != 0 || strcmp(telling->domains[at], domain) != 0))
        at++;
    telling->domains[at] = domain;
    telling->owners[at] = issuer->name;
    telling->uses[at] |= use;
    telling->count += at == telling->count;
}

result caa_seen_facts(const struct caa_seen *seen, const struct caa_record *records, size_t count, struct arena *arena, struct caa_lint_facts *facts) {
    size_t most = 2 * seen->issuer_count + 1;
    struct telling telling = {arena_take_array(arena, most, sizeof *telling.domains), arena_take_array(arena, most, sizeof *telling.owners),
                              arena_take_array(arena, most, sizeof *telling.uses), 0};
    struct caa_issuers host, wildcard;
    if (seen->count == 0)
        return OK;
    if (telling.domains == NULL || telling.owners == NULL || telling.uses == NULL)
        return &fault_no_memory;
    TRY(caa_issuers_of(records, count, CAA_FOR_HOST, arena, &host));
    TRY(caa_issuers_of(records, count, CAA_FOR_WILDCARD, arena, &wildcard));
    for (size_t i = 0; i < seen->issuer_count; i++) {
        const struct caa_seen_issuer *issuer = &seen->issuers[i];
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

/* ---- shown */

static void print_one(const char *indent, const struct caa_seen_certificate *certificate) {
    char until[RFC3339_SIZE];
    text_of_time_ms(certificate->not_after_ms, until);
    printf("%s%lld  ", indent, (long long) certificate->certificate_id);
    print_harmless(span_of_text(certificate->issuer->name));
    printf(", until %s: ", until);
    for (size_t i = 0; i < certificate->name_count && i < SHOWN_NAMES_MAX; i++) {
        fputs(i == 0 ? "" : " ", stdout);
        print_harmless(span_of_text(certificate->names[i]));
    }
    if (certificate->name_count > SHOWN_NAMES_MAX)
        printf(" and %zu more", certificate->name_count - SHOWN_NAMES_MAX);
    fputs("\n", stdout);
}

void caa_seen_print(const char *indent, const struct caa_seen_certificate *certificates, size_t count) {
    size_t shown = count < SHOWN_CERTIFICATES_MAX ? count : SHOWN_CERTIFICATES_MAX;
    for (size_t i = 0; i < shown; i++)
        print_one(indent, &certificates[i]);
    if (count > shown)
        printf("%sand %zu more (--json shows all)\n", indent, count - shown);
}

json_t *caa_seen_json(const struct caa_seen_certificate *certificates, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct caa_seen_certificate *certificate = &certificates[i];
        json_t *names = json_array();
        for (size_t k = 0; k < certificate->name_count; k++)
            json_array_append_new(names, json_string(certificate->names[k]));
        json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:o, s:o}", "certificate_id", (json_int_t) certificate->certificate_id, "issuer",
                                              certificate->issuer->name, "issuer_mapped", certificate->issuer->domains != NULL, "not_after",
                                              time_json_ms(certificate->not_after_ms), "names", names));
    }
    return list;
}

bool caa_seen_has_unmapped(const struct caa_seen *seen) {
    for (size_t i = 0; i < seen->issuer_count; i++)
        if (seen->issuers[i].domains == NULL)
            return true;
    return false;
}
