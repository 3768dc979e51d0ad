#include "rules/ca_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct shipped_key {
    uint64_t words[4]; /* the hash, big endian */
};

struct shipped_row {
    uint64_t words[4];
    uint16_t owner; /* in shipped_owners */
    uint8_t path;   /* in shipped_paths */
    uint8_t kind;   /* enum ca_kind */
    uint8_t flags;
};
enum { SHIPPED_CERTAIN = 1, SHIPPED_COMPLETE = 2 };

struct shipped_certificate {
    uint64_t words[2]; /* the first half of its SHA-256: nobody makes a second certificate of these */
    uint16_t key;      /* in shipped_rows, or behind them in unmapped_keys */
};

#include "rules/ca_table_data.inc"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define SHIPPED_ROWS COUNT_OF(shipped_rows)
_Static_assert(COUNT_OF(shipped_paths) <= UINT8_MAX + 1, "a path has a number of one byte");
_Static_assert(SHIPPED_ROWS + COUNT_OF(unmapped_keys) <= UINT16_MAX + 1, "a key has a number of two bytes");

static uint64_t word_of(const struct hash *hash, size_t number) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word = word << 8 | hash->bytes[8 * number + i];
    return word;
}

static int compare_words(const struct hash *hash, const uint64_t *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t word = word_of(hash, i);
        if (word != words[i])
            return word < words[i] ? -1 : 1;
    }
    return 0;
}

static struct hash hash_of(const uint64_t words[4]) {
    struct hash hash;
    for (size_t i = 0; i < HASH_SIZE; i++)
        hash.bytes[i] = (uint8_t) (words[i / 8] >> (56 - 8 * (i % 8)));
    return hash;
}

static int compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, HASH_SIZE);
}

/* ------------------------------------------------------------------ the shipped table */

static int compare_row(const void *hash, const void *row) {
    return compare_words(hash, ((const struct shipped_row *) row)->words, 4);
}

static int compare_certificate(const void *hash, const void *certificate) {
    return compare_words(hash, ((const struct shipped_certificate *) certificate)->words, 2);
}

void ca_table_row(size_t place, struct ca_row *ret_row) {
    const struct shipped_row *row = &shipped_rows[place];
    *ret_row = (struct ca_row){.spki_sha256 = hash_of(row->words), .owner = &shipped_owners[row->owner], .kind = (enum ca_kind) row->kind,
                               .path_domains = shipped_paths[row->path], .is_path_complete = (row->flags & SHIPPED_COMPLETE) != 0,
                               .is_certain = (row->flags & SHIPPED_CERTAIN) != 0, .source = CA_FROM_SHIPPED_TABLE};
}

static bool find_shipped(const struct hash *spki, struct ca_row *ret_row) {
    const struct shipped_row *row = bsearch(spki, shipped_rows, SHIPPED_ROWS, sizeof *row, compare_row);
    if (row == NULL)
        return false;
    ca_table_row((size_t) (row - shipped_rows), ret_row);
    return true;
}

size_t ca_table_key_count(void) {
    return SHIPPED_ROWS + COUNT_OF(unmapped_keys);
}

void ca_table_key_at(size_t place, struct hash *ret_spki_sha256) {
    *ret_spki_sha256 = hash_of(place < SHIPPED_ROWS ? shipped_rows[place].words : unmapped_keys[place - SHIPPED_ROWS].words);
}

static int compare_key(const void *hash, const void *key) {
    return compare_words(hash, ((const struct shipped_key *) key)->words, 4);
}

size_t ca_table_key_place(const struct hash *spki_sha256) {
    const struct shipped_row *row = bsearch(spki_sha256, shipped_rows, SHIPPED_ROWS, sizeof *row, compare_row);
    if (row != NULL)
        return (size_t) (row - shipped_rows);
    const struct shipped_key *key = bsearch(spki_sha256, unmapped_keys, COUNT_OF(unmapped_keys), sizeof *key, compare_key);
    return key == NULL ? SIZE_MAX : SHIPPED_ROWS + (size_t) (key - unmapped_keys);
}

