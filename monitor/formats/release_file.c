/* Releases as a person lists them: YAML or CSV, by what stands in the file (docs/pins.md has the fields). */
#include "formats/release_file.h"

#include <stdlib.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/csv.h"
#include "formats/yaml_parts.h"

FAULT(fault_release_file, FAULT_INPUT, "release-file.value", "list of releases", "docs/pins.md", "it is none, or a value is not as it should be",
      "YAML with a list \"releases:\", or CSV with a header row");

enum field { APP, PLATFORM, VERSION, RELEASED_ON, SHARE, END_OF_SUPPORT, PINS, FIELDS };
enum { APP_MAX = 128, PLATFORM_MAX = 32, VERSION_MAX = 64, PIN_NAME_MAX = 255, SHARE_DIGITS_MAX = 15, SHOWN_MAX = 60 };
#define FIELD_LIST "app, platform, version, released_on, share, end_of_support and pins"

static const char *const field_names[FIELDS] = {
    [APP] = "app", [PLATFORM] = "platform", [VERSION] = "version", [RELEASED_ON] = "released_on",
    [SHARE] = "share", [END_OF_SUPPORT] = "end_of_support", [PINS] = "pins",
};

static enum field field_of_name(struct span name) {
    unsigned field = 0;
    while (field < FIELDS && (strlen(field_names[field]) != name.size || strncasecmp(field_names[field], (const char *) name.bytes, name.size) != 0))
        field++;
    return (enum field) field;
}

struct reading {
    struct arena *arena;
    struct reason *reason;
    struct release *releases;
    size_t count;
    unsigned line; /* of the release under way, for refusals */
};

/* One release before it is looked at. */
struct draft {
    struct span texts[FIELDS]; /* without white space around; NULL bytes: not there. PINS is not used */
    const char *pins[PINS_OF_RELEASE_MAX + 1];
    size_t pin_count;
};

#define REFUSE(reading, format, ...) reason_set((reading)->reason, &fault_release_file, "line %u: " format, (reading)->line, __VA_ARGS__)

/* ── values ── */

static int shown_size(struct span text) {
    return (int) (text.size < SHOWN_MAX ? text.size : SHOWN_MAX);
}

/* A text of 1 to `limit` bytes that can be shown anywhere as it is. */
static result take_text(struct reading *reading, const char *name, struct span text, size_t limit, const char **ret_text) {
    if (text.size == 0 || text.size > limit || memchr(text.bytes, 0, text.size) != NULL)
        return REFUSE(reading, "%s: wanted a text of 1 to %zu bytes", name, limit);
    char *copy = arena_copy_span_as_text(reading->arena, text);
    if (copy == NULL)
        return &fault_no_memory;
    text_make_harmless(copy);
    if (memcmp(copy, text.bytes, text.size) != 0 || copy[0] == ' ' || copy[text.size - 1] == ' ')
        return REFUSE(reading, "%s: \"%s\" holds characters that cannot be shown, or is surrounded by spaces; wanted plain text", name, copy);
    *ret_text = copy;
    return OK;
}

static result take_platform(struct reading *reading, struct span text, const char **ret_text) {
    TRY(take_text(reading, field_names[PLATFORM], text, PLATFORM_MAX, ret_text));
    char *copy = arena_copy_text(reading->arena, *ret_text);
    if (copy == NULL)
        return &fault_no_memory;
    for (char *at = copy; *at != '\0'; at++) {
        *at = (char) ascii_lower((uint8_t) *at);
        if (!ascii_is_digit((uint8_t) *at) && !(*at >= 'a' && *at <= 'z') && strchr("._-", *at) == NULL)
            return REFUSE(reading, "platform: \"%s\" is no word of letters, digits, dots, underscores and hyphens; wanted one such as android or ios", copy);
    }
    *ret_text = copy;
    return OK;
}

