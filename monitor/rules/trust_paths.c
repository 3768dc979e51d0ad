#include "rules/trust_paths.h"

#include "base/digest.h"
#include "rules/trust_given.h"
#include "rules/trust_store_roots.h"

enum { WAYS_MAX = 32 }; /* up from one key; real ones have fewer than ten */

enum way_kind { WAY_UP, WAY_ROOT, WAY_FOREIGN, WAY_OPEN };

/* One way on from a key: through one of its certificates to who signed it, or to an end. */
struct way {
    enum way_kind kind;
    struct hash issuer; /* WAY_UP */
    struct pin_link link;
};

/* A key on the path under way, and the ways that lead on from it. */
struct stage {
    struct hash key;
    struct way ways[WAYS_MAX];
    size_t way_count, next;
};

struct search {
    const struct trust_question *question;
    struct given given;
    struct arena *arena;
    struct stage *stages; /* TRUST_PATH_LENGTH_MAX */
    size_t depth;
    size_t steps;
    bool wants_foreign;
    bool is_cut; /* a limit was reached */
    struct trust_paths *paths;
};

/* ---- the ways up from a key */

static void add_way(struct search *search, struct stage *stage, const struct way *way) {
    if (stage->way_count == WAYS_MAX)
        search->is_cut = true;
    else
        stage->ways[stage->way_count++] = *way;
}

static struct way *way_like(struct stage *stage, const struct way *way) {
    for (size_t i = 0; i < stage->way_count; i++) {
        struct way *other = &stage->ways[i];
        if (other->kind == way->kind && (way->kind != WAY_UP || hash_equal(&other->issuer, &way->issuer)))
            return other;
    }
    return NULL;
}

/* The bytes of a key, where a certificate was given that has it. */
static struct pin_link link_of_key(const struct search *search, const struct hash *key) {
    struct pin_link link = {.spki_sha256 = *key};
    for (size_t i = 0; i < search->given.count && link.spki.size == 0; i++)
        if (hash_equal(&search->given.certificates[i].spki_sha256, key))
            link.spki = search->given.certificates[i].parsed.spki;
    return link;
}

static struct pin_link link_of_given(const struct given_certificate *certificate) {
    return (struct pin_link){.spki = certificate->parsed.spki, .certificate = certificate->parsed.whole, .spki_sha256 = certificate->spki_sha256,
                             .certificate_sha256 = certificate->certificate_sha256, .has_certificate_sha256 = true, .is_given = true};
}

static struct pin_link link_of_edge(const struct search *search, const struct ca_edge *edge) {
    for (size_t i = 0; i < search->given.count; i++)
        if (hash_equal(&search->given.certificates[i].certificate_sha256, &edge->certificate_sha256))
            return link_of_given(&search->given.certificates[i]);
    struct pin_link link = link_of_key(search, &edge->spki_sha256);
    link.certificate_sha256 = edge->certificate_sha256;
    link.has_certificate_sha256 = true;
    return link;
}

/* A second certificate on the same way: which of them a client uses is not known, unless one was given. */
static void add_or_blur(struct search *search, struct stage *stage, const struct way *way) {
    struct way *other = way_like(stage, way);
    if (other == NULL) {
        add_way(search, stage, way);
    } else if (way->link.is_given && !other->link.is_given) {
        other->link = way->link;
    } else if (!other->link.is_given && !hash_equal(&other->link.certificate_sha256, &way->link.certificate_sha256)) {
        other->link.has_certificate_sha256 = false;
        other->link.certificate_sha256 = (struct hash){{0}};
    }
}

static void add_ways_of_given(struct search *search, struct stage *stage, size_t number) {
    const struct given_certificate *certificate = &search->given.certificates[number];
    bool is_in_store = trust_store_has(search->question->store, &stage->key), has_way = false;
    struct way way = {.link = link_of_given(certificate)};
    struct ca_edge edge;
    for (size_t i = 0; i < search->given.count; i++) {
        if ((certificate->signers >> i & 1) == 0)
            continue;
        way.issuer = search->given.certificates[i].spki_sha256;
        way.kind = hash_equal(&way.issuer, &stage->key) ? WAY_FOREIGN : WAY_UP;
        if (way.kind == WAY_UP || !is_in_store)
            add_or_blur(search, stage, &way);
        has_way = true;
    }
    if (has_way || (ca_edge_of_certificate(&certificate->certificate_sha256, &edge) && edge.has_issuer))
        return; /* the shipped edge comes with the others of its key */
    way.kind = WAY_OPEN;
    add_or_blur(search, stage, &way);
}

