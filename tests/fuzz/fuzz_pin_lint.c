/* Any pin file, linted with a chain and releases drawn from the first bytes of the input, and held against itself with a part taken out: nothing differs from
 * itself, what differs one way differs the other way with the effect turned, every sentence is harmless, and the index finds what a look at all finds.
 *
 * seeds: pin-yaml pin-android pin-apple pin-trustkit pin-okhttp pin-hpkp pin-tlsa pin-chromium pin-export
 * prefix: 00000000 01fb0734 3f10c8ff
 * beside: pin_judge */
#include "base/memory.h"
#include "fuzz/harness.h"
#include "formats/pin_file.h"
#include "rules/pin_difference.h"
#include "rules/pin_index.h"
#include "rules/pin_lint.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

enum { LINKS = 4, SETS_MAX = 200 /* every pair of entries may be compared */ };

struct facts {
    struct pin_lint_facts lint;
    struct pin_lint_chain chain;
    struct pin_path path;
    struct pin_link links[LINKS];
    const char *names[2];
    struct pin_lint_release release;
};

static void check_harmless(const char *text) {
    for (; *text != '\0'; text++)
        require((uint8_t) *text >= ' ' && *text != 0x7f);
}

static const struct pin *pin_number(const struct pin_document *document, size_t number) {
    for (size_t i = 0; i < document->set_count; i++)
        for (size_t group = 0; group < document->sets[i].group_count; group++) {
            if (number < document->sets[i].groups[group].count)
                return &document->sets[i].groups[group].pins[number];
            number -= document->sets[i].groups[group].count;
        }
    return NULL;
}

/* A chain of pinned keys and others, for hosts of the file. */
static void draw_facts(struct cursor *choices, const struct pin_document *document, struct facts *facts) {
    uint8_t what = next_choice(choices), first = next_choice(choices);
    *facts = (struct facts){.names = {"*.example.com", "example.com"}};
    for (size_t i = 0; i < LINKS; i++) {
        const struct pin *pin = pin_number(document, (size_t) first + i);
        if (pin != NULL && pin->value.size == HASH_SIZE)
            memcpy(facts->links[i].spki_sha256.bytes, pin->value.bytes, HASH_SIZE);
    }
    if (document->set_count > 0 && document->sets[first % document->set_count].host != NULL)
        facts->names[1] = document->sets[first % document->set_count].host;
    facts->path = (struct pin_path){.links = facts->links, .count = 1 + what % LINKS, .is_complete = (what & 4) != 0};
    facts->chain = (struct pin_lint_chain){.source = "chain", .names = facts->names, .name_count = 2, .not_before = 1, .not_after = (what & 8) != 0 ? 90 * 86400 : 0};
    for (unsigned store = 0; store < trust_store_count; store++)
        facts->chain.paths[store] = (struct trust_paths){.paths = &facts->path, .count = 1, .is_whole = (what & 16) != 0};
    facts->release = (struct pin_lint_release){.name = "app", .has_end_of_support = true, .end_of_support = (int64_t) next_choice(choices) * 10000000};
    facts->lint = (struct pin_lint_facts){.now = (int64_t) next_choice(choices) * 10000000, .is_renewed_automatically = (what & 32) != 0, .chains = &facts->chain,
                                          .chain_count = (what & 1) != 0 ? 1 : 0, .releases = &facts->release, .release_count = 1};
}

static void check_lint(const struct pin_document *documents, size_t count, const struct pin_lint_facts *facts, struct arena *arena) {
    struct pin_lint_remark *remarks;
    const struct pin_lint_rule *rule;
    size_t found;
    require(pin_lint(documents, count, facts, arena, &remarks, &found) == OK);
    for (size_t i = 0; i < found; i++) {
        check_harmless(remarks[i].message);
        for (size_t k = 0; (rule = pin_lint_rule_at(k)) != NULL; k++)
            require(remarks[i].advice[0] == '\0' || strcmp(rule->name, remarks[i].rule) != 0 ||
                    (remarks[i].severity <= rule->severity && strcmp(remarks[i].advice, rule->advice) == 0)); /* readers' own have none */
    }
}

static size_t differences(const struct pin_document *before, const struct pin_document *after, struct arena *arena, int *ret_balance) {
    struct pin_difference_sides sides = {.before = before, .before_count = 1, .after = after, .after_count = 1};
    struct pin_change *changes;
    size_t count;
    *ret_balance = 0;
    require(pin_difference(&sides, arena, &changes, &count) == OK);
    for (size_t i = 0; i < count; i++) {
        require(changes[i].scopes > 0 && changes[i].scopes < 8);
        *ret_balance += changes[i].effect == PIN_EFFECT_STRICTER ? 1 : changes[i].effect == PIN_EFFECT_LOOSER ? -1 : 0;
    }
    return count;
}

static void check_differences(const struct pin_document *document, const struct pin_document *part, struct arena *arena) {
    int there, back;
    require(differences(document, document, arena, &there) == 0);
    size_t count = differences(document, part, arena, &there);
    require(differences(part, document, arena, &back) == count && there == -back);
}

static void check_index(const struct pin_document *document, struct arena *arena) {
    struct pin_index index;
    const struct pin_set **found = arena_take_array(arena, document->set_count + 1, sizeof *found), **wanted = arena_take_array(arena, document->set_count + 1, sizeof *wanted);
    require(found != NULL && wanted != NULL && pin_index_make(document, arena, &index) == OK);
    for (size_t i = 0; i < document->set_count; i++) {
        const struct pin_set *set = &document->sets[i];
        for (unsigned below = 0; set->host != NULL && below < 3; below++) {
            const char *name = arena_printf(arena, "%s%s", below == 0 ? "" : below == 1 ? "x." : "y.x.", set->host);
            size_t count = pin_index_sets_for(&index, name, set->port, set->protocol, found);
            require(pin_sets_for_host(document, name, set->port, set->protocol, wanted, document->set_count) == count);
            require(count == 0 || memcmp(found, wanted, count * sizeof *found) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct cursor input = cursor_of(span_of(bytes, size)), choices = cursor_of(span_of(bytes, size < 4 ? size : 4));
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document *read;
    struct reason reason = {""};
    struct facts facts;
    size_t count;
    (void) next_number(&input, 4);
    struct pin_file file = {.source = "file", .bytes = rest_of(&input)};
    require(arena != NULL);
    if (pin_file_read(&file, NULL, arena, &read, &count, &reason) == OK && read[0].set_count <= SETS_MAX) {
        struct pin_document documents[2] = {read[0], read[0]};
        if (documents[1].set_count > 0) { /* without its first set */
            documents[1].sets++;
            documents[1].set_count--;
        }
        check_index(&read[0], arena);
        draw_facts(&choices, &read[0], &facts);
        check_lint(documents, 2, &facts.lint, arena);
        check_differences(&documents[0], &documents[1], arena);
        documents[1].format = documents[1].format == PIN_FORMAT_APPLE ? PIN_FORMAT_ANDROID : PIN_FORMAT_APPLE; /* another platform's rules */
        check_lint(documents, 2, &facts.lint, arena);
        check_differences(&documents[0], &documents[1], arena);
    }
    arena_free(arena);
    return 0;
}
