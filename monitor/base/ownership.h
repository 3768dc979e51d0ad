/* Are a file and the way to it in the hands of its user and root alone? Whoever else could write them would decide what this program does. */
#pragma once

#include <stdbool.h>

#include "base/reason.h"

extern const struct fault fault_ownership;

/* Of an open file: regular, owned by this process's user or by root, not writable for group and others; `is_secret`: not readable for
 * them either. Root takes a secret from any owner: it is not root who believes it. */
MUST_CHECK result ownership_check_file(int file, const char *path, bool is_secret, struct reason *reason);
/* Every folder above `path`, links resolved, is owned by this user or root, and nobody else can write it (a sticky folder such as /tmp
 * may be written: what is in it cannot be replaced). `path` need not exist. */
MUST_CHECK result ownership_check_way(const char *path, struct reason *reason);
/* No core dump of this process, or of a program that it starts, holds memory or is written at all. */
void ownership_forbid_cores(void);
