/* What the tests of the pin lint judge: documents of pins that words stand for, and a chain that is served. */
#pragma once

#include <stdio.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/pin_builder.h"
#include "rules/pin_lint.h"
#include "vector_files.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)
#define NOW ((int64_t) 1790000000) /* 2026-09-21 */
#define DAY ((int64_t) 86400)

/* Pins as their CAs publish them. */
#define ISRG_ROOT_X1 "C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M="
#define LE_ROOT_YE "sCkq5UWXjg+7mKu9lMhhYF5bGLsy7VI/UNW3tccdR7w=" /* too new for the stores */
#define LE_AUTHORITY_X3 "YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=" /* ended in 2021 */
#define LE_R10 "K7rZOrXHknnsEhUH8nLL4MZkejquUuIvOIr6tCa0rbo="
#define OF_NOTHING "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define ALL_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct world {
    struct arena *arena;
    struct pin_document documents[2];
    struct pin_builder builders[2];
    size_t count;
    struct pin_lint_facts facts;
    struct pin_lint_chain chain;
    const char *names[2];
    struct pin_lint_remark *remarks;
    size_t remark_count;
};

static inline struct world *world_new(enum pin_format first, enum pin_format second) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct world *world = arena_take(arena, sizeof *world);
    static const char *const sources[] = {"one", "two"};
    assert_non_null(world);
    *world = (struct world){.arena = arena, .count = second == pin_format_count ? 1 : 2, .facts = {.now = NOW}};
    for (size_t i = 0; i < world->count; i++) {
        world->documents[i] = (struct pin_document){.source = sources[i], .format = i == 0 ? first : second};
        world->builders[i] = pin_builder_of(arena, &world->documents[i]);
    }
    return world;
}

static inline void world_done(struct world *world) {
    arena_free(world->arena);
}

static inline struct pin_set *set_of(struct world *world, size_t document, const char *host, enum pin_host_match match) {
    struct pin_set *set = pin_builder_add_set(&world->builders[document], (unsigned) world->documents[document].set_count + 1);
    assert_non_null(set);
    set->host = host;
    set->match = match;
    return set;
}

/* A pin of SHA-256: base64, or of the key that a word stands for. */
static inline struct pin *pin_in(struct world *world, size_t document, struct pin_set *set, size_t group, const char *text) {
    struct pin *pin = pin_builder_add_pin(&world->builders[document], set, group);
    struct hash hash;
    assert_non_null(pin);
    if (hash_from_base64(span_of_text(text), &hash) != OK)
        digest_of(span_of_text(text), &hash);
    pin->value = span_of(arena_copy(world->arena, span_of(hash.bytes, HASH_SIZE)), HASH_SIZE);
    pin->line = 100 * set->line + 1;
    return pin;
}

/* Words apart by spaces, all in group 0. */
static inline struct pin_set *pinned(struct world *world, size_t document, const char *host, enum pin_host_match match, const char *pins) {
    struct pin_set *set = set_of(world, document, host, match);
    char text[1000];
    snprintf(text, sizeof text, "%s", pins);
    for (char *at = text, *end; *at != '\0'; at = end) {
        end = strchrnul(at, ' ');
        if (*end == ' ')
            *end++ = '\0';
        (void) pin_in(world, document, set, 0, at);
    }
    return set;
}

/* The chain that is served for a name: keys of words. Its certificates are as long-lived as `days`. */
static inline void serve(struct world *world, const char *name, const char *const *keys, size_t count, int64_t days) {
    struct pin_link *links = arena_take_array(world->arena, count, sizeof *links);
    struct pin_path *path = arena_take(world->arena, sizeof *path);
    for (size_t i = 0; i < count; i++) {
        char certificate[100];
        snprintf(certificate, sizeof certificate, "certificate of %s", keys[i]);
        if (hash_from_base64(span_of_text(keys[i]), &links[i].spki_sha256) != OK)
            digest_of(span_of_text(keys[i]), &links[i].spki_sha256);
        digest_of(span_of_text(certificate), &links[i].certificate_sha256);
        links[i].has_certificate_sha256 = true;
    }
    *path = (struct pin_path){.links = links, .count = count, .is_complete = true};
    world->names[0] = name;
    world->chain = (struct pin_lint_chain){.source = "chain.pem", .names = world->names, .name_count = 1, .not_before = NOW - DAY, .not_after = NOW - DAY + days * DAY};
    for (unsigned store = 0; store < trust_store_count; store++)
        world->chain.paths[store] = (struct trust_paths){.paths = path, .count = 1, .is_whole = true};
    world->facts.chains = &world->chain;
    world->facts.chain_count = 1;
}

static inline void look(struct world *world) {
    assert_ptr_equal(pin_lint(world->documents, world->count, &world->facts, world->arena, &world->remarks, &world->remark_count), OK);
}

static inline size_t count_of(const struct world *world, const char *rule) {
    size_t count = 0;
    for (size_t i = 0; i < world->remark_count; i++)
        count += strcmp(world->remarks[i].rule, rule) == 0;
    return count;
}

static inline const struct pin_lint_remark *only(const struct world *world, const char *rule) {
    if (count_of(world, rule) != 1)
        fail_msg("%zu remarks %s, wanted one", count_of(world, rule), rule);
    for (size_t i = 0;; i++)
        if (strcmp(world->remarks[i].rule, rule) == 0)
            return &world->remarks[i];
}

static inline void expect(struct world *world, const char *rule, size_t count) {
    look(world);
    if (count_of(world, rule) != count)
        fail_msg("%zu remarks %s, wanted %zu", count_of(world, rule), rule, count);
    world_done(world);
}

/* One set of Android for example.com: does it get the remark? */
static inline void expect_of_pins(const char *pins, const char *rule, size_t count) {
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT_AND_BELOW, pins);
    expect(world, rule, count);
}
