#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/pins_rotation.h"
#include "cli/table.h"
#include "rules/pin_holder.h"
#include "rules/pin_plan.h"

struct plan_options {
    struct rotation_options rotation;
    bool is_emergency;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct plan_options *options = state->input;
    if (key == 'E') {
        options->is_emergency = true;
        return 0;
    }
    if (key == ARGP_KEY_END) {
        options->rotation.needs_no_next = options->is_emergency;
        if (options->is_emergency && options->rotation.next != NULL)
            argp_error(state, "--emergency looks at the keys that are pinned already: leave --next out (`pins gate` judges one key)");
    }
    return rotation_take(key, value, state, &options->rotation);
}

static const struct argp_option options_taken[] = {
    ROTATION_OPTIONS,
    {"emergency", 'E', NULL, 0, "The key in use must go now: which of the keys that are pinned already can be served, and whom does it cost? Needs no --next", 0},
    CAA_ASKING_OPTIONS,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "",
    .doc = "The steps of a rotation in their order, what of them is done, and the first day on which each can be done. With --emergency: every key that live releases pin for the "
           "host, the one that costs least first, and who would be locked out by it.\v"
           "Examples:\n"
           "  pinwatch pins plan --host api.example.com --next new.csr --current cert.pem --releases releases.yaml\n"
           "  pinwatch pins plan --host api.example.com --emergency --current cert.pem --releases releases.yaml\n\n"
           "Steps whose date is not known have none: they wait for releases of which nobody knows when they end.\n\n"
           "Exit codes: 0 the next key can be served on that day (--emergency: some staged key can, without locking out more than --max-share); 1 not yet (none can); 2 cannot tell, "
           "also where a file cannot be read; 64 wrong usage; 69 this machine lacks something; 74 writing failed.",
};

static const int codes[] = {[GATE_SAFE] = EXIT_OK, [GATE_LOCKS_OUT] = EXIT_FINDING, [GATE_CANNOT_TELL] = ROTATION_EXIT_UNKNOWN};

static const char *date_text(bool is_known, int64_t time, char room[RFC3339_SIZE]) {
    if (!is_known)
        return NULL;
    text_of_time(time, room);
    room[sizeof "2026-11-21" - 1] = '\0';
    return room;
}

/* ---- the ordinary way */

static int show_plan(const struct plan *plan, bool as_json) {
    static const struct table_column columns[] = {{.title = "step", .field = "step"}, {.title = "state", .field = "state"}, {.title = "from", .field = "date"},
                                                  {.title = "what", .field = "what", .is_wide = true}};
    static const enum table_tone tones[] = {[PLAN_DONE] = TONE_GOOD, [PLAN_TO_DO] = TONE_WARNING, [PLAN_WAITING] = TONE_FAINT};
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], as_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    table_fold(table, 3);
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        char room[RFC3339_SIZE];
        const char *date = date_text(step->has_date, step->date, room);
        table_text(table, 0, step->name);
        table_text(table, 1, plan_state_name(step->state));
        table_tone(table, 1, tones[step->state]);
        if (date != NULL)
            table_text(table, 2, date);
        table_text(table, 3, step->what);
        table_end_row(table);
    }
    return table_print(table, "");
}

static void print_reasons(const struct gate_answer *answer) {
    for (size_t i = 0; answer->reasons[i] != NULL; i++) {
        fputs(i == 0 ? "\n* " : "* ", stdout);
        print_sentence(answer->reasons[i]);
        putchar('\n');
    }
}

static int plan_rotation(const struct plan_options *options, struct rotation *rotation) {
    struct plan plan;
    bool as_json = options->rotation.asking.is_json;
    result outcome = pin_plan(&rotation->question, rotation->arena, &plan);
    if (outcome != OK)
        return rotation_refused(outcome, NULL);
    int code = show_plan(&plan, as_json);
    if (!as_json)
        print_reasons(&plan.gate);
    return code == EXIT_OK ? codes[plan.gate.verdict] : code;
}

/* ---- in an emergency */

/* Who would not surely accept it; in `arena`. */
static const char *lost_text(const struct gate_answer *answer, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer names = buffer_with_limit(65536);
    for (size_t i = 0; i < answer->release_count; i++) {
        enum gate_acceptance acceptance = gate_acceptance_of(&answer->releases[i].by);
        if (!answer->releases[i].is_live || acceptance == GATE_ACCEPTS)
            continue;
        const char *name = gate_release_name(answer->releases[i].release, arena);
        if (name == NULL || !buffer_printf(&names, "%s%s%s", names.size == 0 ? "" : ", ", name, acceptance == GATE_UNKNOWN ? " (cannot be told)" : ""))
            break;
    }
    if (names.has_no_memory)
        return NULL;
    return arena_printf(arena, "%s%s", names.size == 0 ? "nobody" : buffer_text(&names), names.failed ? " and more" : "");
}

