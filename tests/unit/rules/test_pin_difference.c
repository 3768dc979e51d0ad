#include "base/digest.h"
#include "base/memory.h"
#include "formats/pin_builder.h"
#include "rules/pin_difference.h"
#include "vector_files.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

struct world {
    struct arena *arena;
    struct pin_document documents[2]; /* before, after */
    struct pin_builder builders[2];
    struct pin_change *changes;
    size_t count;
};

static struct world *world_new(enum pin_format before, enum pin_format after) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct world *world = arena_take(arena, sizeof *world);
    assert_non_null(world);
    *world = (struct world){.arena = arena, .documents = {{.source = "old", .format = before}, {.source = "new", .format = after}}};
    for (size_t i = 0; i < 2; i++)
        world->builders[i] = pin_builder_of(arena, &world->documents[i]);
    return world;
}

static struct pin *pin_in(struct world *world, size_t side, struct pin_set *set, size_t group, const char *word) {
    struct pin *pin = pin_builder_add_pin(&world->builders[side], set, group);
    struct hash hash;
    digest_of(span_of_text(word), &hash);
    assert_non_null(pin);
    pin->value = span_of(arena_copy(world->arena, span_of(hash.bytes, HASH_SIZE)), HASH_SIZE);
    return pin;
}

/* Each letter of `pins` is a key. */
static struct pin_set *pinned(struct world *world, size_t side, const char *host, enum pin_host_match match, const char *pins) {
    struct pin_set *set = pin_builder_add_set(&world->builders[side], 1);
    assert_non_null(set);
    set->host = host;
    set->match = match;
    for (; *pins != '\0'; pins++)
        (void) pin_in(world, side, set, 0, (char[]){*pins, '\0'});
    return set;
}

static void compare(struct world *world) {
    struct pin_difference_sides sides = {.before = &world->documents[0], .before_count = 1, .after = &world->documents[1], .after_count = 1};
    assert_ptr_equal(pin_difference(&sides, world->arena, &world->changes, &world->count), OK);
}

/* The only change; releases nothing. */
static void expect_only(struct world *world, const char *kind, unsigned scopes, enum pin_change_effect effect) {
    compare(world);
    assert_int_equal(world->count, 1);
    assert_string_equal(pin_change_kind_name(world->changes[0].kind), kind);
    assert_int_equal(world->changes[0].scopes, scopes);
    assert_int_equal(world->changes[0].effect, effect);
    arena_free(world->arena);
}

static void expect_same(struct world *world) {
    compare(world);
    assert_int_equal(world->count, 0);
    arena_free(world->arena);
}

enum { ALL = PIN_SCOPE_HOST | PIN_SCOPE_ONE_BELOW | PIN_SCOPE_DEEPER };

static void order_comments_roles_and_repetitions_make_no_difference(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_YAML, PIN_FORMAT_YAML);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "xy");
    (void) pinned(world, 0, "b.example", PIN_HOST_EXACT, "z");
    (void) pinned(world, 1, "b.example", PIN_HOST_EXACT, "zz");
    struct pin_set *set = pinned(world, 1, "a.example", PIN_HOST_EXACT, "yx");
    set->groups[0].pins[0].role = PIN_BACKUP;
    set->groups[0].pins[1].comment = "mine";
    expect_same(world);
}

static void a_key_more_loosens_and_a_key_less_may_refuse(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT_AND_BELOW, "xy");
    expect_only(world, "key-added", ALL, PIN_EFFECT_LOOSER);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "xy");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    expect_only(world, "key-removed", PIN_SCOPE_HOST, PIN_EFFECT_STRICTER);
}

static void names_that_are_pinned_or_not_any_more_are_told_with_how_far_below(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT_AND_BELOW, "x");
    expect_only(world, "pinned", ALL, PIN_EFFECT_STRICTER);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    expect_only(world, "unpinned", PIN_SCOPE_ONE_BELOW | PIN_SCOPE_DEEPER, PIN_EFFECT_LOOSER);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_APPLE); /* Apple reaches one label down */
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT_AND_ONE_LABEL, "x");
    expect_only(world, "unpinned", PIN_SCOPE_DEEPER, PIN_EFFECT_LOOSER);
}

static void what_holds_counts_not_where_it_is_written(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_OKHTTP, PIN_FORMAT_OKHTTP); /* two lines unite */
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "xy");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT, "y");
    expect_same(world);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID); /* a child that says the same as its parent */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "example.com", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "a.example.com", PIN_HOST_EXACT_AND_BELOW, "x");
    expect_same(world);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID); /* and one that takes the parent's pins away */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT_AND_BELOW, "x");
    (void) pinned(world, 1, "example.com", PIN_HOST_EXACT_AND_BELOW, "x");
    pinned(world, 1, "a.example.com", PIN_HOST_EXACT, "")->is_pinned = false;
    expect_only(world, "unpinned", PIN_SCOPE_HOST, PIN_EFFECT_LOOSER);
}

