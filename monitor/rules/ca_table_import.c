#include "rules/ca_table_import.h"

#include <stdlib.h>

#define ROUNDS_MAX 32 /* a path has some four steps */

struct names {
    const char **list; /* NULL-terminated */
    size_t count, room;
};

/* A key above a row's, as a certificate of the row's key names it. */
struct parent {
    size_t row;
    struct hash spki_sha256;
    bool is_verified;
    bool is_same_owner; /* as CCADB has it */
};

struct draft {
    struct ca_row shipped;
    bool is_shipped, is_complete;
    const struct ca_record *record; /* the first one, a root's if there is any */
    const char *owner;              /* NULL: not yet known */
    struct names domains, path;
};

/* That an identifier speaks of a key. */
struct claim {
    struct hash spki_sha256;
    const struct ca_record *record;
    const struct ca_identifier *identifier;
};

struct join {
    const struct ca_import_input *input;
    struct arena *arena;
    const struct ca_record **by_sha256, **by_ski;
    const struct ca_certificate **certificates; /* by SHA-256 */
    struct claim *claims;
    size_t claim_count, claim_room;
    struct hash *keys; /* of the rows, sorted */
    struct draft *drafts;
    size_t count;
    struct parent *parents;
    size_t parent_count;
    struct ca_import *import;
    bool has_no_memory;
};

/* ------------------------------------------------------------------ lists */

static int compare_spans(struct span a, struct span b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.bytes, b.bytes, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_by_sha256(const void *a, const void *b) {
    return memcmp(&(*(const struct ca_record *const *) a)->sha256, &(*(const struct ca_record *const *) b)->sha256, HASH_SIZE);
}

static int compare_by_ski(const void *a, const void *b) {
    int order = compare_spans((*(const struct ca_record *const *) a)->ski, (*(const struct ca_record *const *) b)->ski);
    return order != 0 ? order : compare_by_sha256(a, b);
}

static int compare_certificates(const void *a, const void *b) {
    return memcmp(&(*(const struct ca_certificate *const *) a)->sha256, &(*(const struct ca_certificate *const *) b)->sha256, HASH_SIZE);
}

static int compare_claims(const void *a, const void *b) {
    const struct claim *left = a, *right = b;
    int order = memcmp(&left->spki_sha256, &right->spki_sha256, HASH_SIZE);
    return order != 0 ? order : compare_by_sha256(&left->record, &right->record);
}

static int compare_keys(const void *a, const void *b) {
    return memcmp(a, b, HASH_SIZE);
}

static bool names_add(struct names *names, const char *name, struct join *join) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            return false;
    if (names->count + 2 > names->room) {
        size_t room = names->room == 0 ? 8 : 2 * names->room;
        const char **list = arena_take_array(join->arena, room, sizeof *list);
        join->has_no_memory |= list == NULL;
        if (list == NULL)
            return false;
        if (names->count > 0)
            memcpy(list, names->list, names->count * sizeof *list);
        names->list = list;
        names->room = room;
    }
    names->list[names->count++] = name;
    names->list[names->count] = NULL;
    return true;
}

static bool names_add_all(struct names *names, const char *const *more, struct join *join) {
    bool has_grown = false;
    for (size_t i = 0; more[i] != NULL; i++)
        has_grown |= names_add(names, more[i], join);
    return has_grown;
}

static void complain(struct join *join, const struct ca_identifier *identifier, const char *text) {
    struct ca_import *import = join->import;
    import->complaints[import->complaint_count++] = (struct ca_import_complaint){.file = identifier->file, .line = identifier->line, .text = text};
}

/* ------------------------------------------------------------------ certificates and their keys */

static const struct ca_certificate *find_certificate(const struct join *join, const struct hash *sha256) {
    const struct ca_certificate wanted = {.sha256 = *sha256}, *key = &wanted;
    size_t count = join->input->certificate_count;
    const struct ca_certificate **found = count == 0 ? NULL : bsearch(&key, join->certificates, count, sizeof *found, compare_certificates);
    return found == NULL ? NULL : *found;
}

static const struct ca_record *find_record(const struct join *join, const struct hash *sha256) {
    const struct ca_record wanted = {.sha256 = *sha256}, *key = &wanted;
    size_t count = join->input->record_count;
    const struct ca_record **found = count == 0 ? NULL : bsearch(&key, join->by_sha256, count, sizeof *found, compare_by_sha256);
    return found == NULL ? NULL : *found;
}

static bool find_key(const struct join *join, const struct hash *sha256, struct hash *ret_spki) {
    const struct ca_certificate *certificate = find_certificate(join, sha256);
    if (certificate == NULL)
        return ca_table_key_of(sha256, ret_spki);
    *ret_spki = certificate->spki_sha256;
    return true;
}

/* ------------------------------------------------------------------ claims */

