/* PostgreSQL's own programs: where they are, and running one to its end. Private to supervisor/. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"

#define POSTGRES_FOLDER_SIZE 400

/* The folder with initdb and postgres: `chosen` unless "", else the newest installed version from 15 on; with `major` > 0 that very
 * version. Errors: fault_postgres_programs, fault_postgres_version, and what passes. */
MUST_CHECK result postgres_programs_find(const char *chosen, unsigned major, char ret_folder[POSTGRES_FOLDER_SIZE],
                                         struct reason *reason);
/* Runs argv[0] (absolute) with a clean environment and no input, keeps what it printed; *ret_status is as from waitpid.
 * Error: fault_postgres_programs, and what passes (no process, no descriptor). */
MUST_CHECK result program_run(const char *const *argv, struct buffer *output, int *ret_status, struct reason *reason);
extern const char *const postgres_environment[];
