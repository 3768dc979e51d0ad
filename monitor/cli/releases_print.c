#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/releases.h"
#include "cli/table.h"

enum { APP, PLATFORM, VERSION, RELEASED_ON, SHARE, END_OF_SUPPORT, STATE, PINS, SET_BY, WHO, SET_AT, RETIRED_AT, COLUMNS };
static const struct table_column columns[COLUMNS] = {
    [APP] = {"App", "app", false, false, false},
    [PLATFORM] = {"Platform", "platform", false, false, false},
    [VERSION] = {"Version", "version", false, false, false},
    [RELEASED_ON] = {"Released", "released_on", false, false, true},
    [SHARE] = {"Share", "share", true, false, false},
    [END_OF_SUPPORT] = {"Ends", "end_of_support", false, false, false},
    [STATE] = {"State", "state", false, false, false},
    [PINS] = {"Pins", "pins", false, true, false},
    [SET_BY] = {NULL, "set_by", false, false, false},
    [WHO] = {"Who", "who", false, false, true},
    [SET_AT] = {"Since", "set_at", false, false, true},
    [RETIRED_AT] = {NULL, "retired_at", false, false, false},
};

const char *release_state_name(const struct release *release, int64_t now) {
    if (release->is_retired)
        return "retired";
    if (release_is_live(release, now))
        return "live";
    return release->has_end_of_support && release->end_of_support <= now ? "ended" : "planned";
}

static void put_date(struct table *table, size_t column, bool has_date, int64_t date) {
    char text[RFC3339_SIZE];
    text_of_time(date, text);
    text[sizeof "2026-11-21" - 1] = '\0';
    if (has_date)
        table_text(table, column, text);
}

/* "12.5 %", at most so many digits as say something. */
static void put_share(struct table *table, const struct release *release) {
    char text[32];
    if (!release->has_share)
        return;
    snprintf(text, sizeof text, "%.6g %%", release->share * 100);
    table_json(table, SHARE, json_real(release->share), text);
}

static void put_pins(struct table *table, const struct release *release) {
    CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(65536);
    json_t *list = json_array();
    for (size_t i = 0; release->pins[i] != NULL; i++) {
        json_array_append_new(list, json_string(release->pins[i]));
        buffer_printf(&shown, "%s%s", i == 0 ? "" : "; ", release->pins[i]);
    }
    table_json(table, PINS, list, release->pins[0] == NULL ? "none" : buffer_text(&shown));
}

static void add_row(struct table *table, const struct store_release *release, int64_t now) {
    const struct release *facts = &release->facts;
    bool is_live = release_is_live(facts, now);
    table_text(table, APP, facts->app);
    table_text(table, PLATFORM, facts->platform);
    table_text(table, VERSION, facts->version);
    put_date(table, RELEASED_ON, facts->has_released_on, facts->released_on);
    put_share(table, facts);
    put_date(table, END_OF_SUPPORT, facts->has_end_of_support, facts->end_of_support);
    table_text(table, STATE, release_state_name(facts, now));
    table_tone(table, STATE, is_live ? TONE_GOOD : TONE_FAINT);
    put_pins(table, facts);
    table_text(table, SET_BY, release->set_by_apply ? "apply" : "cli");
    table_text(table, WHO, release->set_who);
    table_time_ms(table, SET_AT, release->from_ms);
    if (facts->is_retired)
        table_time_ms(table, RETIRED_AT, release->retired_ms);
    table_end_row(table);
}

int releases_print(const struct store_release *releases, size_t count, bool is_json, int64_t now) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, COLUMNS, is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        add_row(table, &releases[i], now);
    return table_print(table, "No release is known: `pinwatch releases add` begins.");
}
