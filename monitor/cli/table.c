#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/exit_code.h"

#define CELL_LIMIT (1u << 20)
#define NARROWEST 10 /* columns that a cut column keeps */
#define OF_USE    24 /* columns of the wide column below which others are left out for it */
#define GAP 2

struct cell {
    char *shown;   /* owned, harmless; NULL: "-" */
    json_t *value; /* owned; NULL: null */
    enum table_tone tone;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    size_t folded; /* the column that goes on below; SIZE_MAX: none */
    bool as_json;
    bool failed; /* memory or standard output gave out */
    uint64_t mark; /* memory_mark at birth: rows are whole while it stands */
    struct cell *cells; /* row after row; the last row is under way */
    size_t row_count;   /* ended ones */
    size_t row_room;
};

unsigned terminal_width(void) {
    struct winsize size;
    if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

bool terminal_has_colours(void) {
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool is_refused = refused != NULL && refused[0] != '\0';
    return isatty(STDOUT_FILENO) == 1 && !is_refused && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

bool print_json_line(json_t *object) {
    /* Dumped before it is printed: without memory there is no line rather than half of one. */
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    bool is_printed = line != NULL && fputs(line, stdout) != EOF && putchar('\n') != EOF;
    memory_free_foreign(line);
    json_decref(object);
    return is_printed;
}

void print_harmless(struct span text) {
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(4 * text.size + 16);
    text_add_harmless(&harmless, text);
    fputs(buffer_text(&harmless), stdout);
}

void print_sentence(const char *text) {
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(strlen(text) + 16);
    if (!buffer_add_text(&harmless, text) || harmless.size == 0)
        return;
    text_make_harmless((char *) harmless.bytes);
    fputs(buffer_text(&harmless), stdout);
}

struct table *table_new(const struct table_column *columns, size_t count, bool as_json) {
    struct table *table = memory_new(sizeof *table);
    if (table == NULL)
        return NULL;
    *table = (struct table){.mark = memory_mark(), .columns = columns, .column_count = count, .as_json = as_json, .row_room = 16, .folded = SIZE_MAX};
    table->cells = memory_new_array(table->row_room * count, sizeof *table->cells);
    if (table->cells != NULL)
        return table;
    memory_free(table);
    return NULL;
}

void table_fold(struct table *table, size_t column) {
    table->folded = column;
}

static void clear_row(struct table *table, size_t row) {
    for (size_t i = 0; i < table->column_count; i++) {
        struct cell *cell = &table->cells[row * table->column_count + i];
        memory_free(cell->shown);
        json_decref(cell->value);
        *cell = (struct cell){0};
    }
}

void table_free(struct table *table) {
    if (table == NULL)
        return;
    for (size_t row = 0; row <= table->row_count; row++)
        clear_row(table, row);
    memory_free(table->cells);
    memory_free(table);
}

static struct cell *cell_of(struct table *table, size_t column) {
    return &table->cells[table->row_count * table->column_count + column];
}

static char *harmless_copy(struct span text) {
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(CELL_LIMIT);
    text_add_harmless(&harmless, text);
    return buffer_take_text(&harmless);
}

static void set_shown(struct table *table, size_t column, struct span text) {
    struct cell *cell = cell_of(table, column);
    memory_free(cell->shown);
    cell->shown = harmless_copy(text);
    table->failed = table->failed || cell->shown == NULL;
}

static void set_value(struct table *table, size_t column, json_t *value) {
    struct cell *cell = cell_of(table, column);
    json_decref(cell->value);
    cell->value = value;
    table->failed = table->failed || value == NULL;
}

void table_span(struct table *table, size_t column, struct span text) {
    json_t *value = json_stringn((const char *) text.bytes, text.size);
    if (table->as_json && value == NULL) { /* no UTF-8 */
        AUTO_FREE char *harmless = harmless_copy(text);
        value = harmless == NULL ? NULL : json_string(harmless);
    }
    if (table->as_json)
        set_value(table, column, value);
    else
        json_decref(value);
    if (!table->as_json)
        set_shown(table, column, text);
}

void table_text(struct table *table, size_t column, const char *text) {
    if (text != NULL)
        table_span(table, column, span_of_text(text));
}

void table_number(struct table *table, size_t column, int64_t number) {
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long) number);
    set_value(table, column, json_integer(number));
    set_shown(table, column, span_of_text(shown));
}

void table_real(struct table *table, size_t column, double number, int digits) {
    char shown[48];
    snprintf(shown, sizeof shown, "%.*f", digits, number);
    json_t *value = json_real(number);
    if (value == NULL) /* not a number, or infinite: no JSON value */
        return;
    set_value(table, column, value);
    set_shown(table, column, span_of_text(shown));
}

void table_boolean(struct table *table, size_t column, bool value) {
    set_value(table, column, json_boolean(value));
    set_shown(table, column, span_of_text(value ? "yes" : "no"));
}