static result take_date(struct reading *reading, enum field field, struct span text, bool *ret_has_date, int64_t *ret_seconds) {
    static const char form[] = "2026-11-21";
    char whole[RFC3339_SIZE];
    int64_t ms = -1;
    *ret_has_date = text.bytes != NULL;
    if (text.bytes == NULL)
        return OK;
    if (text.size == sizeof form - 1) {
        memcpy(whole, text.bytes, text.size);
        memcpy(whole + text.size, "T00:00:00Z", sizeof "T00:00:00Z");
        if (text_to_time_ms(span_of_text(whole), &ms) != OK)
            ms = -1;
    }
    if (ms < 0)
        return REFUSE(reading, "%s: \"%.*s\" is no date, wanted one like %s, from 1970 on", field_names[field], shown_size(text), text.bytes, form);
    *ret_seconds = ms / 1000;
    return OK;
}

/* Digits, at most one point among them, and nothing else. */
static bool number_of(struct span text, double *ret_number) {
    double number = 0, scale = 1;
    bool has_point = false;
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        bool is_point = byte == '.' && !has_point && digits > 0;
        if (!is_point && !ascii_is_digit(byte))
            return false;
        has_point |= is_point;
        if (is_point)
            continue;
        number = number * 10 + (byte - '0');
        scale = has_point ? scale * 10 : scale;
        digits++;
    }
    *ret_number = number / scale;
    return digits > 0 && digits <= SHARE_DIGITS_MAX && text.bytes[text.size - 1] != '.';
}

static result take_share(struct reading *reading, struct span text, bool *ret_has_share, double *ret_share) {
    struct span digits = text;
    *ret_has_share = text.bytes != NULL;
    if (text.bytes == NULL)
        return OK;
    bool is_percent = text.size > 0 && text.bytes[text.size - 1] == '%';
    double most = is_percent ? 100 : 1;
    digits.size -= is_percent;
    while (is_percent && digits.size > 0 && digits.bytes[digits.size - 1] == ' ')
        digits.size--;
    if (!number_of(digits, ret_share) || *ret_share > most)
        return REFUSE(reading, "share: \"%.*s\" is no part of the app's users, wanted a number from 0 to 1, or a percentage such as 12.5%%", shown_size(text), text.bytes);
    *ret_share /= most;
    return OK;
}

static result add_pins_name(struct reading *reading, struct draft *draft, struct span name) {
    if (draft->pin_count == PINS_OF_RELEASE_MAX)
        return REFUSE(reading, "pins: wanted at most %d names", PINS_OF_RELEASE_MAX);
    if (name.size > 0 && memchr(name.bytes, ';', name.size) != NULL)
        return REFUSE(reading, "pins: \"%.*s\": a name has no \";\", which stands between names in CSV; wanted a list", shown_size(name), name.bytes);
    return take_text(reading, field_names[PINS], name, PIN_NAME_MAX, &draft->pins[draft->pin_count++]);
}

/* ── releases ── */

static result finish_pins(struct reading *reading, const struct draft *draft, struct release *release) {
    const char **pins = arena_take_array(reading->arena, draft->pin_count + 1, sizeof *pins);
    if (pins == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < draft->pin_count; i++) {
        pins[i] = draft->pins[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(pins[i], pins[k]) == 0)
                return REFUSE(reading, "pins: \"%s\" is named twice", pins[i]);
    }
    release->pins = pins;
    return OK;
}

static result finish(struct reading *reading, const struct draft *draft) {
    struct release *release = &reading->releases[reading->count];
    *release = (struct release){.line = reading->line};
    TRY(take_text(reading, field_names[APP], draft->texts[APP], APP_MAX, &release->app));
    TRY(take_platform(reading, draft->texts[PLATFORM], &release->platform));
    TRY(take_text(reading, field_names[VERSION], draft->texts[VERSION], VERSION_MAX, &release->version));
    TRY(take_date(reading, RELEASED_ON, draft->texts[RELEASED_ON], &release->has_released_on, &release->released_on));
    TRY(take_date(reading, END_OF_SUPPORT, draft->texts[END_OF_SUPPORT], &release->has_end_of_support, &release->end_of_support));
    TRY(take_share(reading, draft->texts[SHARE], &release->has_share, &release->share));
    TRY(finish_pins(reading, draft, release));
    if (release->has_released_on && release->has_end_of_support && release->end_of_support < release->released_on)
        return REFUSE(reading, "end_of_support: before released_on, wanted a later day%s", "");
    reading->count++;
    return OK;
}

