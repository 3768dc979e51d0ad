/* Comma-separated values (RFC 4180), read row by row where they lie.
 *
 * Lines may end in CRLF or LF, the last one in nothing; a byte order mark and blank lines are nothing. Quotes stand where RFC 4180 has
 * them or the row is refused: what a misplaced one means nobody can know. */
#pragma once

#include "base/arena.h"
#include "base/result.h"
#include "base/span.h"

#define CSV_FIELDS_MAX 512

extern const struct fault fault_csv_quote;  /* a quote inside a field that does not begin with one, or something behind a closing one */
extern const struct fault fault_csv_open;   /* a quote that is never closed */
extern const struct fault fault_csv_fields; /* more than CSV_FIELDS_MAX */

struct csv_field {
    struct span text;        /* without the quotes around it */
    bool has_doubled_quotes; /* each "" in it stands for one */
};

struct csv_reader {
    struct span text;
    size_t position;
    size_t next_line; /* from 1 */
    size_t line;      /* at which the row returned last begins, or the one that was refused */
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t count;
};

void csv_reader_init(struct csv_reader *reader, struct span text);
/* The next row in `fields`, valid as long as the text; false at the end. After an error nothing more is to be read. */
MUST_CHECK result csv_next(struct csv_reader *reader, bool *ret_has_row);
/* The field without surrounding white space and with single quotes for doubled ones: in the text where it can be, else in the arena.
 * NULL bytes without memory. */
struct span csv_field_value(const struct csv_field *field, struct arena *arena);
