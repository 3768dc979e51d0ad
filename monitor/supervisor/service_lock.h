/* One service per state folder: a locked file that holds the service's process id. The lock is the truth, the number only a name:
 * it ends with the process, however that ended. */
#pragma once

#include "base/reason.h"
#include "base/result.h"

extern const struct fault fault_service_running; /* SETTINGS: another service holds the state folder */
extern const struct fault fault_service_lock;    /* SETTINGS: the file cannot be made or locked */

/* Takes the lock of `state_folder` and writes this process's id. *ret_lock is a descriptor to keep open; closing it gives the lock up. */
MUST_CHECK result service_lock_take(const char *state_folder, int *ret_lock, struct reason *reason);
/* Process id of the service that holds the lock, 0 when none does, -1 when it cannot be said (reason is set). */
int service_lock_holder(const char *state_folder, struct reason *reason);