static result take_room(struct reading *reading, size_t count) {
    if (count > RELEASES_MAX)
        return reason_set(reading->reason, &fault_release_file, "there are %zu releases, wanted at most %d", count, RELEASES_MAX);
    reading->releases = arena_take_array(reading->arena, count + 1, sizeof *reading->releases);
    return reading->releases == NULL ? &fault_no_memory : OK;
}

static int compare_releases(const void *left, const void *right) {
    const struct release *one = *(const struct release *const *) left, *other = *(const struct release *const *) right;
    int order = strcmp(one->app, other->app);
    order = order != 0 ? order : strcmp(one->platform, other->platform);
    return order != 0 ? order : strcmp(one->version, other->version);
}

static result check_repeated(struct reading *reading) {
    const struct release **sorted = arena_take_array(reading->arena, reading->count + 1, sizeof *sorted);
    if (sorted == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < reading->count; i++)
        sorted[i] = &reading->releases[i];
    qsort(sorted, reading->count, sizeof *sorted, compare_releases);
    for (size_t i = 1; i < reading->count; i++) {
        const struct release *one = sorted[i - 1], *other = sorted[i];
        if (compare_releases(&one, &other) != 0)
            continue;
        reading->line = one->line > other->line ? one->line : other->line;
        return REFUSE(reading, "release \"%s %s %s\" stands in line %u already", one->app, one->platform, one->version,
                      one->line > other->line ? other->line : one->line);
    }
    return OK;
}

/* ── CSV ── */

static result next_row(struct reading *reading, struct csv_reader *csv, bool *ret_has_row) {
    result outcome = csv_next(csv, ret_has_row);
    reading->line = csv->line > UINT32_MAX ? UINT32_MAX : (unsigned) csv->line;
    return outcome == OK ? OK : REFUSE(reading, "%s, wanted %s", outcome->wrong, outcome->wanted);
}

static result take_header(struct reading *reading, const struct csv_reader *csv, enum field columns[FIELDS]) {
    unsigned seen = 0, needed = 1u << APP | 1u << PLATFORM | 1u << VERSION | 1u << PINS;
    for (size_t i = 0; i < csv->count; i++) {
        struct span title = csv_field_value(&csv->fields[i], reading->arena);
        if (title.bytes == NULL)
            return &fault_no_memory;
        enum field field = field_of_name(title);
        if (field == FIELDS || (seen >> field & 1) != 0)
            return REFUSE(reading, "\"%.*s\" is %s; wanted a list \"releases:\" in YAML, or CSV with a header row of " FIELD_LIST, shown_size(title), title.bytes,
                          field == FIELDS ? "no column that is known" : "a column already");
        seen |= 1u << field;
        columns[i] = field; /* known ones once: never more than there is room for */
    }
    for (unsigned field = 0; field < FIELDS; field++)
        if ((needed & ~seen) >> field & 1)
            return REFUSE(reading, "there is no column \"%s\"; wanted " FIELD_LIST, field_names[field]);
    return OK;
}

static result split_pins(struct reading *reading, struct draft *draft, struct span text) {
    for (size_t begin = 0; text.size > 0 && begin <= text.size;) {
        size_t end = begin;
        while (end < text.size && text.bytes[end] != ';')
            end++;
        size_t next = end + 1;
        for (; begin < end && text.bytes[begin] == ' '; begin++)
            continue;
        for (; end > begin && text.bytes[end - 1] == ' '; end--)
            continue;
        TRY(add_pins_name(reading, draft, span_of(text.bytes + begin, end - begin)));
        begin = next;
    }
    return OK;
}

