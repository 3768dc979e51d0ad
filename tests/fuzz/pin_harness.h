/* What the harnesses of readers of pins share. */
#pragma once

#include "fuzz/harness.h"
#include "pin_checks.h"

#define PIN_HARNESS_ARENA ((size_t) 256 * 1024 * 1024)

static int pin_harness(enum pin_format format, struct span bytes) {
    const struct pin_format_entry *entry = pin_format_entry_of(format);
    struct arena *arena = arena_new(PIN_HARNESS_ARENA);
    struct pin_document document = {.source = "file", .format = format};
    struct reason reason = {""};
    require(arena != NULL && entry != NULL);
    (void) entry->is_likely(bytes);
    result outcome = entry->read(bytes, arena, &document, &reason);
    require(outcome == OK || outcome == &fault_limit_reached || (outcome == &fault_pin_file && reason.text[0] != '\0'));
    if (outcome == OK) {
        pin_check_document(&document);
        entry = pin_format_entry_of(document.format); /* TrustKit's additions make another format of the file */
        if (entry->write != NULL)
            pin_check_again(&document, entry, arena);
        pin_check_exports(&document, arena);
    }
    arena_free(arena);
    return 0;
}
