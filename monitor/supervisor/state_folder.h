/* The folder that holds what the service must remember. */
#pragma once

#include "base/reason.h"
#include "settings/settings.h"

extern const struct fault fault_state_folder; /* SETTINGS: cannot be made, not ours, or open to others */

/* Makes the folder (0700), its parents (0755), and the secrets and hooks folders; checks that it belongs to the running user and lets
 * nobody else in. Does nothing when all is there. */
MUST_CHECK result state_folder_prepare(const struct settings *settings, struct reason *reason);
/* The check alone; nothing is made or changed. */
MUST_CHECK result state_folder_check(const char *path, struct reason *reason);
