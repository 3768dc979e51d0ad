/* Until when does each release accept some key of a host? A vector for each cause of a loss, and for the days at whose edge it happens. */
#include "pin_case.h"
#include "rules/pin_forecast.h"
#include "vector_text.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

enum { RELEASES_MADE_MAX = 4, KEYS_MADE_MAX = 4, NAMES_MADE_MAX = 4 };

/* What the lines say: `release APP VERSION FLAG…` or `files NAME`, and `set`, `pins` and `ca` of it; `served NAME KEY FLAG…`; `rotation NAME KEY from=DATE FLAG…`;
 * `ask HOST|- from=DATE until=DATE FLAG…`. */
struct made {
    struct arena *arena;
    struct pin_case cases[RELEASES_MADE_MAX];
    struct release releases[RELEASES_MADE_MAX];
    struct gate_release asked[RELEASES_MADE_MAX];
    struct pin_case *under_way;
    struct forecast_key keys[KEYS_MADE_MAX];
    struct trust_question ways[KEYS_MADE_MAX];
    struct hash issuers[KEYS_MADE_MAX];
    const char *names[KEYS_MADE_MAX][NAMES_MADE_MAX];
    struct forecast_question question;
    const char *host;
    size_t count;
};

static bool time_of(const char *word, const char *prefix, bool *has, int64_t *time) {
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

static void read_release(struct made *made, struct span line, bool is_release) {
    char word[CASE_WORD_MAX];
    uint64_t number = 0;
    struct release *release = &made->releases[made->count];
    struct pin_case *one = made->under_way = &made->cases[made->count];
    assert_in_range(made->count, 0, RELEASES_MADE_MAX - 1);
    assert_true(case_word(&line, word));
    release->app = arena_copy_text(made->arena, word);
    release->platform = "android";
    *one = (struct pin_case){.arena = made->arena, .document = {.source = release->app, .format = PIN_FORMAT_YAML}};
    one->builder = pin_builder_of(made->arena, &one->document);
    made->asked[made->count++] = (struct gate_release){.release = is_release ? release : NULL, .documents = &one->document, .document_count = 1};
    if (is_release && case_word(&line, word))
        release->version = arena_copy_text(made->arena, word);
    while (case_word(&line, word)) {
        if (strcmp(word, "retired") == 0) {
            release->is_retired = true;
        } else if (strcmp(word, "broken") == 0) {
            assert_int_equal(pin_builder_remark(&one->builder, PIN_REMARK_ERROR, 1, "test", "left out"), OK);
        } else if (case_after(word, "share=") != NULL) {
            assert_int_equal(text_to_number(span_of_text(case_after(word, "share=")), 100, &number), OK);
            release->share = (double) number / 100;
            release->has_share = true;
        } else {
            assert_true(time_of(word, "out=", &release->has_released_on, &release->released_on) || time_of(word, "end=", &release->has_end_of_support, &release->end_of_support));
        }
    }
}

static struct hash hash_of(struct made *made, const char *name) {
    struct hash hash;
    digest_of(case_bytes(made->arena, "key", name, strlen(name)), &hash);
    return hash;
}

/* "I" is the key "key I"; of 64 hex digits the hash itself: a real CA's. */
static void read_issuer(struct made *made, struct forecast_key *key, const char *name) {
    size_t place = (size_t) (key - made->keys);
    if (strlen(name) != 64 || hash_from_hex(span_of_text(name), &made->issuers[place]) != OK)
        made->issuers[place] = hash_of(made, name);
    made->ways[place] = (struct trust_question){.leaf_spki = key->link.spki, .issuer_spki_sha256 = &made->issuers[place]};
    key->way = &made->ways[place];
}

static void read_key(struct made *made, struct span line, bool is_rotation) {
    char word[CASE_WORD_MAX];
    size_t place = made->question.key_count++, names = 0;
    struct forecast_key *key = &made->keys[place];
    assert_in_range(place, 0, KEYS_MADE_MAX - 1);
    *key = (struct forecast_key){.is_rotation = is_rotation};
    assert_true(case_word(&line, word));
    key->name = arena_copy_text(made->arena, word);
    assert_true(case_word(&line, word));
    key->link = (struct pin_link){.spki = case_bytes(made->arena, "key", word, strlen(word)), .spki_sha256 = hash_of(made, word), .is_given = true};
    while (case_word(&line, word)) {
        if (case_after(word, "issuer=") != NULL) {
            read_issuer(made, key, case_after(word, "issuer="));
        } else if (case_after(word, "host=") != NULL) {
            assert_in_range(names, 0, NAMES_MADE_MAX - 2);
            made->names[place][names++] = arena_copy_text(made->arena, case_after(word, "host="));
            key->hosts = made->names[place];
        } else {
            assert_true(time_of(word, "begin=", NULL, &key->not_before) || time_of(word, "end=", &key->has_validity, &key->not_after) || time_of(word, "from=", NULL, &key->from));
        }
    }
}

static void read_ask(struct made *made, struct span line) {
    char word[CASE_WORD_MAX];
    assert_true(case_word(&line, word));
    made->host = strcmp(word, "-") == 0 ? NULL : arena_copy_text(made->arena, word);
    while (case_word(&line, word))
        if (strcmp(word, "reuse") == 0)
            made->question.reuses_keys = true;
        else
            assert_true(time_of(word, "from=", NULL, &made->question.from) || time_of(word, "until=", NULL, &made->question.until));
}

/* `ca HEX…`: one group with the keys of real CAs. */
static void read_cas(struct made *made, struct span line) {
    struct pin_case *one = made->under_way;
    char word[CASE_WORD_MAX];
    while (case_word(&line, word)) {
        struct pin *pin = pin_builder_add_pin(&one->builder, one->set, one->groups);
        uint8_t *value = arena_take(made->arena, HASH_SIZE);
        assert_non_null(pin);
        assert_int_equal(text_to_hex(span_of_text(word), value, HASH_SIZE), OK);
        pin->value = span_of(value, HASH_SIZE);
    }
    one->groups++;
}

static void read_line(struct made *made, struct span line) {
    char word[CASE_WORD_MAX];
    assert_true(case_word(&line, word));
    if (strcmp(word, "release") == 0 || strcmp(word, "files") == 0) {
        read_release(made, line, word[0] == 'r');
    } else if (strcmp(word, "set") == 0) {
        assert_true(case_set(made->under_way, line));
    } else if (strcmp(word, "pins") == 0) {
        assert_true(case_pins(made->under_way, line));
    } else if (strcmp(word, "ca") == 0) {
        read_cas(made, line);
    } else if (strcmp(word, "served") == 0 || strcmp(word, "rotation") == 0) {
        read_key(made, line, word[0] == 'r');
    } else {
        assert_string_equal(word, "ask");
        read_ask(made, line);
    }
}

static struct made *make(struct span input, struct arena *arena) {
    struct made *made = arena_take(arena, sizeof *made);
    made->arena = arena;
    while (input.size > 0) {
        const uint8_t *end = memchr(input.bytes, '\n', input.size);
        assert_non_null(end);
        read_line(made, span_of(input.bytes, (size_t) (end - input.bytes)));
        input = span_of(end + 1, input.size - (size_t) (end + 1 - input.bytes));
    }
    made->question.releases = made->asked;
    made->question.release_count = made->count;
    made->question.keys = made->keys;
    return made;
}

/* A whole day as one, else with its time. */
static const char *time_text(int64_t time, char room[RFC3339_SIZE]) {
    text_of_time(time, room);
    if (time % 86400 == 0)
        room[10] = '\0';
    return room;
}

static void tell_line(const struct forecast_line *line, struct arena *arena, struct buffer *out) {
    buffer_printf(out, " | %s", gate_release_name(line->release, arena));
    for (size_t i = 0; i < line->count; i++) {
        char room[RFC3339_SIZE];
        const struct forecast_period *period = &line->periods[i];
        buffer_printf(out, "%s %s %s", i == 0 ? ":" : ",", time_text(period->from, room), forecast_state_name(period->state));
        if (period->key != NULL)
            buffer_printf(out, " (%s%s)", period->is_renewal ? "after " : "", period->key->name);
    }
}

static void tell_loss(const struct forecast_loss *loss, struct arena *arena, struct buffer *out) {
    char at[RFC3339_SIZE], end[RFC3339_SIZE] = "-";
    if (loss->has_end)
        time_text(loss->end, end);
    buffer_printf(out, " | LOSS %s to %s, %s: %s", time_text(loss->at, at), end, forecast_cause_name(loss->cause), gate_release_name(loss->line->release, arena));
    if (loss->has_app_share)
        buffer_printf(out, ", %.0f %%", 100 * loss->app_share);
    buffer_printf(out, ": %s", loss->why);
}

static void tell(const struct forecast_answer *answer, struct arena *arena, struct buffer *out) {
    buffer_printf(out, "%s%s", out->size == 0 ? "" : " || ", answer->service.host);
    if (answer->service.port != 443)
        buffer_printf(out, ":%u", answer->service.port);
    buffer_printf(out, " %s", forecast_verdict_name(answer->verdict));
    for (size_t i = 0; i < answer->line_count; i++)
        tell_line(&answer->lines[i], arena, out);
    for (size_t i = 0; i < answer->loss_count; i++)
        tell_loss(&answer->losses[i], arena, out);
    for (size_t i = 0; i < answer->staged_count; i++) {
        char since[RFC3339_SIZE] = "-";
        const struct forecast_staged *staged = &answer->staged[i];
        buffer_printf(out, " | staged %s in %zu of %zu since %s", staged->pin->comment, staged->count, staged->live_count, staged->has_since ? time_text(staged->since, since) : "-");
    }
}

static void tell_events(const struct forecast_answer *answer, struct buffer *out) {
    for (size_t i = 0; i < answer->event_count; i++) {
        char at[RFC3339_SIZE];
        buffer_printf(out, "%s%s %s: %s", out->size == 0 ? "" : " | ", time_text(answer->events[i].at, at), forecast_event_name(answer->events[i].kind), answer->events[i].what);
    }
}

static void forecast_case(struct span input, bool wants_events, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT), *scratch = arena_new(ARENA_LIMIT);
    struct made *made = make(input, arena);
    struct buffer out = buffer_with_limit(65536);
    struct forecast *forecast;
    struct forecast_service *services;
    size_t count;
    assert_int_equal(forecast_new(&made->question, arena, &forecast), OK);
    assert_int_equal(forecast_services(forecast, made->host, arena, &services, &count), OK);
    for (size_t i = 0; i < count; i++) {
        struct forecast_answer answer;
        arena_reset(scratch);
        assert_int_equal(forecast_host(forecast, &services[i], scratch, arena, &answer), OK);
        if (wants_events)
            tell_events(&answer, &out);
        else
            tell(&answer, arena, &out);
    }
    snprintf(ret_line, size, "%s", count == 0 ? "no host" : out.size == 0 ? "nothing" : buffer_text(&out));
    buffer_done(&out);
    arena_free(scratch);
    arena_free(arena);
}

static void lines_case(struct span input, char *ret_line, size_t size) {
    forecast_case(input, false, ret_line, size);
}

static void events_case(struct span input, char *ret_line, size_t size) {
    forecast_case(input, true, ret_line, size);
}

static void each_loss_has_its_day_and_its_cause(void **state) {
    (void) state;
    vector_texts_check("pin-forecast", lines_case);
}

static void what_happens_is_told_in_the_order_of_days(void **state) {
    (void) state;
    vector_texts_check("pin-forecast-events", events_case);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_loss_has_its_day_and_its_cause),
        cmocka_unit_test(what_happens_is_told_in_the_order_of_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
