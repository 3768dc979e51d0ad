/* What the programs say about themselves: one line per event to standard error, as JSON or, on a terminal, as text.
 *
 *     log_say(LOG_WARNING, "head.refused", LOG_TEXT("log", name), LOG_FAULT(why));
 *
 * Written once, at the top, with the subject as a field; lower code returns reasons. Values are made harmless. Where JSON is written
 * nobody waits for room in a pipe: what found none is counted, and messages.lost says how many when there is room again. */
#pragma once

#include "base/result.h"
#include "base/span.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 }; /* as syslog */

struct log_field {
    const char *name;
    enum { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_SPAN } type;
    const char *text;
    int64_t number;
    struct span span;
};

#define LOG_TEXT(name_, value_) ((struct log_field){.name = (name_), .type = LOG_FIELD_TEXT, .text = (value_)})
#define LOG_SPAN(name_, value_) ((struct log_field){.name = (name_), .type = LOG_FIELD_SPAN, .span = (value_)})
#define LOG_NUMBER(name_, value_) \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_NUMBER, .number = (int64_t) (value_)})
/* Adds "fault" (its name), "family" and "reason" (its words). */
#define LOG_FAULT(fault_) ((struct log_field){.name = NULL, .text = (const char *) (fault_)})

#define log_say(level, event, ...) \
    log_say_fields((level), (event), (const struct log_field[]){__VA_ARGS__}, \
                   sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* `program` stands in every line; lines less urgent than `least` are dropped. Call once at start. */
void log_init(const char *program, enum log_level least, bool as_json);
void log_say_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count);