void table_time_ms(struct table *table, size_t column, int64_t unix_ms) {
    char text[RFC3339_SIZE];
    if (unix_ms % 1000 == 0)
        text_of_time(unix_ms / 1000, text);
    else
        text_of_time_ms(unix_ms, text);
    table_text(table, column, text);
}

void table_json(struct table *table, size_t column, json_t *value, const char *shown) {
    if (value == NULL || table->as_json) {
        set_value(table, column, value);
        return;
    }
    char *dump = shown != NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (shown != NULL || dump != NULL)
        set_shown(table, column, span_of_text(shown != NULL ? shown : dump));
    memory_free_foreign(dump);
    json_decref(value);
}

void table_tone(struct table *table, size_t column, enum table_tone tone) {
    cell_of(table, column)->tone = tone;
}

void table_shown(struct table *table, size_t column, const char *shown) {
    if (!table->as_json)
        set_shown(table, column, span_of_text(shown));
}

static bool print_row_as_json(struct table *table) {
    json_t *object = json_object();
    for (size_t i = 0; i < table->column_count; i++) {
        struct cell *cell = cell_of(table, i);
        if (table->columns[i].field == NULL)
            continue;
        json_object_set_new_nocheck(object, table->columns[i].field, cell->value == NULL ? json_null() : TAKE(cell->value));
    }
    return print_json_line(json_if_whole(object, table->mark));
}

static bool make_room(struct table *table) {
    if (table->row_count + 1 < table->row_room)
        return true;
    size_t cells = table->row_room * table->column_count;
    struct cell *grown = memory_resize(table->cells, 2 * cells * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + cells, 0, cells * sizeof *grown);
    table->cells = grown;
    table->row_room *= 2;
    return true;
}

void table_end_row(struct table *table) {
    if (table->as_json) {
        table->failed = !print_row_as_json(table) || table->failed;
        clear_row(table, table->row_count);
        return;
    }
    if (make_room(table)) {
        table->row_count++;
        return;
    }
    table->failed = true;
    clear_row(table, table->row_count);
}

/* Bytes and terminal columns of the UTF-8 character at `at`; the text is valid because it was made harmless. */
static size_t character_size(const char *at, unsigned *ret_width) {
    unsigned char first = (unsigned char) *at;
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    wchar_t point = (wchar_t) (size == 1 ? first : first & (0x7f >> size));
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (at[i] & 0x3f);
    int width = wcwidth(point);
    *ret_width = width < 0 ? 1 : (unsigned) width;
    return size;
}

static unsigned width_of_part(const char *text, size_t size) {
    unsigned total = 0, width;
    for (size_t at = 0; at < size; total += width)
        at += character_size(text + at, &width);
    return total;
}

static unsigned width_of(const char *text) {
    return width_of_part(text, strlen(text));
}

static const char *shown_of(const struct table *table, size_t row, size_t column) {
    const char *shown = table->cells[row * table->column_count + column].shown;
    return shown == NULL ? "-" : shown;
}

static unsigned column_width(const struct table *table, size_t column) {
    unsigned widest = width_of(table->columns[column].title);
    for (size_t row = 0; row < table->row_count; row++) {
        unsigned width = width_of(shown_of(table, row, column));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static bool has_value(const struct table *table, size_t column) {
    for (size_t row = 0; row < table->row_count; row++)
        if (table->cells[row * table->column_count + column].shown != NULL)
            return true;
    return false;
}

/* What the lines would be too long by, the wide column cut to what is still of use. */
static bool is_too_long(const struct table *table, const unsigned *widths, unsigned terminal) {
    unsigned total = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        bool is_cut = table->columns[i].is_wide && widths[i] > OF_USE;
        total += widths[i] == 0 ? 0 : (is_cut ? OF_USE : widths[i]) + GAP;
    }
    return total > terminal + GAP;
}

/* Leaves out columns until the lines fit: first those without any value, then spare ones, from the right. */
static void leave_out(const struct table *table, unsigned *widths, unsigned terminal) {
    for (size_t i = table->column_count; i-- > 1 && is_too_long(table, widths, terminal);)
        widths[i] = has_value(table, i) ? widths[i] : 0;
    for (size_t i = table->column_count; i-- > 1 && is_too_long(table, widths, terminal);)
        widths[i] = table->columns[i].is_spare ? 0 : widths[i];
}

/* Fills widths, 0 for columns that people do not see, and narrows the wide column to the terminal. */
static void measure(const struct table *table, unsigned *ret_widths) {
    unsigned total = 0, terminal = terminal_width();
    size_t wide = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        ret_widths[i] = table->columns[i].title == NULL ? 0 : column_width(table, i);
        wide = table->columns[i].is_wide ? i : wide;
    }
    if (terminal != 0)
        leave_out(table, ret_widths, terminal);
    for (size_t i = 0; i < table->column_count; i++)
        total += ret_widths[i] == 0 ? 0 : ret_widths[i] + GAP;
    if (terminal == 0 || wide == table->column_count || total <= terminal + GAP)
        return;
    unsigned excess = total - terminal - GAP;
    unsigned narrowed = ret_widths[wide] > excess + NARROWEST ? ret_widths[wide] - excess : NARROWEST;
    ret_widths[wide] = narrowed < ret_widths[wide] ? narrowed : ret_widths[wide];
}

