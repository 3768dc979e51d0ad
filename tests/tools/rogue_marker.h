/* A secret of the owner that a reader must not have. Computed, so that no copy of it lies in the program that looks for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKER_SIZE 32

static inline uint8_t marker_byte(size_t at) {
    return (uint8_t) ('A' + (at * 11 + at * at + 5) % 26);
}

static inline bool is_marker(const uint8_t *bytes) {
    for (size_t i = 0; i < MARKER_SIZE; i++)
        if (bytes[i] != marker_byte(i))
            return false;
    return true;
}
