/* The settings file: whatever is in it, it loads or is refused with a sentence that names the file.
 *
 * library: settings
 * parser: settings/settings.c settings/fields.c settings/locate.c settings/spelling.c
 * seeds: settings
 * leaves: settings_load_in_force settings_keep settings_are_kept settings_path */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/harness.h"
#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static int file = -1;
    static char path[64];
    struct settings *settings = NULL;
    struct reason reason = {""};
    if (file < 0) {
        file = memfd_create("settings", MFD_CLOEXEC);
        require(file >= 0 && fchmod(file, 0600) == 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    require(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t) size);
    result outcome = settings_load(path, &settings, &reason);
    require(outcome == OK || strncmp(reason.text, path, strlen(path)) == 0);
    if (outcome == OK) {
        require(settings->state_folder != NULL && settings->state_folder[0] == '/' && settings->log_level[0] != '\0');
        for (unsigned i = 0; i < settings->logs_count; i++)
            require(settings->logs[i].url[0] == 'h');
        settings_free(settings);
    }
    return 0;
}
