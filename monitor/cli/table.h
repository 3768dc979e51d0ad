/* Rows for people (columns, colours on a terminal) or for scripts (one JSON object a line), from one description.
 *
 *     struct table *table = table_new(columns, 3, json);
 *     table_text(table, 0, name);  table_number(table, 1, 17);  table_null(table, 2);  table_end_row(table);
 *     return table_print(table);
 *
 * Text from outside may be given as it is: it is made harmless on the way to people, and escaped by JSON for scripts. */
#pragma once

#include <jansson.h>

#include "base/result.h"
#include "base/span.h"

struct table;

enum table_tone { TONE_PLAIN, TONE_GOOD, TONE_WARNING, TONE_BAD, TONE_FAINT };

struct table_column {
    const char *title; /* for people; NULL: only in JSON */
    const char *field; /* for JSON, snake_case; NULL: only for people */
    bool is_number;    /* aligned to the right */
    bool is_wide;      /* may be cut to fit the terminal; at most one column should be */
    bool is_spare;     /* left out where the terminal is too narrow for all */
};

/* `columns` is borrowed and must outlive the table. NULL without memory. With `as_json` rows are printed as they end. */
struct table *table_new(const struct table_column *columns, size_t count, bool as_json);
void table_free(struct table *table);
static inline void table_free_at(struct table **table) {
    table_free(*table);
}

/* Lets a wide column go on in the lines below instead of being cut. */
void table_fold(struct table *table, size_t column);
/* Sets a cell of the row under way; cells left out are null ("-" for people). */
void table_text(struct table *table, size_t column, const char *text);
void table_span(struct table *table, size_t column, struct span text);
void table_number(struct table *table, size_t column, int64_t number);
/* For people with `digits` decimals. */
void table_real(struct table *table, size_t column, double number, int digits);
void table_boolean(struct table *table, size_t column, bool value);
/* RFC 3339 in both forms. */
void table_time_ms(struct table *table, size_t column, int64_t unix_ms);
/* Any JSON value (the reference is taken over); people see `shown`, or its compact dump when NULL. */
void table_json(struct table *table, size_t column, json_t *value, const char *shown);
/* Colour of the cell, on a terminal and without NO_COLOR. */
void table_tone(struct table *table, size_t column, enum table_tone tone);
/* Lets people see other words than JSON: call after the cell was set. */
void table_shown(struct table *table, size_t column, const char *shown);
void table_end_row(struct table *table);

/* Prints what is left (everything, for people) to standard output. `when_empty` is what people see without rows. Returns
 * EXIT_OK, or EXIT_IO when standard output failed. */
int table_print(struct table *table, const char *when_empty);

/* One JSON object on one line of standard output, in ASCII so that nothing in it can steer a terminal; keys in the order given; takes
 * the reference over. False when it failed. */
bool print_json_line(json_t *object);
/* Prints text made harmless to standard output. */
void print_harmless(struct span text);
/* The same for names and sentences, in which backslashes have their own meaning (\DDD): they stay single, and what could steer a terminal
 * becomes '?'. */
void print_sentence(const char *text);
/* Columns of the terminal on standard output; 0 when it is none. */
unsigned terminal_width(void);
/* True when standard output is a terminal that may get colours. */
bool terminal_has_colours(void);
