/* Names: the walk over a SAN or a subject emits only what look-ups can bear.
 *
 * parser: formats/name_fields.c formats/name_normalise.c base/utf8.c
 * seeds: names subject */
#include <string.h>

#include "formats/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reading(void *context, const struct name_reading *reading) {
    (void) context;
    if (reading->text.size > NAME_TEXT_MAX || reading->host.size > NAME_TEXT_MAX)
        __builtin_trap();
    for (size_t i = 0; i < reading->host.size; i++)
        if (memchr("abcdefghijklmnopqrstuvwxyz0123456789-_.*?", reading->host.bytes[i], 41) == NULL)
            __builtin_trap();
}

/* The value of a SAN extension, or the subject: the walk alone tells which of them makes sense. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t empty_name[] = {DER_SEQUENCE, 0};
    struct certificate with_san = {.subject = span_of(empty_name, sizeof empty_name), .has_san = true,
                                   .san = span_of(data, size)};
    struct certificate with_subject = {.subject = span_of(data, size)};
    (void) !names_visit(&with_san, check_reading, NULL);
    (void) !names_visit(&with_subject, check_reading, NULL);
    return 0;
}
