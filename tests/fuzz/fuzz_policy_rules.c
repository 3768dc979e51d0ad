/* A policy's JSON: what is taken is written in one canonical form that reads back and writes the same.
 *
 * parser: formats/policy_rules.c
 * seeds: policy */
#include "base/memory.h"
#include "formats/policy_rules.h"
#include "fuzz/harness.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

static void write_again(const struct policy_rules *rules, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer first = buffer_with_limit(2 * POLICY_JSON_MAX);
    CLEANUP(buffer_done) struct buffer second = buffer_with_limit(2 * POLICY_JSON_MAX);
    struct policy_rules again;
    struct reason reason = {""};
    require(policy_rules_to_json(rules, &first) == OK);
    require(policy_rules_from_json(buffer_span(&first), arena, &again, &reason) == OK);
    require(policy_rules_to_json(&again, &second) == OK && span_equal(buffer_span(&first), buffer_span(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_rules rules;
    struct reason reason = {""};
    require(arena != NULL);
    if (policy_rules_from_json(span_of(bytes, size), arena, &rules, &reason) == OK)
        write_again(&rules, arena);
    else
        require(reason.text[0] != '\0');
    arena_free(arena);
    return 0;
}