static void add_ways_of_edge(struct search *search, struct stage *stage, const struct ca_edge *edge) {
    struct way way = {.link = link_of_edge(search, edge), .issuer = edge->issuer_spki_sha256};
    if (edge->is_self_signed && trust_store_has(search->question->store, &stage->key))
        return;
    way.kind = !edge->has_issuer ? WAY_OPEN : edge->is_self_signed ? WAY_FOREIGN : WAY_UP;
    add_or_blur(search, stage, &way);
}

static bool is_edge_valid(const struct ca_edge *edge, int64_t now) {
    return edge->not_before <= now && now <= edge->not_after;
}

static void add_roots(struct search *search, struct stage *stage) {
    enum trust_store store = search->question->store;
    struct ca_edge edge;
    for (size_t i = 0; trust_store_root(store, &stage->key, i, &edge); i++) {
        if (trust_store_checks_roots(store) && !is_edge_valid(&edge, search->question->now))
            continue;
        struct way way = {.kind = WAY_ROOT, .link = link_of_edge(search, &edge)};
        add_or_blur(search, stage, &way);
    }
}

static bool is_own_root(const struct ca_extra_rows *extra, const struct hash *key) {
    struct ca_row row;
    return extra != NULL && ca_table_find(key, extra, &row) && row.source == CA_FROM_SERVICE && row.kind == CA_ROOT;
}

/* A key that stands neither in the tables nor among the given certificates. That somebody imported it as a root does not say who signed it, too. */
static void add_ways_of_extra(struct search *search, struct stage *stage) {
    const struct ca_extra_rows *extra = search->question->extra;
    struct way way = {.kind = WAY_UP, .link = link_of_key(search, &stage->key)};
    for (size_t i = 0; extra != NULL && i < extra->link_count; i++) {
        if (!hash_equal(&extra->links[i].spki_sha256, &stage->key))
            continue;
        way.issuer = extra->links[i].issuer_spki_sha256;
        add_way(search, stage, &way);
    }
    if (stage->way_count > 0)
        return;
    way.kind = ca_edges_is_root_elsewhere(&stage->key) || is_own_root(extra, &stage->key) ? WAY_FOREIGN : WAY_OPEN;
    add_way(search, stage, &way);
}

/* A CA's key: everything that is known of it. */
static void fill_stage(struct search *search, struct stage *stage, const struct hash *key) {
    size_t first = 0, count = ca_edges_of(key, &first);
    bool is_known = count > 0;
    stage->key = *key;
    stage->way_count = stage->next = 0;
    add_roots(search, stage);
    for (size_t i = 0; i < search->given.count; i++) {
        if (!hash_equal(&search->given.certificates[i].spki_sha256, key))
            continue;
        is_known = true;
        if (given_is_valid(&search->given.certificates[i], search->question->now))
            add_ways_of_given(search, stage, i);
    }
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge;
        ca_edge_at(first + i, &edge);
        if (is_edge_valid(&edge, search->question->now))
            add_ways_of_edge(search, stage, &edge);
    }
    if (!is_known)
        add_ways_of_extra(search, stage);
}

/* ---- the leaf, whatever it is */

static struct pin_link link_of_leaf(const struct search *search) {
    if (search->given.has_leaf)
        return link_of_given(&search->given.certificates[0]);
    const struct trust_question *question = search->question;
    struct pin_link link = {.spki = question->leaf_spki, .is_given = true};
    if (question->leaf_spki_sha256 == NULL) {
        digest_of(link.spki, &link.spki_sha256);
        return link;
    }
    link.spki_sha256 = *question->leaf_spki_sha256;
    link.has_certificate_sha256 = question->leaf_certificate_sha256 != NULL;
    if (link.has_certificate_sha256)
        link.certificate_sha256 = *question->leaf_certificate_sha256;
    return link;
}

