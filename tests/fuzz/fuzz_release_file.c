/* Lists of releases: what is accepted keeps its promises.
 *
 * library: formats
 * parser: formats/release_file.c
 * seeds: release-file
 * leaves: release_yaml_take release_is_live */
#include "fuzz/harness.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/release_file.h"

static void check_text(const char *text, size_t limit) {
    size_t size = strlen(text);
    require(size > 0 && size <= limit && utf8_is_valid(span_of_text(text)));
    for (size_t i = 0; i < size; i++)
        require((unsigned char) text[i] >= ' ' && text[i] != 0x7f);
}

static void check_release(const struct release *release) {
    size_t count = 0;
    check_text(release->app, 128);
    check_text(release->platform, 32);
    check_text(release->version, 64);
    require(release->share >= 0 && release->share <= 1 && release->line > 0 && !release->is_retired);
    require(release->released_on % 86400 == 0 && release->end_of_support % 86400 == 0 && release->released_on >= 0);
    for (; release->pins[count] != NULL; count++)
        check_text(release->pins[count], 255);
    require(count <= PINS_OF_RELEASE_MAX);
    for (const char *at = release->platform; *at != '\0'; at++)
        require(*at < 'A' || *at > 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new((size_t) 256 * 1024 * 1024);
    struct release *releases = NULL;
    struct reason reason = {""};
    size_t count = 0;
    require(arena != NULL);
    result outcome = release_file_read(span_of(bytes, size), arena, &releases, &count, &reason);
    require(outcome == OK || outcome == &fault_release_file || outcome == &fault_no_memory);
    require((outcome == &fault_release_file) == (reason.text[0] != '\0'));
    require(count <= RELEASES_MAX);
    for (size_t i = 0; outcome == OK && i < count; i++)
        check_release(&releases[i]);
    arena_free(arena);
    return 0;
}
