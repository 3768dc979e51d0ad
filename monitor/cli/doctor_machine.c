#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "supervisor/child.h"
#include "supervisor/private_postgres.h"
#include "supervisor/service_lock.h"
#include "supervisor/state_folder.h"

#define DISK_FAILED_MB 200
#define DISK_WARNING_MB 2048
#define BUILT_NOT_BEFORE_MS 1780272000000 /* 2026-06-01: a clock before it is wrong */

static void look_at_state_folder(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct reason why = {""};
    if (state_folder_check(doctor->settings->state_folder, &why) == OK) {
        check_set(ret_outcome, CHECK_OK, "%s is the service's alone", doctor->settings->state_folder);
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "%s", why.text);
    check_advise(ret_outcome, "make the folder yours with mode 0700, or run this as its owner");
}

static void look_at_disk(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct statvfs disk;
    if (statvfs(doctor->settings->state_folder, &disk) != 0) {
        check_set(ret_outcome, CHECK_FAILED, "%s: %s", doctor->settings->state_folder, strerror(errno));
        check_advise(ret_outcome, "`pinwatch init` makes the folder");
        return;
    }
    unsigned long long free_mb = (unsigned long long) disk.f_bavail * disk.f_frsize >> 20;
    enum check_state state = free_mb < DISK_FAILED_MB ? CHECK_FAILED : free_mb < DISK_WARNING_MB ? CHECK_WARNING : CHECK_OK;
    check_set(ret_outcome, state, "%llu MB are free for %s", free_mb, doctor->settings->state_folder);
    if (state != CHECK_OK)
        check_advise(ret_outcome, "free some space, or set retention_days; a full disk makes the service pause");
}

static void look_at_clock(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct timex kernel = {0};
    (void) doctor;
    if (clock_wall_ms() < BUILT_NOT_BEFORE_MS) {
        check_set(ret_outcome, CHECK_FAILED, "the clock is before this program was written");
        check_advise(ret_outcome, "set the clock; signatures and certificates cannot be judged with it");
        return;
    }
    if (adjtimex(&kernel) == TIME_ERROR || (kernel.status & STA_UNSYNC) != 0) {
        check_set(ret_outcome, CHECK_WARNING, "the kernel's clock is not kept by a time service");
        check_advise(ret_outcome, "run chrony or systemd-timesyncd, unless the host of this container does");
        return;
    }
    check_set(ret_outcome, CHECK_OK, "the clock is kept by a time service");
}

static void look_at_programs(struct doctor *doctor, struct check_outcome *ret_outcome) {
    static const char *const programs[] = {"pinwatch-monitor", "pinwatch-reader", "pinwatch-alerts", "pinwatch-drill"};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (program_find(doctor->arena, programs[i]) != NULL)
            continue;
        check_set(ret_outcome, CHECK_FAILED, "%s is neither beside this program nor in %s", programs[i], PINWATCH_INSTALL_LIBEXEC);
        check_advise(ret_outcome, "install pinwatch again: `cmake --install` puts all its programs in place");
        return;
    }
    check_set(ret_outcome, CHECK_OK, "monitor, reader, alerts and drill can be executed");
}

static void look_at_service(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct reason why = {""};
    doctor->service_pid = service_lock_holder(doctor->settings->state_folder, &why);
    if (doctor->service_pid > 0) {
        char copy[4096];
        snprintf(copy, sizeof copy, "%s/" SETTINGS_IN_FORCE_FILE, doctor->settings->state_folder);
        bool is_current = settings_are_kept(doctor->settings, copy);
        check_set(ret_outcome, is_current ? CHECK_OK : CHECK_WARNING, "it runs as process %d%s", doctor->service_pid,
                  is_current ? "" : ", by settings that it accepted before the file was changed");
        if (!is_current)
            check_advise(ret_outcome, "`kill -HUP %d` makes it read the file", doctor->service_pid);
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "%s", doctor->service_pid < 0 ? why.text : "it does not run");
    check_advise(ret_outcome, doctor->service_pid < 0 ? "run this as the owner of the state folder, or as root"
                                                      : "`pinwatch run --detach`, or `systemctl start pinwatch`");
}

const struct check doctor_machine_checks[] = {
    {"state folder", false, look_at_state_folder}, {"disk space", false, look_at_disk}, {"clock", false, look_at_clock},
    {"programs", false, look_at_programs},         {"service", false, look_at_service}, {NULL, false, NULL},
};
