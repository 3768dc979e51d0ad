/* May this key be served? One vector at least, of either kind, for each clause of the gate. */
#include "pin_case.h"
#include "rules/pin_plan.h"
#include "vector_text.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

enum { RELEASES_MADE_MAX = 4, CANDIDATES_MAX = 4 };

/* What the lines say: `release APP VERSION FLAG…` or `files NAME`, and `set` and `pins` of it; `tlsa` for the records, with sets of it;
 * `next A`, `current B`, `issuer I`, `ask HOST FLAG…`. */
struct made {
    struct arena *arena;
    struct pin_case cases[RELEASES_MADE_MAX + 1];
    struct release releases[RELEASES_MADE_MAX];
    struct gate_release asked[RELEASES_MADE_MAX];
    struct pin_case *under_way;
    struct trust_question candidates[CANDIDATES_MAX];
    struct hash issuers[CANDIDATES_MAX];
    struct pin_link next, current;
    struct gate_question question;
    size_t count;
};

static bool day_of(const char *word, const char *prefix, bool *has, int64_t *time) {
    const char *value = case_after(word, prefix);
    char text[40];
    if (value == NULL)
        return false;
    snprintf(text, sizeof text, "%s%s", value, strlen(value) == 10 ? "T00:00:00Z" : "");
    assert_true(case_time(text, time));
    if (has != NULL)
        *has = true;
    return true;
}

static double share_of(const char *percent) {
    uint64_t number = 0;
    assert_int_equal(text_to_number(span_of_text(percent), 100, &number), OK);
    return (double) number / 100;
}

static void start_case(struct made *made, size_t place, const char *name) {
    made->under_way = &made->cases[place];
    *made->under_way = (struct pin_case){.arena = made->arena, .document = {.source = name, .format = PIN_FORMAT_YAML}};
    made->under_way->builder = pin_builder_of(made->arena, &made->under_way->document);
}

static void read_release(struct made *made, struct span line, bool is_release) {
    char word[CASE_WORD_MAX];
    struct release *release = &made->releases[made->count];
    assert_in_range(made->count, 0, RELEASES_MADE_MAX - 1);
    assert_true(case_word(&line, word));
    release->app = arena_copy_text(made->arena, word);
    release->platform = "android";
    start_case(made, made->count, release->app);
    made->asked[made->count] = (struct gate_release){.release = is_release ? release : NULL, .documents = &made->under_way->document, .document_count = 1};
    if (is_release && case_word(&line, word))
        release->version = arena_copy_text(made->arena, word);
    while (case_word(&line, word)) {
        if (strcmp(word, "retired") == 0)
            release->is_retired = true;
        else if (strcmp(word, "ios") == 0)
            release->platform = "ios";
        else if (strcmp(word, "broken") == 0)
            assert_int_equal(pin_builder_remark(&made->under_way->builder, PIN_REMARK_ERROR, 1, "test", "left out"), OK);
        else if (case_after(word, "share=") != NULL)
            release->share = share_of(case_after(word, "share=")), release->has_share = true;
        else
            assert_true(day_of(word, "out=", &release->has_released_on, &release->released_on) || day_of(word, "end=", &release->has_end_of_support, &release->end_of_support));
    }
    made->count++;
}

static void read_link(struct made *made, struct span line, struct pin_link *link) {
    char word[CASE_WORD_MAX];
    assert_true(case_word(&line, word));
    *link = (struct pin_link){.spki = case_bytes(made->arena, "key", word, strlen(word)), .is_given = true};
    digest_of(link->spki, &link->spki_sha256);
}

static void read_issuer(struct made *made, struct span line) {
    struct pin_link link;
    size_t place = made->question.candidate_count++;
    read_link(made, line, &link);
    assert_in_range(place, 0, CANDIDATES_MAX - 1);
    made->issuers[place] = link.spki_sha256;
    made->candidates[place] = (struct trust_question){.issuer_spki_sha256 = &made->issuers[place]};
}

static void read_ask(struct made *made, struct span line) {
    static const char *const caa[] = {"caa=none", "caa=allowed", "caa=forbidden", "caa=unknown"};
    char word[CASE_WORD_MAX];
    struct gate_question *question = &made->question;
    uint64_t number = 0;
    assert_true(case_word(&line, word));
    question->host = arena_copy_text(made->arena, word);
    while (case_word(&line, word)) {
        for (unsigned i = 0; i < 4; i++)
            if (strcmp(word, caa[i]) == 0)
                question->caa = (enum gate_caa) i;
        if (case_after(word, "max=") != NULL)
            question->max_share = share_of(case_after(word, "max="));
        if (case_after(word, "age=") != NULL && text_to_number(span_of_text(case_after(word, "age=")), 1000, &number) == OK)
            question->min_age_days = (unsigned) number;
        if (case_after(word, "ttl=") != NULL && text_to_number(span_of_text(case_after(word, "ttl=")), UINT32_MAX, &number) == OK)
            question->tlsa_ttl_s = (uint32_t) number, question->has_tlsa_ttl = true;
        day_of(word, "on=", NULL, &question->on);
        day_of(word, "since=", &question->has_tlsa_since, &question->tlsa_since);
    }
}