static void fill_first_stage(struct search *search, struct stage *stage) {
    struct way way = {.kind = WAY_UP, .link = link_of_leaf(search)};
    struct ca_edge edge;
    stage->key = way.link.spki_sha256;
    stage->way_count = stage->next = 0;
    if (search->question->issuer_spki_sha256 != NULL) {
        way.issuer = *search->question->issuer_spki_sha256;
        add_way(search, stage, &way);
    } else if (!search->given.has_leaf) {
        way.kind = WAY_OPEN;
        add_way(search, stage, &way);
    } else {
        add_roots(search, stage);
        add_ways_of_given(search, stage, 0);
        if (ca_edge_of_certificate(&way.link.certificate_sha256, &edge))
            add_ways_of_edge(search, stage, &edge);
    }
}

/* ---- the search, without recursion */

/* Everything that a client may build begins with the leaf: said in place of what there is no room for. */
static void cut(struct search *search) {
    struct pin_path *last = &search->paths->paths[search->paths->count - 1];
    last->count = 1;
    last->is_complete = last->is_foreign = false;
    search->is_cut = true;
}

static result emit(struct search *search, enum way_kind kind) {
    if (search->paths->count == TRUST_PATHS_MAX) {
        cut(search);
        return OK;
    }
    struct pin_link *links = arena_take_array(search->arena, search->depth, sizeof *links);
    if (links == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < search->depth; i++)
        links[i] = search->stages[i].ways[search->stages[i].next - 1].link;
    search->paths->paths[search->paths->count++] =
        (struct pin_path){.links = links, .count = search->depth, .is_complete = kind == WAY_ROOT, .is_foreign = kind == WAY_FOREIGN};
    return OK;
}

static bool is_on_path(const struct search *search, const struct hash *key) {
    for (size_t i = 0; i < search->depth; i++)
        if (hash_equal(&search->stages[i].key, key))
            return true;
    return false;
}

static result go_on(struct search *search, const struct way *way) {
    if (way->kind == WAY_FOREIGN && !search->wants_foreign)
        return OK;
    if (way->kind != WAY_UP)
        return emit(search, way->kind);
    if (is_on_path(search, &way->issuer))
        return OK;
    if (search->depth == TRUST_PATH_LENGTH_MAX)
        return emit(search, WAY_OPEN);
    fill_stage(search, &search->stages[search->depth], &way->issuer);
    search->depth++;
    return OK;
}

static result walk(struct search *search) {
    search->depth = 1;
    search->paths->count = 0;
    fill_first_stage(search, &search->stages[0]);
    while (search->depth > 0 && !search->is_cut) {
        struct stage *top = &search->stages[search->depth - 1];
        if (top->next == top->way_count) {
            search->depth--;
            continue;
        }
        if (++search->steps > TRUST_STEPS_MAX)
            search->is_cut = true;
        else
            TRY(go_on(search, &top->ways[top->next++]));
    }
    return OK;
}

static bool has_complete(const struct trust_paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        if (paths->paths[i].is_complete)
            return true;
    return false;
}

/* The leaf alone: where nothing was found, and where something may have been left out. */
static result add_stem(struct search *search) {
    if (search->paths->count == TRUST_PATHS_MAX) {
        cut(search);
        return OK;
    }
    struct pin_link *link = arena_take(search->arena, sizeof *link);
    if (link == NULL)
        return &fault_no_memory;
    *link = link_of_leaf(search);
    search->paths->paths[search->paths->count++] = (struct pin_path){.links = link, .count = 1};
    return OK;
}

result trust_paths_find(const struct trust_question *question, struct arena *arena, struct trust_paths *ret_paths) {
    struct search search = {.question = question, .arena = arena, .paths = ret_paths};
    *ret_paths = (struct trust_paths){.paths = arena_take_array(arena, TRUST_PATHS_MAX, sizeof *ret_paths->paths)};
    search.stages = arena_take_array(arena, TRUST_PATH_LENGTH_MAX, sizeof *search.stages);
    if (ret_paths->paths == NULL || search.stages == NULL)
        return &fault_no_memory;
    TRY(given_read(question, arena, &search.given));
    TRY(walk(&search));
    if (!search.is_cut && !has_complete(ret_paths)) {
        search.wants_foreign = true;
        TRY(walk(&search));
    }
    ret_paths->is_whole = !search.is_cut && ret_paths->count > 0 && question->other_count <= TRUST_OTHERS_MAX;
    return ret_paths->is_whole ? OK : add_stem(&search);
}
