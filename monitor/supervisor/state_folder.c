#include "supervisor/state_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/ownership.h"

#define PATH_LIMIT 4096

FAULT(fault_state_folder, FAULT_SETTINGS, "state.folder", "state folder", "", "it cannot be used",
      "a folder of the service's user that nobody else may enter");

static result make_folder(const char *path, mode_t mode, struct reason *reason) {
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return OK;
    return reason_set(reason, fault_of_errno(errno, &fault_state_folder), "%s: cannot be made: %s", path, strerror(errno));
}

/* An existing parent that we may not write is no error: mkdir then says EEXIST. */
static result make_parents(const char *path, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer parent = buffer_with_limit(PATH_LIMIT);
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        buffer_reset(&parent);
        buffer_add(&parent, span_of(path, (size_t) (slash - path)));
        TRY(buffer_check(&parent));
        struct stat status;
        if (stat(buffer_text(&parent), &status) != 0)
            TRY(make_folder(buffer_text(&parent), 0755, reason));
    }
    return OK;
}

result state_folder_check(const char *path, struct reason *reason) {
    struct stat status;
    if (lstat(path, &status) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_state_folder), "%s: %s; `pinwatch init` makes it", path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return reason_set(reason, &fault_state_folder, "%s: is no folder, wanted one", path);
    if (geteuid() != 0 && status.st_uid != geteuid())
        return reason_set(reason, &fault_state_folder, "%s: belongs to user %u, wanted %u, who runs this", path,
                          (unsigned) status.st_uid, (unsigned) geteuid());
    if ((status.st_mode & 077) != 0)
        return reason_set(reason, &fault_state_folder, "%s: its mode %04o lets others in, wanted 0700; `chmod 700` it", path,
                          (unsigned) (status.st_mode & 07777));
    return geteuid() == 0 ? OK : ownership_check_way(path, reason);
}

result state_folder_prepare(const struct settings *settings, struct reason *reason) {
    TRY(make_parents(settings->state_folder, reason));
    TRY(make_folder(settings->state_folder, 0700, reason));
    TRY(state_folder_check(settings->state_folder, reason));
    TRY(make_parents(settings->secrets_folder, reason));
    TRY(make_folder(settings->secrets_folder, 0700, reason));
    TRY(make_parents(settings->hooks_folder, reason));
    return make_folder(settings->hooks_folder, 0755, reason);
}
