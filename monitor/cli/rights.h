/* Nothing of ours runs as root: commands that start or make something become the service's user first. */
#pragma once

#include <sys/types.h>

#include "base/reason.h"
#include "settings/settings.h"

extern const struct fault fault_rights_root; /* SETTINGS: root, and no user to become */

/* Whose user the service is: the owner of the state folder, or the system user `pinwatch` while there is none (the folder is then
 * made and given to it). No-op unless root. Afterwards the process is that user for good. */
MUST_CHECK result rights_drop(const struct settings *settings, struct reason *reason);
/* Group that must be able to read the settings file when root writes it; (gid_t) -1 when not root or without such a user. */
gid_t rights_settings_group(void);