size_t ca_table_certificate_count(void) {
    return COUNT_OF(shipped_certificates);
}

size_t ca_table_certificate_place(const struct hash *certificate_sha256) {
    const struct shipped_certificate *found =
        bsearch(certificate_sha256, shipped_certificates, COUNT_OF(shipped_certificates), sizeof *found, compare_certificate);
    return found == NULL ? SIZE_MAX : (size_t) (found - shipped_certificates);
}

size_t ca_table_certificate_at(size_t place, struct hash *ret_first_half) {
    const struct shipped_certificate *certificate = &shipped_certificates[place];
    *ret_first_half = hash_of((const uint64_t[4]){certificate->words[0], certificate->words[1], 0, 0});
    return certificate->key;
}

bool ca_table_key_of(const struct hash *certificate_sha256, struct hash *ret_spki_sha256) {
    size_t place = ca_table_certificate_place(certificate_sha256);
    if (place == SIZE_MAX)
        return false;
    ca_table_key_at(shipped_certificates[place].key, ret_spki_sha256);
    return true;
}

const struct ca_owner *ca_table_owner_at(size_t number) {
    return number < COUNT_OF(shipped_owners) ? &shipped_owners[number] : NULL;
}

const char *ca_table_date(void) {
    return CA_TABLE_DATE;
}

size_t ca_table_size(void) {
    return SHIPPED_ROWS;
}

/* ------------------------------------------------------------------ rows known at run time */

_Static_assert(offsetof(struct ca_row, spki_sha256) == 0 && offsetof(struct ca_link, spki_sha256) == 0, "compared by what stands first");

/* Stable, without recursion or memory: rows come sorted from the database, and the drill has few. */
void ca_rows_sort(struct ca_row *rows, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct ca_row row = rows[i];
        size_t place = i;
        for (; place > 0 && compare_hashes(&rows[place - 1], &row) > 0; place--)
            rows[place] = rows[place - 1];
        rows[place] = row;
    }
}

void ca_links_sort(struct ca_link *links, size_t count) {
    if (count > 0)
        qsort(links, count, sizeof *links, compare_hashes);
}

