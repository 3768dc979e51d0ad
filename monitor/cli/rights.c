#include "cli/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE_USER "pinwatch"

FAULT(fault_rights_root, FAULT_SETTINGS, "rights.root", "user", "", "root", "an ordinary user: nothing of pinwatch runs as root");

gid_t rights_settings_group(void) {
    const struct passwd *user = geteuid() == 0 ? getpwnam(SERVICE_USER) : NULL;
    return user == NULL ? (gid_t) -1 : user->pw_gid;
}

static const struct passwd *user_of_folder(const char *folder, bool *ret_exists) {
    struct stat status;
    *ret_exists = stat(folder, &status) == 0;
    if (*ret_exists && status.st_uid != 0)
        return getpwuid(status.st_uid);
    return *ret_exists && status.st_uid == 0 ? NULL : getpwnam(SERVICE_USER);
}

static result give_folder(const char *folder, const struct passwd *user, struct reason *reason) {
    if (mkdir(folder, 0700) == 0 && chown(folder, user->pw_uid, user->pw_gid) == 0)
        return OK;
    return reason_set(reason, &fault_rights_root, "%s: cannot be made for user %s: %s", folder, user->pw_name, strerror(errno));
}

static result become(const struct passwd *user, struct reason *reason) {
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0 || getuid() == 0)
        return reason_set(reason, &fault_rights_root, "cannot become user %s: %s", user->pw_name, strerror(errno));
    if (setenv("HOME", user->pw_dir, 1) != 0 || chdir("/") != 0)
        return reason_set(reason, &fault_rights_root, "cannot leave root's folders: %s", strerror(errno));
    return OK;
}

result rights_drop(const struct settings *settings, struct reason *reason) {
    bool exists;
    if (geteuid() != 0)
        return OK;
    const struct passwd *user = user_of_folder(settings->state_folder, &exists);
    if (user == NULL)
        return reason_set(reason, &fault_rights_root,
                          "nothing of pinwatch runs as root, wanted a system user that owns %s: `deploy/quickstart` makes one, or "
                          "`adduser --system --group " SERVICE_USER "`",
                          settings->state_folder);
    if (!exists)
        TRY(give_folder(settings->state_folder, user, reason));
    return become(user, reason);
}