static size_t first_with_ski(const struct join *join, struct span ski) {
    size_t low = 0, high = join->input->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_spans(join->by_ski[middle]->ski, ski) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_claim(struct join *join, const struct claim *claim) {
    if (join->claim_count == join->claim_room) {
        size_t room = join->claim_room == 0 ? 256 : 2 * join->claim_room;
        struct claim *claims = arena_take_array(join->arena, room, sizeof *claims);
        join->has_no_memory |= claims == NULL;
        if (claims == NULL)
            return;
        if (join->claim_count > 0)
            memcpy(claims, join->claims, join->claim_count * sizeof *claims);
        join->claims = claims;
        join->claim_room = room;
    }
    join->claims[join->claim_count++] = *claim;
}

/* Everything that the identifier stands for must have one key: key identifiers are chosen by CAs, and not unique. */
static void claim_keys(struct join *join, const struct ca_identifier *identifier) {
    size_t first = first_with_ski(join, identifier->ski), end = first, keyed = 0, before = join->claim_count;
    struct claim claim = {.identifier = identifier};
    for (; end < join->input->record_count && compare_spans(join->by_ski[end]->ski, identifier->ski) == 0; end++) {
        struct hash key;
        claim.record = join->by_ski[end];
        if (!find_key(join, &claim.record->sha256, &key))
            continue;
        if (keyed++ > 0 && !hash_equal(&key, &claim.spki_sha256)) {
            join->claim_count = before;
            complain(join, identifier, "its subject key identifier stands for certificates with different keys");
            return;
        }
        claim.spki_sha256 = key;
        add_claim(join, &claim);
    }
    if (end == first)
        complain(join, identifier, "its subject key identifier stands in no row of AllCertificateRecords");
    else if (keyed == 0)
        complain(join, identifier, "the certificate's key is not known: import the AllCertificatePEMsCSVFormat report that holds it as well");
    join->import->keys_missing += end > first && keyed == 0 ? 1 : 0;
}

/* ------------------------------------------------------------------ rows */

static void add_parent(struct join *join, size_t row, const struct hash *spki, bool is_verified, bool is_same_owner) {
    if (!hash_equal(spki, &join->keys[row]))
        join->parents[join->parent_count++] =
            (struct parent){.row = row, .spki_sha256 = *spki, .is_verified = is_verified, .is_same_owner = is_same_owner};
}

/* Who is above this certificate: by its verified signature, and as CCADB has it. Without the former the path is not complete, unless
 * the shipped table has walked it. */
static void add_record(struct join *join, size_t row, const struct ca_record *record) {
    struct draft *draft = &join->drafts[row];
    const struct ca_certificate *certificate = find_certificate(join, &record->sha256);
    const struct ca_record *above = record->has_parent ? find_record(join, &record->parent_sha256) : NULL;
    bool is_same_owner = !record->is_subordinate && above != NULL && strcmp(above->owner, record->owner) == 0;
    bool is_verified = certificate != NULL && certificate->has_issuer;
    struct hash key;
    if (draft->record == NULL || (record->is_root && !draft->record->is_root))
        draft->record = record;
    if (is_verified)
        add_parent(join, row, &certificate->issuer_spki_sha256, true, is_same_owner);
    if (record->has_parent && find_key(join, &record->parent_sha256, &key))
        add_parent(join, row, &key, false, is_same_owner);
    if (!draft->is_shipped && !is_verified)
        draft->is_complete = false;
}

static void begin_row(struct join *join, const struct hash *spki) {
    struct draft *draft = &join->drafts[join->count];
    join->keys[join->count++] = *spki;
    draft->is_shipped = ca_table_find(spki, NULL, &draft->shipped);
    draft->is_complete = !draft->is_shipped || draft->shipped.is_path_complete;
    if (!draft->is_shipped)
        return;
    draft->owner = draft->shipped.owner->name;
    names_add_all(&draft->path, ca_row_domains(&draft->shipped), join);
}

static void add_claims(struct join *join) {
    const struct ca_record *last = NULL;
    if (join->claim_count > 0)
        qsort(join->claims, join->claim_count, sizeof *join->claims, compare_claims);
    for (size_t i = 0; i < join->claim_count; i++) {
        const struct claim *claim = &join->claims[i];
        if (i == 0 || !hash_equal(&claim->spki_sha256, &join->claims[i - 1].spki_sha256))
            begin_row(join, &claim->spki_sha256);
        struct draft *draft = &join->drafts[join->count - 1];
        names_add_all(&draft->domains, claim->identifier->domains, join);
        names_add_all(&draft->path, claim->identifier->domains, join);
        draft->is_complete &= !claim->identifier->is_partial;
        if (claim->record != last)
            add_record(join, join->count - 1, claim->record);
        last = claim->record;
    }
}

/* What is known of a key above a row's: of the import, or shipped. */
struct above {
    bool is_known, is_complete;
    const char *const *domains;
    const char *owner;
};

static struct above look_above(const struct join *join, const struct hash *spki) {
    const struct hash *found = bsearch(spki, join->keys, join->count, sizeof *found, compare_keys);
    struct ca_row shipped;
    if (found != NULL) {
        const struct draft *draft = &join->drafts[found - join->keys];
        return (struct above){true, draft->is_complete, (const char *const *) draft->path.list, draft->owner};
    }
    if (ca_table_find(spki, NULL, &shipped))
        return (struct above){true, shipped.is_path_complete, ca_row_domains(&shipped), shipped.owner->name};
    return (struct above){0};
}

/* What a row learns from a key above it; true when that was news. */
static bool learn(struct join *join, const struct parent *parent) {
    struct draft *draft = &join->drafts[parent->row];
    struct above above = look_above(join, &parent->spki_sha256);
    bool has_news = above.is_known && names_add_all(&draft->path, above.domains, join);
    if (parent->is_verified && !above.is_complete && draft->is_complete) {
        draft->is_complete = false;
        has_news = true;
    }
    if (draft->owner == NULL && parent->is_same_owner && above.owner != NULL) {
        draft->owner = above.owner;
        has_news = true;
    }
    return has_news;
}

static result walk_up(struct join *join) {
    bool has_news = true;
    for (unsigned round = 0; has_news && !join->has_no_memory; round++) {
        has_news = false;
        if (round == ROUNDS_MAX)
            return &fault_limit_reached;
        for (size_t i = 0; i < join->parent_count; i++)
            has_news |= learn(join, &join->parents[i]);
    }
    return OK;
}

static void finish_row(struct join *join, size_t place) {
    struct draft *draft = &join->drafts[place];
    struct ca_import_row *row = &join->import->rows[join->import->count];
    struct ca_owner *owner = arena_take(join->arena, sizeof *owner);
    join->has_no_memory |= owner == NULL;
    if (owner == NULL)
        return;
    if (draft->owner == NULL)
        draft->owner = draft->record->owner[0] != '\0' ? draft->record->owner : draft->record->name;
    *owner = (struct ca_owner){.name = draft->owner, .caa_domains = draft->domains.list,
                               .problem_report = draft->is_shipped ? draft->shipped.owner->problem_report : ""};
    row->row = (struct ca_row){.spki_sha256 = join->keys[place], .owner = owner, .kind = draft->record->is_root ? CA_ROOT : CA_INTERMEDIATE,
                               .path_domains = draft->path.list, .is_path_complete = draft->is_complete, .is_certain = draft->is_complete,
                               .source = CA_FROM_IMPORT};
    row->certificate_sha256 = draft->record->sha256;
    row->name = draft->record->name;
    join->import->count += draft->owner[0] != '\0' ? 1 : 0;
}

/* ------------------------------------------------------------------ all of it */

static result make_lists(struct join *join) {
    const struct ca_import_input *input = join->input;
    join->by_sha256 = arena_take_array(join->arena, input->record_count + 1, sizeof(void *));
    join->by_ski = arena_take_array(join->arena, input->record_count + 1, sizeof(void *));
    join->certificates = arena_take_array(join->arena, input->certificate_count + 1, sizeof(void *));
    join->import->complaints = arena_take_array(join->arena, input->identifier_count + 1, sizeof *join->import->complaints);
    if (join->by_sha256 == NULL || join->by_ski == NULL || join->certificates == NULL || join->import->complaints == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < input->record_count; i++)
        join->by_sha256[i] = join->by_ski[i] = &input->records[i];
    for (size_t i = 0; i < input->certificate_count; i++)
        join->certificates[i] = &input->certificates[i];
    qsort(join->by_sha256, input->record_count, sizeof(void *), compare_by_sha256);
    qsort(join->by_ski, input->record_count, sizeof(void *), compare_by_ski);
    qsort(join->certificates, input->certificate_count, sizeof(void *), compare_certificates);
    return OK;
}

static result make_rows(struct join *join) {
    size_t most = join->claim_count + 1;
    join->keys = arena_take_array(join->arena, most, sizeof *join->keys);
    join->drafts = arena_take_array(join->arena, most, sizeof *join->drafts);
    join->parents = arena_take_array(join->arena, 2 * most, sizeof *join->parents);
    join->import->rows = arena_take_array(join->arena, most, sizeof *join->import->rows);
    if (join->keys == NULL || join->drafts == NULL || join->parents == NULL || join->import->rows == NULL)
        return &fault_no_memory;
    add_claims(join);
    TRY(walk_up(join));
    for (size_t i = 0; i < join->count; i++)
        finish_row(join, i);
    return OK;
}

result ca_import_join(const struct ca_import_input *input, struct arena *arena, struct ca_import *ret_import) {
    struct join join = {.input = input, .arena = arena, .import = ret_import};
    *ret_import = (struct ca_import){0};
    TRY(make_lists(&join));
    for (size_t i = 0; i < input->identifier_count; i++)
        claim_keys(&join, &input->identifiers[i]);
    if (join.has_no_memory)
        return &fault_no_memory;
    TRY(make_rows(&join));
    return join.has_no_memory ? &fault_no_memory : OK;
}