static void read_line(struct made *made, struct span line) {
    char word[CASE_WORD_MAX];
    assert_true(case_word(&line, word));
    if (strcmp(word, "release") == 0 || strcmp(word, "files") == 0) {
        read_release(made, line, word[0] == 'r');
    } else if (strcmp(word, "tlsa") == 0) {
        start_case(made, RELEASES_MADE_MAX, "records");
        made->question.tlsa = &made->under_way->document;
    } else if (strcmp(word, "set") == 0) {
        assert_true(case_set(made->under_way, line));
    } else if (strcmp(word, "pins") == 0) {
        assert_true(case_pins(made->under_way, line));
    } else if (strcmp(word, "next") == 0) {
        read_link(made, line, &made->next);
    } else if (strcmp(word, "current") == 0) {
        read_link(made, line, &made->current);
        made->question.current = &made->current;
    } else if (strcmp(word, "issuer") == 0) {
        read_issuer(made, line);
    } else {
        assert_string_equal(word, "ask");
        read_ask(made, line);
    }
}

static void finish(struct made *made) {
    made->question.releases = made->asked;
    made->question.release_count = made->count;
    made->question.next = &made->next;
    made->question.candidates = made->candidates;
    for (size_t i = 0; i < made->question.candidate_count; i++)
        made->candidates[i].leaf_spki = made->next.spki;
}

static const char *day_text(bool is_known, int64_t time, char room[RFC3339_SIZE]) {
    text_of_time(is_known ? time : 0, room);
    room[10] = '\0';
    return is_known ? room : "-";
}

static struct made *make(struct span input, struct arena *arena) {
    struct made *made = arena_take(arena, sizeof *made);
    made->arena = arena;
    made->question = (struct gate_question){.protocol = "tcp", .port = 443, .caa_why = ""};
    while (input.size > 0) {
        const uint8_t *end = memchr(input.bytes, '\n', input.size);
        assert_non_null(end);
        read_line(made, span_of(input.bytes, (size_t) (end - input.bytes)));
        input = span_of(end + 1, input.size - (size_t) (end + 1 - input.bytes));
    }
    finish(made);
    return made;
}

static void gate_case(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct made *made = make(input, arena);
    struct gate_answer answer;
    char from[RFC3339_SIZE], since[RFC3339_SIZE];
    assert_int_equal(pin_gate(&made->question, arena, &answer), OK);
    size_t used = (size_t) snprintf(ret_line, size, "%s, from %s, staged %s, %zu left, %.0f %% refused", gate_verdict_name(answer.verdict), day_text(answer.has_safe_from, answer.safe_from, from),
                                    day_text(answer.has_staged_since, answer.staged_since, since), answer.backups_left, 100 * answer.refused_share);
    for (size_t i = 0; answer.reasons[i] != NULL && used < size; i++)
        used += (size_t) snprintf(ret_line + used, size - used, " | %s", answer.reasons[i]);
    arena_free(arena);
}

static void plan_case(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct made *made = make(input, arena);
    struct plan plan;
    size_t used = 0;
    assert_int_equal(pin_plan(&made->question, arena, &plan), OK);
    for (size_t i = 0; i < plan.count && used < size; i++) {
        char date[RFC3339_SIZE];
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s %s %s: %s", i == 0 ? "" : " | ", plan.steps[i].name, plan_state_name(plan.steps[i].state),
                                  day_text(plan.steps[i].has_date, plan.steps[i].date, date), plan.steps[i].what);
    }
    arena_free(arena);
}

static void emergency_case(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct made *made = make(input, arena);
    struct plan_spare *spares;
    size_t count, left_out, used;
    assert_int_equal(pin_plan_emergency(&made->question, arena, &spares, &count, &left_out), OK);
    used = (size_t) snprintf(ret_line, size, "%zu left out", left_out);
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t) snprintf(ret_line + used, size - used, " | %s%s %s %.0f %%", spares[i].pin->comment, spares[i].is_current ? " (current)" : "", gate_verdict_name(spares[i].gate.verdict),
                                  100 * spares[i].gate.refused_share);
    arena_free(arena);
}

static void the_gate_answers_each_clause(void **state) {
    (void) state;
    vector_texts_check("pin-gate", gate_case);
}

static void a_plan_has_its_steps_in_order_with_dates(void **state) {
    (void) state;
    vector_texts_check("pin-plan", plan_case);
}

static void in_an_emergency_each_staged_key_has_its_cost(void **state) {
    (void) state;
    vector_texts_check("pin-emergency", emergency_case);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate_answers_each_clause),
        cmocka_unit_test(a_plan_has_its_steps_in_order_with_dates),
        cmocka_unit_test(in_an_emergency_each_staged_key_has_its_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
