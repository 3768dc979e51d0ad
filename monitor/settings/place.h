/* A name for this installation of pinwatch, for leases and claims: the lock on the state folder lets one service live at a time, so
 * whoever holds something under the same name and is another process is dead. */
#pragma once

#include "base/reason.h"
#include "base/result.h"

#define PLACE_NAME_SIZE 96

extern const struct fault fault_place; /* SETTINGS: the file `place` of the state folder cannot be read, written or understood */

/* "host:NUMBER:". The number is random, made once and kept in the state folder: machines may share a name and a path, and copies of
 * one image even more. */
MUST_CHECK result place_name(const char *state_folder, char ret_name[PLACE_NAME_SIZE], struct reason *reason);