static result take_row(struct reading *reading, const struct csv_reader *csv, const enum field columns[FIELDS], size_t column_count) {
    struct draft draft = {.pin_count = 0};
    if (csv->count != column_count)
        return REFUSE(reading, "%zu fields, wanted %zu as in the header row", csv->count, column_count);
    for (size_t i = 0; i < column_count; i++) {
        struct span value = csv_field_value(&csv->fields[i], reading->arena);
        if (value.bytes == NULL)
            return &fault_no_memory;
        if (columns[i] == PINS)
            TRY(split_pins(reading, &draft, value));
        else if (value.size > 0)
            draft.texts[columns[i]] = value;
    }
    return finish(reading, &draft);
}

static size_t line_count(struct span bytes) {
    size_t count = 1;
    for (size_t i = 0; i < bytes.size; i++)
        count += bytes.bytes[i] == '\n';
    return count;
}

static result read_csv(struct reading *reading, struct span bytes) {
    enum field columns[FIELDS] = {APP};
    struct csv_reader csv;
    bool has_row;
    size_t lines = line_count(bytes);
    csv_reader_init(&csv, bytes);
    TRY(next_row(reading, &csv, &has_row));
    if (!has_row)
        return reason_set(reading->reason, &fault_release_file, "the file is empty, wanted a list \"releases:\" in YAML, or CSV with a header row of " FIELD_LIST);
    TRY(take_header(reading, &csv, columns));
    size_t column_count = csv.count;
    TRY(take_room(reading, lines < RELEASES_MAX ? lines : RELEASES_MAX));
    for (;;) {
        TRY(next_row(reading, &csv, &has_row));
        if (!has_row)
            return OK;
        if (reading->count == RELEASES_MAX)
            return REFUSE(reading, "there are more releases than %d, wanted fewer", RELEASES_MAX);
        TRY(take_row(reading, &csv, columns, column_count));
    }
}

/* ── YAML ── */

static result take_list(struct reading *reading, struct draft *draft, const json_t *value) {
    size_t number;
    json_t *item;
    if (!json_is_array(value))
        return REFUSE(reading, "pins: wanted a list of names%s", "");
    json_array_foreach(value, number, item) {
        if (!json_is_string(item))
            return REFUSE(reading, "pins: wanted a list of names (quote numbers)%s", "");
        TRY(add_pins_name(reading, draft, span_of((const uint8_t *) json_string_value(item), json_string_length(item))));
    }
    return OK;
}

static result take_value(struct reading *reading, struct draft *draft, enum field field, const json_t *value) {
    if (json_is_null(value) && field != PINS)
        return OK;
    if (field == PINS)
        return take_list(reading, draft, value);
    if (json_is_string(value)) {
        draft->texts[field] = span_of((const uint8_t *) json_string_value(value), json_string_length(value));
        return OK;
    }
    if (field != SHARE || !json_is_integer(value))
        return REFUSE(reading, "%s: wanted a text%s", field_names[field], json_is_integer(value) ? " (quote it)" : "");
    const char *text = arena_printf(reading->arena, "%lld", (long long) json_integer_value(value));
    if (text == NULL)
        return &fault_no_memory;
    draft->texts[field] = span_of_text(text);
    return OK;
}

