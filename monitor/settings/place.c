#include "settings/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define PATH_SIZE 4096
#define NUMBER_SIZE 16 /* hex digits */

FAULT(fault_place, FAULT_SETTINGS, "place", "file `place` of the state folder", "", "cannot be used", "16 hex digits that pinwatch wrote");

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

static result number_read(const char *path, char ret_number[NUMBER_SIZE + 1], bool *ret_exists, struct reason *reason) {
    char text[NUMBER_SIZE + 2] = "";
    CLEANUP(close_at) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *ret_exists = file >= 0;
    if (file < 0)
        return errno == ENOENT ? OK : reason_set(reason, fault_of_errno(errno, &fault_place), "%s: %s", path, strerrordesc_np(errno));
    ssize_t count = read(file, text, sizeof text);
    if (count < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_place), "%s: cannot be read: %s", path, strerrordesc_np(errno));
    if (count != NUMBER_SIZE + 1 || text[NUMBER_SIZE] != '\n' || strspn(text, "0123456789abcdef") != NUMBER_SIZE)
        return reason_set(reason, &fault_place, "%s: wanted 16 hex digits and a line break; delete it while the service is stopped", path);
    memcpy(ret_number, text, NUMBER_SIZE);
    ret_number[NUMBER_SIZE] = '\0';
    return OK;
}

/* Linked under its name when it is whole; whoever comes second keeps the first one's. */
static result number_make(const char *path, struct reason *reason) {
    char fresh[PATH_SIZE], text[NUMBER_SIZE + 2];
    uint64_t number;
    arc4random_buf(&number, sizeof number);
    snprintf(text, sizeof text, "%016llx\n", (unsigned long long) number);
    if ((size_t) snprintf(fresh, sizeof fresh, "%s.%d", path, (int) getpid()) >= sizeof fresh)
        return reason_set(reason, &fault_place, "%s: the path is too long", path);
    (void) unlink(fresh);
    CLEANUP(close_at) int file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_made = file >= 0 && write(file, text, NUMBER_SIZE + 1) == NUMBER_SIZE + 1 && fsync(file) == 0 &&
                   (link(fresh, path) == 0 || errno == EEXIST);
    int error = errno;
    (void) unlink(fresh);
    return is_made ? OK : reason_set(reason, fault_of_errno(error, &fault_place), "%s: cannot be written: %s", path, strerrordesc_np(error));
}

result place_name(const char *state_folder, char ret_name[PLACE_NAME_SIZE], struct reason *reason) {
    char path[PATH_SIZE - 16], host[64] = "unknown", number[NUMBER_SIZE + 1];
    bool exists;
    if ((size_t) snprintf(path, sizeof path, "%s/place", state_folder) >= sizeof path)
        return reason_set(reason, &fault_place, "%s: the path is too long", state_folder);
    TRY(number_read(path, number, &exists, reason));
    if (!exists) {
        TRY(number_make(path, reason));
        TRY(number_read(path, number, &exists, reason));
    }
    if (!exists)
        return reason_set(reason, &fault_place, "%s: gone again while it was made", path);
    (void) gethostname(host, sizeof host - 1);
    snprintf(ret_name, PLACE_NAME_SIZE, "%s:%s:", host, number);
    return OK;
}
