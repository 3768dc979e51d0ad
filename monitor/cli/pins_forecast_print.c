/* The forecast for people: a verdict, then for each host its releases and its timeline. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/pins_forecast.h"
#include "cli/table.h"
#include "rules/pin_holder.h"

enum { LOSSES_TOLD_MAX = 20, DOUBTS_TOLD_MAX = 5, STAGED_TOLD_MAX = 5 };

static const enum table_tone tones[] = {[FORECAST_NOT_LIVE] = TONE_FAINT, [FORECAST_NOT_PINNED] = TONE_PLAIN, [FORECAST_ACCEPTED] = TONE_GOOD,
                                        [FORECAST_CANNOT_TELL] = TONE_WARNING, [FORECAST_NO_KEY] = TONE_BAD};
static const char *const states[] = {[FORECAST_NOT_LIVE] = "not out yet", [FORECAST_NOT_PINNED] = "not pinned", [FORECAST_ACCEPTED] = "accepted",
                                     [FORECAST_CANNOT_TELL] = "unknown", [FORECAST_NO_KEY] = "NO KEY"};

static const char *share_text(bool is_known, double share, char room[32]) {
    snprintf(room, 32, "%.4g %%", 100 * share);
    return is_known ? room : "unknown";
}

/* ---- releases */

/* The first day on which it is in this state; NULL: never. */
static const struct forecast_period *first_in(const struct forecast_line *line, enum forecast_state state) {
    for (size_t i = 0; i < line->count; i++)
        if (line->periods[i].state == state)
            return &line->periods[i];
    return NULL;
}

static void add_release(struct table *table, const struct forecast_line *line, struct arena *arena) {
    const struct release *facts = line->release->release;
    const struct forecast_period *now = &line->periods[0], *loss = first_in(line, FORECAST_NO_KEY), *free = first_in(line, FORECAST_NOT_PINNED);
    char room[RFC3339_SIZE], share[32];
    const char *name = gate_release_name(line->release, arena);
    table_text(table, 0, name == NULL ? "" : name);
    table_text(table, 1, share_text(facts != NULL && facts->has_share, facts == NULL ? 0 : facts->share, share));
    table_text(table, 2, states[now->state]);
    table_tone(table, 2, tones[now->state]);
    if (loss != NULL) {
        table_text(table, 3, forecast_day(loss->from, room));
        table_tone(table, 3, TONE_BAD);
    }
    if (free != NULL && free != now)
        table_text(table, 4, forecast_day(free->from, room));
    if (facts != NULL && facts->has_end_of_support)
        table_text(table, 5, forecast_day(facts->end_of_support, room));
    table_end_row(table);
}

static int print_releases(const struct forecast_answer *answer, struct arena *arena) {
    static const struct table_column columns[] = {{.title = "release", .is_wide = true}, {.title = "share"}, {.title = "now"}, {.title = "no key from"}, {.title = "unpinned from"},
                                                  {.title = "support ends", .is_spare = true}};
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < answer->line_count; i++)
        add_release(table, &answer->lines[i], arena);
    return table_print(table, "No release has an entry for it.");
}

/* ---- timeline */

static const struct forecast_loss *loss_of(const struct forecast_answer *answer, const struct forecast_event *event) {
    for (size_t i = 0; i < answer->loss_count; i++)
        if (answer->losses[i].at == event->at && answer->losses[i].line->release == event->release)
            return &answer->losses[i];
    return NULL;
}

static void add_event(struct table *table, const struct forecast_answer *answer, const struct forecast_event *event, struct arena *arena) {
    static const char *const words[] = {[FORECAST_LOSES] = "LOSES LAST KEY", [FORECAST_UNSURE] = "unknown from here", [FORECAST_CERTIFICATE] = "certificate ends",
                                        [FORECAST_CA] = "CA ends", [FORECAST_PINS] = "pins end", [FORECAST_ROTATES] = "rotation", [FORECAST_COMES_OUT] = "release comes out",
                                        [FORECAST_ENDS] = "support ends"};
    static const enum table_tone event_tones[] = {[FORECAST_LOSES] = TONE_BAD, [FORECAST_UNSURE] = TONE_WARNING, [FORECAST_ENDS] = TONE_PLAIN};
    const struct forecast_loss *loss = event->kind == FORECAST_LOSES ? loss_of(answer, event) : NULL;
    char room[RFC3339_SIZE], share[32];
    table_text(table, 0, forecast_day(event->at, room));
    table_text(table, 1, words[event->kind]);
    table_tone(table, 1, event_tones[event->kind]);
    if (loss != NULL)
        table_text(table, 2, share_text(loss->has_app_share, loss->app_share, share));
    bool is_told_below = event->kind == FORECAST_LOSES || event->kind == FORECAST_UNSURE;
    const char *name = is_told_below ? gate_release_name(event->release, arena) : event->what;
    table_text(table, 3, name == NULL ? "" : name);
    table_end_row(table);
}

static int print_events(const struct forecast_answer *answer, struct arena *arena) {
    static const struct table_column columns[] = {{.title = "date"}, {.title = "what happens"}, {.title = "of its users"}, {.title = "whose", .is_wide = true}};
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < answer->event_count; i++)
        add_event(table, answer, &answer->events[i], arena);
    return table_print(table, "Nothing changes.");
}

/* ---- sentences */

static void print_sentence_about(const char *text) {
    fputs("* ", stdout);
    print_sentence(text == NULL ? "" : text);
    putchar('\n');
}

