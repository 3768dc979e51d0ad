/* Would a client with these pins accept this chain? One vector at least, of either kind, for each rule of each platform. */
#include "pin_case.h"
#include "vector_text.h"

#define ARENA_LIMIT ((size_t) 4 * 1024 * 1024)

static void judge_case(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_case made;
    struct pin_judgement judgement;
    assert_non_null(arena);
    assert_true(case_read(input, arena, &made));
    pin_judge(&made.document, &made.question, &judgement);
    bool is_judged = judgement.verdict == PIN_VERDICT_REFUSES || judgement.verdict == PIN_VERDICT_CANNOT_TELL;
    size_t used = (size_t) snprintf(ret_line, size, "%s", pin_verdict_name(judgement.verdict));
    if (judgement.by != NULL)
        used += (size_t) snprintf(ret_line + used, size - used, " by %s at %zu", judgement.by->comment, judgement.by_place);
    if (is_judged && !judgement.is_enforced)
        used += (size_t) snprintf(ret_line + used, size - used, " without locking out");
    snprintf(ret_line + used, size - used, ": %s", judgement.why);
    arena_free(arena);
}

static void each_platform_judges_by_its_own_rules(void **state) {
    (void) state;
    vector_texts_check("pin-judge", judge_case);
}

/* Writes the hosts and formats of the sets that hold. */
static void choose_sets(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_case made;
    const struct pin_set *sets[8];
    size_t used = 0;
    assert_non_null(arena);
    assert_true(case_read(input, arena, &made));
    size_t count = pin_sets_for_host(&made.document, made.question.host, made.question.port, made.question.protocol, sets, 8);
    assert_in_range(count, 0, 8);
    for (size_t i = 0; i < count; i++)
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s%s", i == 0 ? "" : " ", sets[i]->host == NULL ? "-" : sets[i]->host, sets[i]->is_pinned ? "" : "(unpinned)");
    if (count == 0)
        snprintf(ret_line, size, "none");
    arena_free(arena);
}

static void each_platform_chooses_its_sets_for_a_host(void **state) {
    (void) state;
    vector_texts_check("pin-hosts", choose_sets);
}

static void all_sets_are_counted_where_there_is_no_room(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_case made;
    const struct pin_set *one = NULL;
    assert_true(case_read(span_of_text("set okhttp a.example exact\nset okhttp *.example one-below\nset okhttp example below\nask a.example\n"), arena, &made));
    assert_int_equal(pin_sets_for_host(&made.document, "a.example", 0, "", &one, 1), 2);
    assert_ptr_equal(one, &made.document.sets[0]);
    assert_int_equal(pin_sets_for_host(&made.document, "a.example", 0, "", NULL, 0), 2);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_platform_judges_by_its_own_rules),
        cmocka_unit_test(each_platform_chooses_its_sets_for_a_host),
        cmocka_unit_test(all_sets_are_counted_where_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
