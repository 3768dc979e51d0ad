/* Host names as they are looked up: lower case, A-labels (RFC 5890), "?" for a label that cannot be read. */
#pragma once

#include "base/span.h"

#define HOST_SIZE_MAX 1000 /* characters; a longer name keeps its last labels behind a "?" */

enum name_charset { CHARSET_UTF8, CHARSET_LATIN1 };

/* What one certificate may still cost and what was odd in it. */
struct name_budget {
    size_t slow_labels; /* labels that may still be converted through libidn2 */
    uint64_t oddities;  /* bits of certificate.h */
    bool has_no_memory; /* some label was not converted for want of memory */
};

struct host_text {
    char text[HOST_SIZE_MAX];
    size_t size;
    size_t unreadable_count; /* labels that "?" stands for */
};

/* Is it already normalised? This is the way of nearly every name. */
bool host_is_plain(struct span name);
/* Does it consist of characters below 0x80 only? */
bool span_is_ascii(struct span text);
/* Without dots and white space at its ends; notes ODDITY_NAME_DOTS. */
struct span host_trim(struct span name, struct name_budget *budget);
/* Normalises a name that host_trim left. With CHARSET_UTF8 the bytes must be valid UTF-8. Never
 * fails; unreadable labels are counted, not noted, because another charset may read them. */
void host_normalise(struct span name, enum name_charset charset, struct name_budget *budget, struct host_text *ret_host);