static result take_item(struct reading *reading, const struct yaml_tree *tree, const json_t *item) {
    struct draft draft = {.pin_count = 0};
    const char *name;
    json_t *value;
    unsigned line = yaml_tree_line(tree, item);
    reading->line = line != 0 ? line : reading->line;
    unsigned item_line = reading->line;
    if (!json_is_object(item))
        return REFUSE(reading, "a release: wanted the fields %s", FIELD_LIST);
    json_object_foreach((json_t *) item, name, value) {
        enum field field = field_of_name(span_of_text(name));
        line = yaml_tree_line(tree, value);
        reading->line = line != 0 ? line : item_line;
        if (field == FIELDS || strcmp(name, field_names[field]) != 0)
            return REFUSE(reading, "unknown field \"%.*s\", wanted %s", SHOWN_MAX, name, FIELD_LIST);
        TRY(take_value(reading, &draft, field, value));
    }
    reading->line = item_line;
    if (json_object_get(item, field_names[PINS]) == NULL)
        return REFUSE(reading, "there is no list \"pins\"; wanted the names of its pin documents, [] where it pins nothing%s", "");
    return finish(reading, &draft);
}

static result take_items(struct reading *reading, const struct release_list_place *place) {
    size_t number;
    json_t *item;
    TRY(take_room(reading, json_array_size(place->list)));
    reading->line = place->line;
    json_array_foreach(place->list, number, item)
        TRY(take_item(reading, place->tree, item));
    return OK;
}

static result read_yaml(struct reading *reading, struct span bytes) {
    CLEANUP(yaml_tree_done) struct yaml_tree tree = {.root = NULL};
    result outcome = yaml_tree_load(bytes, reading->arena, &tree, reading->reason);
    if (outcome == &fault_yaml)
        return &fault_release_file; /* with the reason that it gave */
    TRY(outcome);
    struct release_list_place place = {.tree = &tree, .list = json_object_get(tree.root, "releases")};
    if (!json_is_array(place.list) || json_object_size(tree.root) != 1)
        return reason_set(reading->reason, &fault_release_file, "line 1: wanted a list \"releases:\", and nothing beside it");
    place.line = yaml_tree_line(&tree, place.list);
    return take_items(reading, &place);
}

result release_yaml_take(const struct release_list_place *place, struct arena *arena, struct release **ret_releases, size_t *ret_count, struct reason *reason) {
    struct reading reading = {.arena = arena, .reason = reason, .line = place->line};
    if (!json_is_array(place->list))
        return REFUSE(&reading, "releases: wanted a list%s", "");
    TRY(take_items(&reading, place));
    TRY(check_repeated(&reading));
    *ret_releases = reading.releases;
    *ret_count = reading.count;
    return OK;
}

/* By its first line that says something. */
static bool is_yaml(struct span bytes) {
    static const char *const beginnings[] = {"releases", "\"releases\"", "---", "{", "%YAML"};
    size_t at = bytes.size >= 3 && memcmp(bytes.bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < bytes.size && (strchr(" \t\r\n", bytes.bytes[at]) != NULL || bytes.bytes[at] == '#')) {
        const uint8_t *end = bytes.bytes[at] == '#' ? memchr(bytes.bytes + at, '\n', bytes.size - at) : bytes.bytes + at;
        at = end == NULL ? bytes.size : (size_t) (end - bytes.bytes) + 1;
    }
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (bytes.size - at >= strlen(beginnings[i]) && memcmp(bytes.bytes + at, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

result release_file_read(struct span bytes, struct arena *arena, struct release **ret_releases, size_t *ret_count, struct reason *reason) {
    struct reading reading = {.arena = arena, .reason = reason};
    uint64_t mark = memory_mark();
    result outcome = bytes.size > 0 && is_yaml(bytes) ? read_yaml(&reading, bytes) : read_csv(&reading, bytes);
    if (outcome == OK)
        outcome = check_repeated(&reading);
    TRY(memory_mark() != mark ? &fault_no_memory : outcome); /* what Jansson could not keep is no missing field */
    *ret_releases = reading.releases;
    *ret_count = reading.count;
    return OK;
}

bool release_is_live(const struct release *release, int64_t now) {
    return !release->is_retired && (!release->has_released_on || release->released_on <= now) &&
           (!release->has_end_of_support || now < release->end_of_support);
}

bool release_is_same_app(const struct release *one, const struct release *other) {
    return strcasecmp(one->app, other->app) == 0;
}
