/* What harnesses share. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Says which promise was broken before it ends the run. */
#define require(is_so) \
    do { \
        if (!(is_so)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #is_so); \
            abort(); \
        } \
    } while (0)

/* The next byte of an input that decides something; 0 when there is none left. */
static inline uint8_t next_choice(struct cursor *input) {
    uint8_t choice = 0;
    if (!input->failed && cursor_remaining(input) > 0)
        (void) cursor_u8(input, &choice);
    return choice;
}

static inline uint64_t next_number(struct cursor *input, size_t width) {
    uint64_t number = 0;
    if (!input->failed && cursor_remaining(input) >= width)
        (void) cursor_number(input, width, &number);
    return number;
}

static inline struct span rest_of(struct cursor *input) {
    return input->failed ? span_of("", 0) : span_of(input->bytes + input->position, cursor_remaining(input));
}
