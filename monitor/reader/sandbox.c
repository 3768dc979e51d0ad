#include "reader/sandbox.h"

#include <malloc.h>
#include <stdbool.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

FAULT(fault_sandbox, FAULT_SETTINGS, "reader.sandbox", "reader", "", "the kernel refused a limit or the syscall filter",
      "a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)");

#define TRIM_THRESHOLD (64 * 1024 * 1024)

/* glibc otherwise serves large blocks with mmap and grows them with mremap, which the filter does not let through. */
void sandbox_prepare_memory(void) {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_ARENA_MAX, 1);
}

static bool give_up_rights(void) {
    struct rlimit none = {0, 0};
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
           close_range(3, ~0u, 0) == 0;
}

#ifdef PINWATCH_NO_FILTER

result sandbox_enter(uint64_t address_space) {
    (void) address_space;
    return give_up_rights() ? OK : &fault_sandbox;
}

#else

/* getpid: OpenSSL asks before every random number whether it was forked, and blinds points of most curves even when it
 * only verifies. */
static bool allow_always(scmp_filter_ctx filter) {
    static const int calls[] = {SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(brk), SCMP_SYS(munmap),
                                SCMP_SYS(getpid)};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) != 0)
            return false;
    return true;
}

/* Not descriptor 2: it is the owner's, and whoever writes there can forge messages of the service or steer a person's terminal. */
static bool allow_by_argument(scmp_filter_ctx filter) {
    const scmp_datum_t memory = MAP_PRIVATE | MAP_ANONYMOUS;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3(SCMP_CMP_EQ, memory, 0)) == 0;
}

result sandbox_enter(uint64_t address_space) {
    struct rlimit limit = {address_space, address_space};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return &fault_no_memory;
    bool is_ready = allow_always(filter) && allow_by_argument(filter) && give_up_rights() &&
                    setrlimit(RLIMIT_AS, &limit) == 0 && seccomp_load(filter) == 0;
    if (!is_ready) {
        seccomp_release(filter);
        return &fault_sandbox;
    }
    /* Not released: its memory is small, and free could want a call that is now forbidden. */
    return OK;
}

#endif
