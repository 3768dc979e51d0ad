#include "cli/pins_table.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/pins.h"
#include "rules/pin_holder.h"

enum { COLUMN_NAMES, COLUMN_PINS, COLUMN_KEYS, COLUMN_MODE, COLUMN_EXPIRES, COLUMN_FORMAT, COLUMN_SOURCE, COLUMN_COUNT };
static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_NAMES] = {.title = "HOST"},           [COLUMN_PINS] = {.title = "PINS", .is_number = true, .is_spare = true},
    [COLUMN_KEYS] = {.title = "KEYS", .is_wide = true}, [COLUMN_MODE] = {.title = "MODE"},
    [COLUMN_EXPIRES] = {.title = "EXPIRES"},      [COLUMN_FORMAT] = {.title = "FORMAT", .is_spare = true},
    [COLUMN_SOURCE] = {.title = "SOURCE", .is_spare = true},
};

static size_t pin_count_of(const struct pin_set *set) {
    size_t count = 0;
    for (size_t group = 0; group < set->group_count; group++)
        count += set->groups[group].count;
    return count;
}

static void count_owner(const char *owner, const char **owners, size_t *counts, size_t *count, size_t rooms) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(owners[i], owner) == 0) {
            counts[i]++;
            return;
        }
    if (*count == rooms)
        return;
    owners[*count] = owner;
    counts[(*count)++] = 1;
}

/* "ISRG Root X1, ISRG Root X2, no known CA ×2" */
static void keys_text(const struct pin_set *set, struct buffer *out) {
    enum { OWNERS = 32 };
    const char *owners[OWNERS];
    size_t counts[OWNERS], count = 0;
    for (size_t group = 0; group < set->group_count; group++)
        for (size_t i = 0; i < set->groups[group].count; i++) {
            struct pin_holder holder;
            bool is_known = pin_holder_find(&set->groups[group].pins[i], NULL, &holder);
            const char *who = !is_known ? "no known CA" : holder.name != NULL ? holder.name : holder.owner != NULL ? holder.owner : "a CA";
            count_owner(who, owners, counts, &count, OWNERS);
        }
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, counts[i] > 1 ? "%s%s ×%zu" : "%s%s", i == 0 ? "" : ", ", owners[i], counts[i]);
}

static void put_mode(struct table *table, const struct pin_set *set) {
    bool is_quiet = set->is_pinned && !set->is_enforced;
    table_text(table, COLUMN_MODE, !set->is_pinned ? "not pinned" : set->is_enforced ? "enforced" : set->is_report_only ? "report only" : "not enforced");
    if (is_quiet)
        table_tone(table, COLUMN_MODE, TONE_WARNING);
}

static void put_expiry(struct table *table, const struct pin_set *set) {
    char when[RFC3339_SIZE], text[64];
    if (set->has_max_age)
        snprintf(text, sizeof text, "%ju s after a visit", (uintmax_t) set->max_age_s);
    else if (set->has_expiry) {
        text_of_time(set->expires, when);
        snprintf(text, sizeof text, "%.10s%s", when, set->is_expiry_local ? " local" : "");
    } else
        return;
    table_text(table, COLUMN_EXPIRES, text);
}

void pins_table_add(struct table *table, const struct pin_document *document, const struct pin_set *set, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer keys = buffer_with_limit(4096), source = buffer_with_limit(8192);
    const char *names = pins_names_text(set, arena);
    keys_text(set, &keys);
    buffer_printf(&source, set->line > 0 ? "%s:%u" : "%s", document->source, set->line);
    table_text(table, COLUMN_NAMES, names == NULL ? "" : names);
    table_number(table, COLUMN_PINS, (int64_t) pin_count_of(set));
    table_text(table, COLUMN_KEYS, buffer_text(&keys));
    put_mode(table, set);
    put_expiry(table, set);
    table_text(table, COLUMN_FORMAT, pin_format_name(set->format));
    table_text(table, COLUMN_SOURCE, buffer_text(&source));
    table_end_row(table);
}

struct table *pins_table_new(void) {
    struct table *table = table_new(columns, COLUMN_COUNT, false);
    if (table != NULL)
        table_fold(table, COLUMN_KEYS);
    return table;
}
