/* Certificates and TBSs: whatever is said about one survives the way to the owner.
 *
 * parser: formats/certificate.c formats/certificate_report.c formats/tbs_hash.c formats/key_type.c formats/distinguished_name.c
 * seeds: certificate tbs
 * corpora: b-x509 */
#include "base/memory.h"
#include "formats/certificate_report.h"
#include "formats/names.h"
#include "formats/tbs_hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_name(void *context, const struct name_reading *reading) {
    (void) context;
    for (size_t i = 0; i < reading->text.size; i++)
        if (reading->text.bytes[i] < ' ' || reading->text.bytes[i] > '~')
            __builtin_trap();
}

/* What is reported about any certificate must survive the way to the owner. */
static void describe(struct certificate *certificate) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX), *copy_arena = arena_new(REPORT_SIZE_MAX);
    struct buffer bytes = buffer_with_limit(REPORT_SIZE_MAX), tbs = buffer_with_limit(REPORT_SIZE_MAX);
    struct entry_report report = {0}, copy;
    if (arena == NULL || copy_arena == NULL)
        __builtin_trap();
    (void) !certificate_describe(certificate, arena, &report);
    if (entry_report_encode(&report, &bytes) != OK)
        __builtin_trap();
    struct cursor cursor = cursor_of(buffer_span(&bytes));
    if (entry_report_decode(&cursor, copy_arena, &copy) != OK || copy.name_count != report.name_count)
        __builtin_trap();
    (void) !tbs_without_ct(certificate, &tbs);
    (void) precertificate_fits(certificate, certificate);
    buffer_done(&bytes);
    buffer_done(&tbs);
    arena_free(arena);
    arena_free(copy_arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = span_of(data, size);
    struct certificate certificate;
    uint64_t oddities = 0;
    if (certificate_parse(input, &certificate) == OK)
        describe(&certificate);
    else
        (void) !names_visit_refused(input, false, ignore_name, NULL, &oddities);
    if (tbs_parse(input, &certificate) == OK)
        describe(&certificate);
    return 0;
}
