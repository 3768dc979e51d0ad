#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "reader/sandbox.h"

#define ADDRESS_SPACE ((uint64_t) 512 * 1024 * 1024)

/* Enters the sandbox in a child, tries, and returns how the child ended. */
static int tried(void (*attempt)(void)) {
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sandbox_prepare_memory();
        if (sandbox_enter(ADDRESS_SPACE) != OK)
            _exit(99);
        attempt();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void skip_without_filter(void) {
#ifdef PINWATCH_NO_FILTER
    print_message("skipped: this build has no syscall filter\n");
    skip();
#endif
}

static void expect_death(void (*attempt)(void)) {
    int status = tried(attempt);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void try_open(void) {
    open("/etc/passwd", O_RDONLY);
}
static void try_socket(void) {
    socket(AF_INET, SOCK_STREAM, 0);
}
static void try_fork(void) {
    fork();
}
static void try_exec(void) {
    execl("/bin/true", "true", NULL);
}
static void try_executable_memory(void) {
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void try_shared_memory(void) {
    mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}
static void try_mprotect(void) {
    static uint8_t page[8192];
    mprotect((void *) ((uintptr_t) (page + 4095) & ~(uintptr_t) 4095), 4096, PROT_READ | PROT_EXEC);
}
static void try_kill(void) {
    kill(1, 0);
}
static void try_other_descriptor(void) {
    char byte;
    if (read(STDERR_FILENO, &byte, 1) < 0)
        return;
}
static void try_messages(void) {
    if (write(STDERR_FILENO, "", 1) < 0)
        return;
}
static void try_ptrace(void) {
    syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void every_call_but_the_named_ones_kills_the_reader(void **state) {
    (void) state;
    skip_without_filter();
    void (*const attempts[])(void) = {try_open, try_socket, try_fork, try_exec, try_executable_memory, try_shared_memory,
                                      try_mprotect, try_kill, try_other_descriptor, try_messages, try_ptrace};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        expect_death(attempts[i]);
}

/* ---- every number there is */

#define NUMBERS_MAX 600 /* above the last call of this kernel's and the next kernels' tables */
#define X32_BIT 0x40000000L
/* Kernels from 6.13 on let these two pass every filter; outside the kernel's own trampolines they end in SIGILL or ENXIO. */
#define URETPROBE 335
#define UPROBE 336

static long number_tried;

static void try_number(void) {
    syscall(number_tried, 0, 0, 0, 0, 0, 0);
}

/* With no arguments: the calls that a reader may make whatever their arguments are. mmap fails by its flags, munmap and brk do nothing,
 * read asks for no bytes. */
static bool may_be_made(long number) {
    static const long calls[] = {SYS_read, SYS_brk, SYS_munmap, SYS_getpid, SYS_exit_group, SYS_rt_sigreturn, URETPROBE, UPROBE};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i] == number)
            return true;
    return false;
}

static void every_other_system_call_kills_the_reader(void **state) {
    (void) state;
    skip_without_filter();
    for (number_tried = 0; number_tried < NUMBERS_MAX; number_tried++) {
        if (may_be_made(number_tried))
            continue;
        int status = tried(try_number);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("system call %ld: %s %d", number_tried, WIFSIGNALED(status) ? "signal" : "exit",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

/* The x32 numbers reach the same calls, and the compiled filter must not take one for the other. */
static void every_system_call_of_the_x32_interface_kills_the_reader(void **state) {
    (void) state;
    skip_without_filter();
    for (number_tried = X32_BIT; number_tried < X32_BIT + NUMBERS_MAX; number_tried++)
        assert_true(WIFSIGNALED(tried(try_number)));
}

static void use_memory(void) {
    void *blocks[64];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 64; i++) {
            blocks[i] = memory_new((size_t) 1 << (i % 22));
            blocks[i] = blocks[i] == NULL ? NULL : memory_resize(blocks[i], (size_t) 1 << (i % 23));
            if (blocks[i] == NULL)
                _exit(1);
            memset(blocks[i], 1, (size_t) 1 << (i % 23));
        }
        for (size_t i = 0; i < 64; i++)
            memory_free(blocks[i]);
    }
    void *large = memory_new(200 * 1024 * 1024);
    memory_free(large);
}

static void memory_of_every_size_can_be_taken_and_given_back_inside(void **state) {
    (void) state;
    int status = tried(use_memory);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void use_too_much(void) {
    _exit(memory_new((size_t) ADDRESS_SPACE + 1) == NULL ? 7 : 0);
}

static void more_memory_than_allowed_is_refused_not_fatal(void **state) {
    (void) state;
    skip_without_filter();
    int status = tried(use_too_much);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_but_the_named_ones_kills_the_reader),
        cmocka_unit_test(every_other_system_call_kills_the_reader),
        cmocka_unit_test(every_system_call_of_the_x32_interface_kills_the_reader),
        cmocka_unit_test(memory_of_every_size_can_be_taken_and_given_back_inside),
        cmocka_unit_test(more_memory_than_allowed_is_refused_not_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
