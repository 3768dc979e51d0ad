#include "vector_text.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/settings.h"

/* The sentence without the path that it begins with. */
static void judge_settings(struct span input, char *ret_line, size_t size) {
    char path[64];
    struct settings *settings = NULL;
    struct reason reason = {""};
    int file = memfd_create("settings", MFD_CLOEXEC);
    assert_true(file >= 0 && fchmod(file, 0600) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    assert_true(write(file, input.size == 0 ? "" : (const char *) input.bytes, input.size) == (ssize_t) input.size);
    if (settings_load(path, &settings, &reason) == OK)
        snprintf(ret_line, size, "%u readers, %u logs, %u resolvers, level %s", settings->readers, settings->logs_count,
                 settings->resolvers_count, settings->log_level);
    else
        snprintf(ret_line, size, "error%s", reason.text + strlen(path));
    settings_free(settings);
    close(file);
}

static void settings_are_refused_with_the_line_and_what_was_wanted(void **state) {
    (void) state;
    vector_texts_check("settings", judge_settings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_refused_with_the_line_and_what_was_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