static void pad(unsigned count) {
    printf("%*s", (int) count, "");
}

static void print_cut(const char *text, unsigned room) {
    unsigned used = 0, width;
    for (size_t size; *text != '\0'; text += size, used += width) {
        size = character_size(text, &width);
        if (used + width > room - 1) {
            fputs("…", stdout);
            pad(room - used - 1);
            return;
        }
        fwrite(text, 1, size, stdout);
    }
}

struct look {
    const char *colour;
    bool is_right;
    bool is_last;
};

static void print_part(const char *text, size_t size, unsigned room, struct look look) {
    unsigned width = width_of_part(text, size);
    unsigned missing = width < room ? room - width : 0;
    if (look.is_right)
        pad(missing);
    fputs(look.colour, stdout);
    if (width > room)
        print_cut(text, room);
    else
        fwrite(text, 1, size, stdout);
    if (look.colour[0] != '\0')
        fputs("\033[0m", stdout);
    if (!look.is_right && !look.is_last)
        pad(missing);
    fputs(look.is_last ? "\n" : "  ", stdout);
}

static void print_cell(const char *text, unsigned room, struct look look) {
    print_part(text, strlen(text), room, look);
}

static size_t last_shown_column(const struct table *table, const unsigned *widths) {
    size_t last = 0;
    for (size_t i = 0; i < table->column_count; i++)
        last = widths[i] == 0 ? last : i;
    return last;
}

static const char *colour_of(enum table_tone tone) {
    static const char *const colours[] = {[TONE_PLAIN] = "", [TONE_GOOD] = "\033[32m", [TONE_WARNING] = "\033[33m",
                                          [TONE_BAD] = "\033[31m", [TONE_FAINT] = "\033[2m"};
    return terminal_has_colours() ? colours[tone] : "";
}

static void print_titles(const struct table *table, const unsigned *widths) {
    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] != 0)
            print_cell(table->columns[i].title, widths[i],
                       (struct look){terminal_has_colours() ? "\033[1m" : "", table->columns[i].is_number,
                                     i == last_shown_column(table, widths)});
}

/* Bytes that fit into a line, up to where words of a list end, else where a word does, else where the room does. */
static size_t fold(const char *text, unsigned room) {
    size_t at = 0, after_word = 0, after_item = 0;
    unsigned used = 0, width;
    while (text[at] != '\0') {
        size_t size = character_size(text + at, &width);
        bool is_gap = text[at] == ' ';
        if (is_gap && at > 0)
            after_word = at;
        if (is_gap && at > 0 && text[at - 1] == ',')
            after_item = at;
        if (used + width > room)
            break;
        used += width;
        at += size;
    }
    return text[at] == '\0' ? at : after_item > 0 ? after_item : after_word > 0 ? after_word : at;
}

/* The rest of a folded cell, below the row. */
static void print_rest(const char *text, unsigned room, unsigned indent) {
    while (*text != '\0') {
        text += strspn(text, " ");
        size_t size = fold(text, room);
        pad(indent);
        fwrite(text, 1, size, stdout);
        putchar('\n');
        text += size;
    }
}

static void print_row(const struct table *table, size_t row, const unsigned *widths) {
    const char *rest = "";
    unsigned begin = 0, indent = 0, room = 0;
    for (size_t i = 0; i < table->column_count; begin += widths[i] == 0 ? 0 : widths[i] + GAP, i++) {
        const char *text = shown_of(table, row, i);
        struct look look = {colour_of(table->cells[row * table->column_count + i].tone), table->columns[i].is_number, i == last_shown_column(table, widths)};
        if (widths[i] == 0)
            continue;
        if (i != table->folded || width_of(text) <= widths[i]) {
            print_cell(text, widths[i], look);
            continue;
        }
        indent = begin;
        room = widths[i];
        rest = text + fold(text, room);
        print_part(text, (size_t) (rest - text), room, look);
    }
    print_rest(rest, room, indent);
}

static bool print_for_people(struct table *table, const char *when_empty) {
    if (table->row_count == 0)
        return when_empty == NULL || puts(when_empty) != EOF;
    AUTO_FREE unsigned *widths = memory_new_array(table->column_count, sizeof *widths);
    if (widths == NULL)
        return false;
    measure(table, widths);
    print_titles(table, widths);
    for (size_t row = 0; row < table->row_count; row++)
        print_row(table, row, widths);
    return true;
}

int table_print(struct table *table, const char *when_empty) {
    if (!table->as_json && !print_for_people(table, when_empty))
        table->failed = true;
    bool is_written = fflush(stdout) == 0 && ferror(stdout) == 0;
    return is_written && !table->failed ? EXIT_OK : EXIT_IO;
}
