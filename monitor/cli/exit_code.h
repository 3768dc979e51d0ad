/* What the commands' exit codes mean; the numbers of sysexits.h, and 1 for "it works, and what it found is bad". */
#pragma once

#include "base/reason.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_FINDING = 1,      /* a contradiction, a failed check, a bad signature */
    EXIT_USAGE_WRONG = 64, /* EX_USAGE */
    EXIT_DATA = 65,        /* EX_DATAERR: a file or answer that cannot be used */
    EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: log, database or service cannot be reached */
    EXIT_BUG = 70,         /* EX_SOFTWARE */
    EXIT_CREATE = 73,      /* EX_CANTCREAT */
    EXIT_IO = 74,          /* EX_IOERR */
    EXIT_PERMISSION = 77,  /* EX_NOPERM */
    EXIT_SETTINGS = 78,    /* EX_CONFIG */
};

/* The exit code for a result's family: retry 69, input 65, log 1, settings 78, bug 70; OK 0. */
int exit_code_of(result outcome);
/* Prints "pinwatch: REASON" (or the fault's own words when the reason is empty; NULL allowed) to standard error, harmless, and
 * returns exit_code_of(outcome). */
int exit_with(result outcome, const struct reason *reason);
