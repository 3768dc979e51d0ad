#include "rules/ca_table.h"

#include <string.h>
#include <strings.h>

struct shipped_row {
    uint64_t words[4]; /* the hash, big endian */
    uint16_t owner;    /* in shipped_owners */
    uint16_t kind;     /* enum ca_kind */
};

#include "rules/ca_table_data.inc"

#define SHIPPED_ROWS (sizeof shipped_rows / sizeof shipped_rows[0])
#define SHIPPED_OWNERS (sizeof shipped_owners / sizeof shipped_owners[0])

static uint64_t word_of(const struct hash *hash, size_t number) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word = word << 8 | hash->bytes[8 * number + i];
    return word;
}

static int compare(const struct hash *hash, const struct shipped_row *row) {
    for (size_t i = 0; i < 4; i++) {
        uint64_t word = word_of(hash, i);
        if (word != row->words[i])
            return word < row->words[i] ? -1 : 1;
    }
    return 0;
}

static bool find_extra(const struct hash *spki, const struct ca_extra_rows *extra, struct ca_row *ret_row) {
    for (size_t i = 0; extra != NULL && i < extra->count; i++)
        if (hash_equal(spki, &extra->rows[i].spki_sha256)) {
            *ret_row = extra->rows[i];
            return true;
        }
    return false;
}

bool ca_table_find(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct ca_row *ret_row) {
    if (find_extra(issuer_spki_sha256, extra, ret_row))
        return true;
    size_t low = 0, high = SHIPPED_ROWS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct shipped_row *row = &shipped_rows[middle];
        int order = compare(issuer_spki_sha256, row);
        if (order == 0) {
            *ret_row = (struct ca_row){.spki_sha256 = *issuer_spki_sha256, .owner = &shipped_owners[row->owner],
                                       .kind = (enum ca_kind) row->kind};
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

bool ca_owner_recognises(const struct ca_owner *owner, const char *domain) {
    for (size_t i = 0; owner->caa_domains[i] != NULL; i++)
        if (strcasecmp(owner->caa_domains[i], domain) == 0)
            return true;
    return false;
}

bool ca_table_knows_domain(const char *domain, const struct ca_extra_rows *extra) {
    for (size_t i = 0; i < SHIPPED_OWNERS; i++)
        if (ca_owner_recognises(&shipped_owners[i], domain))
            return true;
    for (size_t i = 0; extra != NULL && i < extra->count; i++)
        if (ca_owner_recognises(extra->rows[i].owner, domain))
            return true;
    return false;
}

bool ca_table_knows_owner(const char *name, const struct ca_extra_rows *extra) {
    for (size_t i = 0; i < SHIPPED_OWNERS; i++)
        if (strcasecmp(shipped_owners[i].name, name) == 0)
            return true;
    for (size_t i = 0; extra != NULL && i < extra->count; i++)
        if (strcasecmp(extra->rows[i].owner->name, name) == 0)
            return true;
    return false;
}

const struct ca_owner *ca_table_owner_at(size_t number) {
    return number < SHIPPED_OWNERS ? &shipped_owners[number] : NULL;
}

const char *ca_table_date(void) {
    return CA_TABLE_DATE;
}

size_t ca_table_size(void) {
    return SHIPPED_ROWS;
}