/* The first element, of `count` sorted by the hash at their beginning, that is not below; `count` when there is none. */
static size_t lower_bound(const void *elements, size_t count, size_t size, const struct hash *hash) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_hashes((const uint8_t *) elements + middle * size, hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool find_extra(const struct hash *spki, const struct ca_extra_rows *extra, struct ca_row *ret_row) {
    if (extra == NULL || extra->count == 0)
        return false;
    size_t place = lower_bound(extra->rows, extra->count, sizeof *extra->rows, spki);
    if (place == extra->count || !hash_equal(&extra->rows[place].spki_sha256, spki))
        return false;
    *ret_row = extra->rows[place];
    return true;
}

bool ca_table_find(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct ca_row *ret_row) {
    return find_extra(issuer_spki_sha256, extra, ret_row) || find_shipped(issuer_spki_sha256, ret_row);
}

size_t ca_owner_place_of(const struct ca_owner *owner, const char *domain) {
    for (size_t i = 0; owner->caa_domains[i] != NULL; i++)
        if (strcasecmp(owner->caa_domains[i], domain) == 0)
            return i;
    return SIZE_MAX;
}

bool ca_owner_recognises(const struct ca_owner *owner, const char *domain) {
    return ca_owner_place_of(owner, domain) != SIZE_MAX;
}

const struct ca_owner *ca_table_owner_of(const char *domain) {
    const struct ca_owner *found = NULL;
    size_t soonest = SIZE_MAX;
    for (size_t i = 0; i < COUNT_OF(shipped_owners); i++) {
        size_t place = ca_owner_place_of(&shipped_owners[i], domain);
        if (place < soonest) {
            soonest = place;
            found = &shipped_owners[i];
        }
    }
    return found;
}

bool ca_table_knows_domain(const char *domain, const struct ca_extra_rows *extra) {
    for (size_t i = 0; i < COUNT_OF(shipped_owners); i++)
        if (ca_owner_recognises(&shipped_owners[i], domain))
            return true;
    for (size_t i = 0; extra != NULL && i < extra->count; i++)
        if (ca_owner_recognises(extra->rows[i].owner, domain))
            return true;
    return false;
}

bool ca_table_knows_owner(const char *name, const struct ca_extra_rows *extra) {
    for (size_t i = 0; i < COUNT_OF(shipped_owners); i++)
        if (strcasecmp(shipped_owners[i].name, name) == 0)
            return true;
    for (size_t i = 0; extra != NULL && i < extra->count; i++)
        if (strcasecmp(extra->rows[i].owner->name, name) == 0)
            return true;
    return false;
}

const char *const *ca_row_domains(const struct ca_row *row) {
    return row->path_domains != NULL ? row->path_domains : row->owner->caa_domains;
}

/* ------------------------------------------------------------------ paths */

/* Keys that no row maps, each once, in the order in which they were reached; and what the mapped keys above them recognise. */
struct walk {
    const struct ca_extra_rows *extra;
    struct hash keys[CA_PATH_STEPS_MAX];
    size_t key_count;
    const char *const *lists[CA_PATH_STEPS_MAX];
    size_t list_count;
    const struct ca_owner *owner;
};

static void reach(struct walk *walk, const struct hash *key) {
    struct ca_row row;
    if (ca_table_find(key, walk->extra, &row)) {
        if (walk->owner == NULL)
            walk->owner = row.owner;
        if (walk->list_count < CA_PATH_STEPS_MAX)
            walk->lists[walk->list_count++] = ca_row_domains(&row);
        return;
    }
    for (size_t i = 0; i < walk->key_count; i++)
        if (hash_equal(&walk->keys[i], key))
            return;
    if (walk->key_count < CA_PATH_STEPS_MAX)
        walk->keys[walk->key_count++] = *key;
}

static void follow_links(struct walk *walk, const struct hash *key) {
    const struct ca_extra_rows *extra = walk->extra;
    size_t place = lower_bound(extra->links, extra->link_count, sizeof *extra->links, key);
    for (; place < extra->link_count && hash_equal(&extra->links[place].spki_sha256, key); place++)
        reach(walk, &extra->links[place].issuer_spki_sha256);
}

static bool is_listed(const char *const *list, size_t count, const char *domain) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], domain) == 0)
            return true;
    return false;
}

static const char *const *unite(const struct walk *walk, struct arena *arena) {
    size_t total = 0, count = 0;
    for (size_t i = 0; i < walk->list_count; i++)
        for (size_t k = 0; walk->lists[i][k] != NULL; k++)
            total++;
    const char **domains = arena_take_array(arena, total + 1, sizeof *domains);
    for (size_t i = 0; domains != NULL && i < walk->list_count; i++)
        for (size_t k = 0; walk->lists[i][k] != NULL; k++)
            if (!is_listed(domains, count, walk->lists[i][k]))
                domains[count++] = walk->lists[i][k];
    return domains;
}

result ca_table_path(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct arena *arena, struct ca_path *ret_path) {
    struct walk walk = {.extra = extra};
    struct ca_row row;
    *ret_path = (struct ca_path){0};
    if (ca_table_find(issuer_spki_sha256, extra, &row)) {
        *ret_path = (struct ca_path){.domains = ca_row_domains(&row), .is_certain = row.is_certain, .owner = row.owner};
        return OK;
    }
    if (extra == NULL || extra->link_count == 0)
        return OK;
    walk.keys[walk.key_count++] = *issuer_spki_sha256;
    for (size_t i = 0; i < walk.key_count; i++) /* grows on the way */
        follow_links(&walk, &walk.keys[i]);
    if (walk.list_count == 0)
        return OK;
    const char *const *domains = unite(&walk, arena);
    if (domains == NULL)
        return &fault_no_memory;
    *ret_path = (struct ca_path){.domains = domains, .is_derived = true, .owner = walk.owner};
    return OK;
}
