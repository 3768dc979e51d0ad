/* Apps as they are shipped: every file that is found in one is of a bounded size, and named.
 *
 * library: formats
 * parser: formats/app_package.c formats/zip_archive.c formats/android_resources.c
 * seeds: app-package */
#include "formats/app_package.h"
#include "fuzz/harness.h"
#include "pin_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new((size_t) 512 * 1024 * 1024);
    struct pin_file package = {.source = "app", .bytes = span_of(bytes, size)}, *files;
    struct pin_document *documents;
    struct reason reason = {""};
    size_t count;
    result outcome = app_package_files(&package, arena, &files, &count, &reason);
    require(outcome == OK || (outcome == &fault_pin_file && reason.text[0] != '\0'));
    require(outcome != OK || (count >= 1 && count <= APP_PACKAGE_FILES_MAX));
    for (size_t i = 0; outcome == OK && i < count; i++) {
        require(strncmp(files[i].source, "app!", 4) == 0 && files[i].bytes.size <= PIN_FILE_SIZE_MAX);
        pin_check_text(files[i].source);
    }
    outcome = pin_file_read(&package, NULL, arena, &documents, &count, &reason);
    for (size_t i = 0; outcome == OK && i < count; i++)
        pin_check_document(&documents[i]);
    arena_free(arena);
    return 0;
}