static void print_losses(const struct forecast_answer *answer, struct arena *arena) {
    for (size_t i = 0; i < answer->loss_count && i < LOSSES_TOLD_MAX; i++) {
        const struct forecast_loss *loss = &answer->losses[i];
        char from[RFC3339_SIZE], until[RFC3339_SIZE];
        const char *name = gate_release_name(loss->line->release, arena);
        const char *end = !loss->has_end ? "" : arena_printf(arena, " (until %s)", forecast_day(loss->end, until));
        print_sentence_about(arena_printf(arena, "%s, %s%s: %s", forecast_day(loss->at, from), name == NULL ? "" : name, end == NULL ? "" : end, loss->why));
    }
    if (answer->loss_count > LOSSES_TOLD_MAX)
        printf("* and %zu more (--json shows all)\n", answer->loss_count - LOSSES_TOLD_MAX);
}

static void print_doubts(const struct forecast_answer *answer, struct arena *arena) {
    size_t count = 0;
    for (size_t i = 0; i < answer->event_count; i++) {
        char room[RFC3339_SIZE];
        if (answer->events[i].kind == FORECAST_UNSURE && ++count <= DOUBTS_TOLD_MAX)
            print_sentence_about(arena_printf(arena, "%s, cannot be told from here on: %s", forecast_day(answer->events[i].at, room), answer->events[i].what));
    }
    if (count > DOUBTS_TOLD_MAX)
        printf("* and %zu more (--json shows all)\n", count - DOUBTS_TOLD_MAX);
}

static void print_staged(const struct forecast_answer *answer, struct arena *arena) {
    for (size_t i = 0; i < answer->staged_count && i < STAGED_TOLD_MAX; i++) {
        const struct forecast_staged *staged = &answer->staged[i];
        char room[RFC3339_SIZE];
        const char *pin = pin_long_text(staged->pin, arena), *role = pin_role_name(staged->pin->role);
        const char *since = !staged->has_since ? "" : arena_printf(arena, ", in all since %s", forecast_day(staged->since, room));
        print_sentence_about(arena_printf(arena, "staged, for whoever holds its key to put into use: %s%s%s%s, in %zu of %zu live releases%s", pin == NULL ? "" : pin,
                                          role[0] == '\0' ? "" : " (", role, role[0] == '\0' ? "" : ")", staged->count, staged->live_count, since == NULL ? "" : since));
    }
    if (answer->staged_count > STAGED_TOLD_MAX)
        printf("* and %zu more keys are staged (--json shows all)\n", answer->staged_count - STAGED_TOLD_MAX);
}

static void print_advice(const struct forecast_answer *answer) {
    if (answer->loss_count > 0)
        puts("* before that day: renew with a key that is pinned, plan a rotation to one (--rotation), or ship a release that pins what will be served");
    if (answer->verdict == FORECAST_UNKNOWN && answer->key_count == 0)
        puts("* no certificate of this host is known: give what is served (--served)");
}

/* ---- hosts */

static const char *headline_of(const struct forecast_answer *answer, struct arena *arena) {
    char room[RFC3339_SIZE];
    if (answer->verdict == FORECAST_LOSS)
        return arena_printf(arena, "a release loses its last key on %s", forecast_day(answer->losses[0].at, room));
    return answer->verdict == FORECAST_UNKNOWN ? "cannot be told" : "fine";
}

static void print_heading(const struct forecast_answer *answer, struct arena *arena) {
    const char *host = forecast_service_text(&answer->service, arena), *headline = headline_of(answer, arena);
    print_sentence(host == NULL ? "" : host);
    printf(": %s\n", headline == NULL ? "" : headline);
}

static int print_host(const struct forecast_answer *answer, struct arena *arena) {
    putchar('\n');
    print_heading(answer, arena);
    putchar('\n');
    int code = print_releases(answer, arena);
    if (code == EXIT_OK && answer->line_count > 0) {
        putchar('\n');
        code = print_events(answer, arena);
    }
    if (answer->loss_count + answer->staged_count > 0 || answer->verdict != FORECAST_FINE)
        putchar('\n');
    print_losses(answer, arena);
    print_doubts(answer, arena);
    print_staged(answer, arena);
    print_advice(answer);
    return code;
}

static void print_verdict(const struct forecast_run *run) {
    char from[RFC3339_SIZE], until[RFC3339_SIZE], first[RFC3339_SIZE];
    forecast_day(run->question.from, from);
    forecast_day(run->question.until, until);
    if (run->loss_count > 0)
        printf("LOSES A KEY: %zu of %zu hosts, the first on %s (%s to %s)\n", run->loss_count, run->count, forecast_day(run->ordered[0]->losses[0].at, first), from, until);
    else if (run->unknown_count > 0)
        printf("CANNOT TELL: %zu of %zu hosts (%s to %s)\n", run->unknown_count, run->count, from, until);
    else if (run->count > 0)
        printf("FINE: %zu of %zu hosts (%s to %s)\n", run->count, run->count, from, until);
    else
        puts("CANNOT TELL: no host is pinned by a live release; where pins name none, say which (--host)");
}

int forecast_print(const struct forecast_run *run) {
    struct arena *arena = run->rotation.arena;
    int code = EXIT_OK;
    bool was_line = false;
    uint64_t mark = memory_mark();
    print_verdict(run);
    for (size_t i = 0; i < run->count && code == EXIT_OK; i++) {
        const struct forecast_answer *answer = run->ordered[i];
        if (run->count > FORECAST_FULL_MAX && answer->verdict == FORECAST_FINE) {
            if (!was_line)
                putchar('\n');
            was_line = true;
            print_heading(answer, arena);
        } else {
            code = print_host(answer, arena);
        }
    }
    return code == EXIT_OK && memory_mark() != mark ? rotation_refused(&fault_no_memory, NULL) : code;
}
