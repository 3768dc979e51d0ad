#include "rules/ca_edges.h"

#include "rules/ca_table.h"

/* One for each of the certificates of the CA table, in their order. */
struct shipped_edge {
    uint32_t tail[4]; /* the second half of the certificate's SHA-256, big endian */
    uint32_t not_before, not_after;
    uint16_t issuer; /* number of a key; ISSUER_UNKNOWN */
};
#define ISSUER_UNKNOWN UINT16_MAX

#include "rules/ca_edges_data.inc"
#include "rules/ca_names_data.inc"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
_Static_assert(COUNT_OF(shipped_edges) == COUNT_OF(edges_by_key), "each certificate once");
_Static_assert(COUNT_OF(ca_name_places) == CA_EDGES_KEYS, "each key has a name");
_Static_assert(CA_EDGES_KEYS < ISSUER_UNKNOWN, "a key has a number of two bytes");

/* Made from another CA table, the numbers would mean other keys. */
static bool is_of_this_table(void) {
    return ca_table_certificate_count() == COUNT_OF(shipped_edges) && ca_table_key_count() == CA_EDGES_KEYS;
}

static void edge_of_place(size_t place, struct ca_edge *ret_edge) {
    const struct shipped_edge *edge = &shipped_edges[place];
    *ret_edge = (struct ca_edge){.not_before = edge->not_before};
    size_t key = ca_table_certificate_at(place, &ret_edge->certificate_sha256);
    for (size_t i = 0; i < HASH_SIZE / 2; i++)
        ret_edge->certificate_sha256.bytes[HASH_SIZE / 2 + i] = (uint8_t) (edge->tail[i / 4] >> (24 - 8 * (i % 4)));
    ca_table_key_at(key, &ret_edge->spki_sha256);
    ret_edge->has_issuer = edge->issuer != ISSUER_UNKNOWN;
    ret_edge->is_self_signed = edge->issuer == key;
    if (ret_edge->has_issuer)
        ca_table_key_at(edge->issuer, &ret_edge->issuer_spki_sha256);
    ret_edge->not_after = edge->not_after == UINT32_MAX ? INT64_MAX : edge->not_after;
}

static size_t key_of(size_t number) {
    struct hash ignored;
    return ca_table_certificate_at(edges_by_key[number], &ignored);
}

size_t ca_edges_of(const struct hash *spki_sha256, size_t *ret_first) {
    size_t key = ca_table_key_place(spki_sha256);
    if (key == SIZE_MAX || !is_of_this_table())
        return 0;
    size_t low = 0, high = COUNT_OF(edges_by_key);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_of(middle) < key)
            low = middle + 1;
        else
            high = middle;
    }
    size_t count = 0;
    while (low + count < COUNT_OF(edges_by_key) && key_of(low + count) == key)
        count++;
    *ret_first = low;
    return count;
}

void ca_edge_at(size_t number, struct ca_edge *ret_edge) {
    edge_of_place(edges_by_key[number], ret_edge);
}

bool ca_edge_of_place(size_t place, struct ca_edge *ret_edge) {
    if (place >= COUNT_OF(shipped_edges) || !is_of_this_table())
        return false;
    edge_of_place(place, ret_edge);
    return true;
}

bool ca_edge_of_certificate(const struct hash *certificate_sha256, struct ca_edge *ret_edge) {
    struct ca_edge edge;
    if (!ca_edge_of_place(ca_table_certificate_place(certificate_sha256), &edge) || !hash_equal(&edge.certificate_sha256, certificate_sha256))
        return false;
    *ret_edge = edge;
    return true;
}

bool ca_edges_is_root_elsewhere(const struct hash *spki_sha256) {
    size_t key = ca_table_key_place(spki_sha256);
    for (size_t i = 0; i < COUNT_OF(roots_elsewhere) && is_of_this_table(); i++)
        if (roots_elsewhere[i] == key)
            return true;
    return false;
}

const char *ca_key_name(const struct hash *spki_sha256) {
    size_t key = ca_table_key_place(spki_sha256);
    if (key == SIZE_MAX || !is_of_this_table() || ca_names[ca_name_places[key]] == '\0')
        return NULL;
    return &ca_names[ca_name_places[key]];
}
