#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/reason.h"
#include "base/text.h"

#define LINE_LIMIT 8192

static const char *program_name = "pinwatch";
static enum log_level least_level = LOG_INFO;
static bool writes_json = true;
static unsigned lost_count;  /* lines for which there was no room */
static bool is_line_open;    /* only the beginning of the last one found room */

void log_init(const char *program, enum log_level least, bool as_json) {
    program_name = program;
    least_level = least;
    writes_json = as_json;
}

static const char *level_name(enum log_level level) {
    static const char *const names[] = {[LOG_ERROR] = "error",  [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
                                        [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    return names[level];
}

static void add_pair(json_t *line, const char *name, struct span value) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(LINE_LIMIT);
    text_add_harmless(&text, value);
    json_object_set_new_nocheck(line, name, json_string_nocheck(buffer_text(&text)));
}

static void add_fault(json_t *line, result fault) {
    struct reason reason;
    if (fault == OK)
        return;
    reason_of_fault(fault, &reason);
    add_pair(line, "fault", span_of_text(fault->name));
    add_pair(line, "family", span_of_text(fault_family_name(fault->family)));
    add_pair(line, "reason", span_of_text(reason.text));
}

static void add_field(json_t *line, const struct log_field *field) {
    if (field->name == NULL)
        add_fault(line, (result) (const void *) field->text);
    else if (field->type == LOG_FIELD_NUMBER)
        json_object_set_new_nocheck(line, field->name, json_integer(field->number));
    else
        add_pair(line, field->name, field->type == LOG_FIELD_SPAN ? field->span : span_of_text(field->text ? field->text : ""));
}

/* Standard error may be a pipe or a terminal that nobody reads: no program of ours may wait for that. */
static ssize_t write_at_once(const struct buffer *text) {
    ssize_t sent = send(STDERR_FILENO, text->bytes, text->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK)
        return sent;
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool may_write = !writes_json || (fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) != 0 || poll(&room, 1, 0) == 1;
    return may_write ? write(STDERR_FILENO, text->bytes, text->size) : -1;
}

static bool write_line(struct buffer *text) {
    buffer_add_text(text, "\n");
    ssize_t written = text->failed ? -1 : write_at_once(text);
    if (written > 0)
        is_line_open = (size_t) written < text->size;
    return written == (ssize_t) text->size;
}

static void write_as_text(const json_t *line, struct buffer *text) {
    const char *name;
    json_t *value;
    buffer_printf(text, "%s %s: %s", json_string_value(json_object_get(line, "time")), program_name,
                  json_string_value(json_object_get(line, "event")));
    json_object_foreach((json_t *) (uintptr_t) line, name, value) {
        if (strcmp(name, "time") == 0 || strcmp(name, "event") == 0 || strcmp(name, "program") == 0)
            continue;
        if (json_is_integer(value))
            buffer_printf(text, "  %s=%lld", name, (long long) json_integer_value(value));
        else
            buffer_printf(text, "  %s=\"%s\"", name, json_string_value(value));
    }
}

/* A message that says the most without memory. */
static bool say_barely(enum log_level level, const char *event) {
    char line[300];
    const char *open = is_line_open ? "\n" : "";
    int size = writes_json ? snprintf(line, sizeof line,
                                      "%s{\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\",\"lacks\":\"the rest, for want of memory\"}\n",
                                      open, level_name(level), program_name, event)
                           : snprintf(line, sizeof line, "%s%s: %s (the rest is lacking for want of memory)\n", open, program_name, event);
    struct buffer text = {.bytes = (uint8_t *) line, .size = size < 0 ? 0 : (size_t) size < sizeof line ? (size_t) size : sizeof line - 1};
    ssize_t written = write_at_once(&text);
    if (written > 0)
        is_line_open = (size_t) written < text.size;
    return written == (ssize_t) text.size;
}

static bool say(enum log_level level, const char *event, const struct log_field *fields, size_t count) {
    char now[RFC3339_SIZE];
    uint64_t mark = memory_mark();
    text_of_time_ms(clock_wall_ms(), now);
    json_t *line = json_object();
    add_pair(line, "time", span_of_text(now));
    add_pair(line, "level", span_of_text(level_name(level)));
    add_pair(line, "program", span_of_text(program_name));
    add_pair(line, "event", span_of_text(event));
    for (size_t i = 0; i < count; i++)
        add_field(line, &fields[i]);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(LINE_LIMIT);
    if (is_line_open)
        buffer_add_text(&text, "\n");
    if (writes_json) {
        char *dumped = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
        if (dumped != NULL)
            buffer_add_text(&text, dumped);
        memory_free_foreign(dumped);
    } else {
        write_as_text(line, &text);
    }
    json_decref(line);
    return memory_mark() == mark ? write_line(&text) : say_barely(level, event);
}

void log_say_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count) {
    if (level > least_level)
        return;
    if (lost_count > 0 && say(LOG_WARNING, "messages.lost", &LOG_NUMBER("count", lost_count), 1))
        lost_count = 0;
    if (!say(level, event, fields, count))
        lost_count++;
}
