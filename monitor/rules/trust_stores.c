#include <string.h>

#include "rules/ca_table.h"
#include "rules/trust_store_roots.h"

struct shipped_root {
    uint16_t key;         /* number in the CA table */
    uint16_t certificate; /* likewise */
    uint8_t stores;       /* a bit for each of enum trust_store */
};

#include "rules/root_stores_data.inc"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
_Static_assert(COUNT_OF(shipped_stores) == trust_store_count, "a list for each store");

const char *trust_store_name(enum trust_store store) {
    return shipped_stores[store].name;
}

const char *trust_store_date(enum trust_store store) {
    return shipped_stores[store].date;
}

const char *trust_store_version(enum trust_store store) {
    return shipped_stores[store].version;
}

static bool is_in(const struct shipped_root *root, enum trust_store store) {
    return (root->stores >> store & 1) != 0;
}

size_t trust_store_size(enum trust_store store) {
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(shipped_roots); i++)
        count += is_in(&shipped_roots[i], store);
    return count;
}

/* The first of the key's roots; COUNT_OF(shipped_roots) may be what comes out. */
static size_t first_of(size_t key) {
    size_t low = 0, high = COUNT_OF(shipped_roots);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shipped_roots[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool trust_store_root(enum trust_store store, const struct hash *spki_sha256, size_t number, struct ca_edge *ret_edge) {
    size_t key = ca_table_key_place(spki_sha256);
    for (size_t i = first_of(key); i < COUNT_OF(shipped_roots) && shipped_roots[i].key == key; i++)
        if (is_in(&shipped_roots[i], store) && number-- == 0)
            return ca_edge_of_place(shipped_roots[i].certificate, ret_edge);
    return false;
}

bool trust_store_has(enum trust_store store, const struct hash *spki_sha256) {
    struct ca_edge ignored;
    return trust_store_root(store, spki_sha256, 0, &ignored);
}

enum trust_store trust_store_of(enum pin_format format) {
    static const enum trust_store stores[pin_format_count] = {
        [PIN_FORMAT_ANDROID] = TRUST_ANDROID, [PIN_FORMAT_APPLE] = TRUST_APPLE, [PIN_FORMAT_TRUSTKIT_IOS] = TRUST_APPLE,
        [PIN_FORMAT_TRUSTKIT_ANDROID] = TRUST_ANDROID, [PIN_FORMAT_OKHTTP] = TRUST_ANDROID, [PIN_FORMAT_HPKP] = TRUST_MOZILLA,
        [PIN_FORMAT_TLSA] = TRUST_MOZILLA, [PIN_FORMAT_CHROMIUM] = TRUST_MOZILLA, [PIN_FORMAT_YAML] = TRUST_MOZILLA,
        [PIN_FORMAT_KEY] = TRUST_MOZILLA,
    };
    return stores[format];
}

/* Conscrypt and Java's PKIX take an anchor as it is (RFC 5280 6.1 checks no anchor); the others refuse one that has expired. */
bool trust_store_checks_roots(enum trust_store store) {
    return store != TRUST_ANDROID && store != TRUST_JAVA;
}
