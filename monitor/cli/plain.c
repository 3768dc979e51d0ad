#include "cli/plain.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/table.h"

#define LINE_LIMIT ((size_t) 4 * 1024 * 1024)
#define NAME_WIDTH 22

static void add_dumped(struct buffer *line, const json_t *value) {
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    buffer_add_text(line, dumped == NULL ? "" : dumped);
    memory_free_foreign(dumped);
}

/* A log's timestamps are milliseconds since 1970. */
static void add_simple(struct buffer *line, const char *name, const json_t *value) {
    char when[RFC3339_SIZE];
    if (json_is_string(value)) {
        buffer_add(line, span_of(json_string_value(value), json_string_length(value)));
    } else if (json_is_integer(value) && strcmp(name, "timestamp") == 0) {
        text_of_time_ms(json_integer_value(value), when);
        buffer_add_text(line, when);
    } else if (json_is_boolean(value)) {
        buffer_add_text(line, json_is_true(value) ? "yes" : "no");
    } else if (json_is_null(value)) {
        buffer_add_text(line, "-");
    } else {
        add_dumped(line, value);
    }
}

static bool is_empty(const json_t *value) {
    return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0) || (json_is_string(value) && json_string_length(value) == 0);
}

static void add_list(struct buffer *line, const json_t *list) {
    size_t at;
    const json_t *item;
    json_array_foreach(list, at, item) {
        buffer_add_text(line, at == 0 ? "" : " ");
        add_simple(line, "", item);
    }
}

/* "name value, name value" of what is not empty. */
static void add_object(struct buffer *line, json_t *object) {
    const char *name, *gap = "";
    json_t *value;
    json_object_foreach(object, name, value) {
        if (is_empty(value))
            continue;
        buffer_printf(line, "%s%s ", gap, name);
        gap = ", ";
        if (json_is_array(value))
            add_list(line, value);
        else
            add_simple(line, name, value);
    }
}

static void print_line(const char *name, const json_t *value) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(LINE_LIMIT);
    if (json_is_object(value))
        add_object(&line, (json_t *) (uintptr_t) value);
    else
        add_simple(&line, name, value);
    if (line.size == 0)
        buffer_add_text(&line, "-");
    printf("  %-*s", NAME_WIDTH, name);
    print_harmless(buffer_span(&line));
    putchar('\n');
}

void plain_print(const char *name, const json_t *value) {
    if (!json_is_array(value)) {
        print_line(name, value);
        return;
    }
    size_t at;
    const json_t *item;
    json_array_foreach(value, at, item)
        print_line(at == 0 ? name : "", item);
}
