/* Makes chosen library calls fail: linked into a program, what stands in calls/ comes before the libraries' own functions.
 *
 * A program reads its orders from PINWATCH_FAIL when it starts:
 *   FAMILY:N        the N-th call of that family fails, and only it (1 is the first)
 *   FAMILY:N+       that one and all after it
 *   call:NAME:N     the N-th call of that function, where it is told from others of its family
 *   seed:S:K        of all families, about one call in K fails; S chooses which
 *   seed:S:K:FAMILY the same within one family
 * PINWATCH_FAIL_REPORT names a file to which "FAMILY CALLS FAILED" is appended for each family at the end of a process, and
 * "last FUNCTION".
 *
 * Where PINWATCH_FAIL is not set, a program looks for the file "orders" beside itself, for a whole service that fails (struct common);
 * its order is a line there, or one for all that already run. FAMILY:N! is for one process of the folder alone. "tally" there counts what
 * all of them do, also those that are killed. What OpenSSL and libcurl allocate for themselves does not fail, see calls/memory.c. */
#pragma once

#include <stdint.h>

enum call_family {
    CALL_MEMORY,  /* malloc, calloc, realloc, of libraries too */
    CALL_CURL,
    CALL_EVENT,
    CALL_OPENSSL,
    CALL_FILE,    /* open, read, write, mmap, memfd_create, pipe2, rename, … */
    CALL_SOCKET,
    CALL_PROCESS, /* fork, posix_spawn */
    CALL_POSTGRES,
    CALL_INFLATE,
    CALL_IDN,
    CALL_OUTPUT,  /* stdio */
    CALL_CLOCK,
    CALL_RANDOM,
    CALL_YAML,
    CALL_JSON,     /* what Jansson allocates */
    CALL_RESOLVER, /* c-ares */
    call_family_count,
};

/* From here on the n-th call of `family` fails (0: none); counting begins again. */
void failing_calls_at(enum call_family family, uint64_t n);
/* About one call in `one_in` of `family` fails; call_family_count stands for all families. */
void failing_calls_seed(uint64_t seed, uint64_t one_in, enum call_family family);
/* Nothing fails any more. */
void failing_calls_off(void);
/* How many calls were seen, and made to fail, since the last order. */
uint64_t failing_calls_seen(enum call_family family);
uint64_t failing_calls_failed(enum call_family family);
/* Blocks of memory that are given out now. */
int64_t failing_calls_live(void);