static void pinning_may_end_later_somewhere_by_the_other_clock(void **state) {
    (void) state;
    static const struct {
        bool was_local;
        int64_t sooner; /* than the date before */
        enum pin_change_effect effect;
    } cases[] = {{true, 0, PIN_EFFECT_STRICTER},  {true, 14 * 3600 - 1, PIN_EFFECT_STRICTER},  {true, 14 * 3600, PIN_EFFECT_LOOSER},  {true, -1, PIN_EFFECT_STRICTER},
                 {false, 0, PIN_EFFECT_STRICTER}, {false, 12 * 3600 - 1, PIN_EFFECT_STRICTER}, {false, 12 * 3600, PIN_EFFECT_LOOSER}, {false, -1, PIN_EFFECT_STRICTER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *world = world_new(PIN_FORMAT_YAML, PIN_FORMAT_YAML);
        for (unsigned side = 0; side < 2; side++) {
            struct pin_set *set = pinned(world, side, "a.example", PIN_HOST_EXACT, "x");
            set->has_expiry = true;
            set->is_expiry_local = cases[i].was_local == (side == 0);
            set->expires = side == 0 ? 1800057600 : 1800057600 - cases[i].sooner;
        }
        expect_only(world, "expiry", PIN_SCOPE_HOST, cases[i].effect);
    }
}

static void expiry_enforcement_anchors_and_lists_are_compared(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "x");
    struct pin_set *set = pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    set->has_expiry = true;
    set->expires = 1800000000;
    expect_only(world, "expiry", PIN_SCOPE_HOST, PIN_EFFECT_LOOSER);
    world = world_new(PIN_FORMAT_TRUSTKIT_IOS, PIN_FORMAT_TRUSTKIT_IOS);
    pinned(world, 0, "a.example", PIN_HOST_EXACT, "x")->is_enforced = false;
    (void) pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    expect_only(world, "enforcement", PIN_SCOPE_HOST, PIN_EFFECT_STRICTER);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_ANDROID);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "x");
    pinned(world, 1, "a.example", PIN_HOST_EXACT, "x")->overrides_pins = true;
    expect_only(world, "anchors", PIN_SCOPE_HOST, PIN_EFFECT_LOOSER);
    world = world_new(PIN_FORMAT_YAML, PIN_FORMAT_YAML);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "xy");
    set = pinned(world, 1, "a.example", PIN_HOST_EXACT, "x");
    (void) pin_in(world, 1, set, 1, "y");
    expect_only(world, "groups", PIN_SCOPE_HOST, PIN_EFFECT_STRICTER);
}

static void a_key_that_must_stand_elsewhere_is_another_unless_only_keys_are_asked(void **state) {
    (void) state;
    for (unsigned ignores = 0; ignores < 2; ignores++) {
        struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_APPLE);
        (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "x");
        pinned(world, 1, "a.example", PIN_HOST_EXACT, "x")->groups[0].pins[0].position = PIN_CA;
        struct pin_difference_sides sides = {.before = &world->documents[0], .before_count = 1, .after = &world->documents[1], .after_count = 1, .ignores_position = ignores == 1};
        assert_ptr_equal(pin_difference(&sides, world->arena, &world->changes, &world->count), OK);
        assert_int_equal(world->count, ignores == 1 ? 0 : 2);
        arena_free(world->arena);
    }
}

static void sets_without_a_host_are_compared_by_name(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_CHROMIUM, PIN_FORMAT_CHROMIUM);
    pinned(world, 0, NULL, PIN_HOST_EXACT, "x")->name = "google";
    pinned(world, 0, NULL, PIN_HOST_EXACT, "z")->name = "tor";
    pinned(world, 1, NULL, PIN_HOST_EXACT, "z")->name = "tor";
    pinned(world, 1, NULL, PIN_HOST_EXACT, "xy")->name = "google";
    compare(world);
    assert_int_equal(world->count, 1);
    assert_null(world->changes[0].host);
    assert_string_equal(world->changes[0].name, "google");
    arena_free(world->arena);
}

static void several_documents_are_paired_by_format(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_APPLE);
    (void) pinned(world, 0, "a.example", PIN_HOST_EXACT, "x");
    (void) pinned(world, 1, "b.example", PIN_HOST_EXACT, "y");
    struct pin_document swapped[] = {world->documents[1], world->documents[0]};
    struct pin_difference_sides sides = {.before = world->documents, .before_count = 2, .after = swapped, .after_count = 2};
    assert_ptr_equal(pin_difference(&sides, world->arena, &world->changes, &world->count), OK);
    assert_int_equal(world->count, 0);
    sides.after_count = 1; /* Android's is gone */
    assert_ptr_equal(pin_difference(&sides, world->arena, &world->changes, &world->count), OK);
    assert_int_equal(world->count, 1);
    assert_string_equal(world->changes[0].host, "a.example");
    assert_string_equal(pin_change_kind_name(world->changes[0].kind), "unpinned");
    arena_free(world->arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_comments_roles_and_repetitions_make_no_difference),
        cmocka_unit_test(a_key_more_loosens_and_a_key_less_may_refuse),
        cmocka_unit_test(names_that_are_pinned_or_not_any_more_are_told_with_how_far_below),
        cmocka_unit_test(what_holds_counts_not_where_it_is_written),
        cmocka_unit_test(pinning_may_end_later_somewhere_by_the_other_clock),
        cmocka_unit_test(expiry_enforcement_anchors_and_lists_are_compared),
        cmocka_unit_test(a_key_that_must_stand_elsewhere_is_another_unless_only_keys_are_asked),
        cmocka_unit_test(sets_without_a_host_are_compared_by_name),
        cmocka_unit_test(several_documents_are_paired_by_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