static json_t *lost_json(const struct gate_answer *answer, enum gate_acceptance acceptance, struct arena *arena) {
    json_t *list = json_array();
    for (size_t i = 0; i < answer->release_count; i++)
        if (answer->releases[i].is_live && gate_acceptance_of(&answer->releases[i].by) == acceptance)
            json_array_append_new(list, json_string(gate_release_name(answer->releases[i].release, arena)));
    return list;
}

/* Whose file still calls it current, though it is not in use any more, has no role. */
static const char *role_of(const struct plan_spare *spare) {
    bool has_role = spare->pin->role != PIN_ROLE_NONE && spare->pin->role != PIN_CURRENT;
    return spare->is_current ? "current" : has_role ? pin_role_name(spare->pin->role) : "";
}

static void add_spare(struct table *table, const struct plan_spare *spare, struct arena *arena) {
    static const enum table_tone tones[] = {[GATE_SAFE] = TONE_GOOD, [GATE_LOCKS_OUT] = TONE_BAD, [GATE_CANNOT_TELL] = TONE_WARNING};
    const char *pin = pin_long_text(spare->pin, arena), *lost = lost_text(&spare->gate, arena);
    const char *share = arena_printf(arena, "%.4g %%", 100 * spare->gate.refused_share);
    table_text(table, 0, pin == NULL ? "" : pin);
    table_text(table, 1, role_of(spare));
    table_text(table, 2, gate_verdict_name(spare->gate.verdict));
    table_tone(table, 2, tones[spare->gate.verdict]);
    table_json(table, 3, json_real(spare->gate.refused_share), share);
    table_json(table, 4, lost_json(&spare->gate, GATE_REFUSES, arena), lost);
    table_json(table, 5, lost_json(&spare->gate, GATE_UNKNOWN, arena), "");
    table_end_row(table);
}

static int show_spares(const struct plan_spare *spares, size_t count, bool as_json, struct arena *arena) {
    static const struct table_column columns[] = {{.title = "pin", .field = "pin"}, {.title = "role", .field = "role"}, {.title = "verdict", .field = "verdict"},
                                                  {.title = "locked out", .field = "refused_share"}, {.title = "by it", .field = "refused"}, {.field = "cannot_tell"}};
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], as_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        add_spare(table, &spares[i], arena);
    return table_print(table, "No live release pins a key for this host by its SHA-256.");
}

/* Where nobody says which key is in use, one of the safe ones may be it. */
static int code_of(const struct rotation *rotation, const struct plan_spare *spares, size_t count) {
    bool is_current_known = rotation->question.current != NULL;
    size_t safe = 0, unknown = 0;
    for (size_t i = 0; i < count; i++) {
        is_current_known = is_current_known || spares[i].is_current;
        safe += !spares[i].is_current && spares[i].gate.verdict == GATE_SAFE;
        unknown += !spares[i].is_current && spares[i].gate.verdict == GATE_CANNOT_TELL;
    }
    if (safe > (is_current_known ? 0 : 1))
        return EXIT_OK;
    return safe + unknown > 0 ? ROTATION_EXIT_UNKNOWN : EXIT_FINDING;
}

static void print_advice(const struct rotation *rotation, const struct plan_spare *spares, size_t count, size_t left_out) {
    if (rotation->question.current == NULL)
        puts("\n* which key is in use is not known (--current): it stands among these");
    if (left_out > 0)
        printf("\n* %zu pins are whole certificates or other digests, and are not judged\n", left_out);
    if (code_of(rotation, spares, count) == ROTATION_EXIT_UNKNOWN && rotation->question.candidate_count == 0)
        puts("\n* who will sign is not known: where CAs are pinned, give --issuer, or --chain");
    if (code_of(rotation, spares, count) == EXIT_OK)
        puts("\n* take the first key whose private half you hold, get a certificate for it, and ask `pinwatch pins gate` before it is served; then ship the pins of new spare keys");
    else
        puts("\n* no staged key is surely accepted by all: take the one that costs least of which you hold the private half, or ship a release first and keep the key until then");
}

static int plan_emergency(const struct plan_options *options, struct rotation *rotation) {
    struct plan_spare *spares;
    size_t count, left_out;
    bool as_json = options->rotation.asking.is_json;
    result outcome = pin_plan_emergency(&rotation->question, rotation->arena, &spares, &count, &left_out);
    if (outcome != OK)
        return rotation_refused(outcome, NULL);
    int code = show_spares(spares, count, as_json, rotation->arena);
    if (code != EXIT_OK)
        return code;
    if (!as_json)
        print_advice(rotation, spares, count, left_out);
    return code_of(rotation, spares, count);
}

int pins_run_plan(int argc, char **argv) {
    static struct plan_options options;
    struct rotation rotation;
    options.rotation.on = clock_wall_ms() / 1000;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = rotation_read(&options.rotation, &rotation);
    if (code != EXIT_OK)
        return code;
    code = options.is_emergency ? plan_emergency(&options, &rotation) : plan_rotation(&options, &rotation);
    rotation_done(&rotation);
    return code;
}
