/* A sentence for a person about why something was refused, beside the result that says which family it is. */
#pragma once

#include "base/result.h"

#define REASON_SIZE 512

struct reason {
    char text[REASON_SIZE]; /* "" when nothing is to be said; one line of UTF-8, no trailing full stop, harmless */
};

/* Writes the sentence (cut at the end when too long; what could steer a terminal, or is no UTF-8, becomes '?') and returns `fault`. */
result reason_set(struct reason *reason, result fault, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "object: wrong, wanted X (clause)" from a fault's own words. */
void reason_of_fault(result fault, struct reason *ret_reason);
