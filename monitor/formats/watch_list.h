/* Lists of names to watch, one a line, as certspotter's watchlist files have them.
 *
 * `example.com` is that name alone, `.example.com` also everything below, `.` everything. Blank lines and what follows a `#` at
 * the beginning of a line or after a space are nothing; `valid_at:DATE` after a name is ignored. */
#pragma once

#include "base/span.h"

struct watch_list_reader {
    struct span text;
    size_t position;
    size_t line; /* of the item last returned, from 1 */
};

struct watch_list_reader watch_list_reader_of(struct span text);
/* The next item as written (never empty), pointing into the text; false at the end. A line with more than a name and valid_at comes
 * back whole, so that whoever parses the item refuses it. */
bool watch_list_next(struct watch_list_reader *reader, struct span *ret_item);
