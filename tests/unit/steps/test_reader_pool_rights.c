/* A reader that was taken over tries what it must not be able to do: tools/rogue_reader.c is the real program in its real sandbox, started
 * as the pool starts readers, and tools/rogue_deeds.h lists the deeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "formats/reader_message.h"
#include "rules/watch_image.h"
#include "steps/reader_process.h"
#include "tools/rogue_deeds.h"
#include "tools/rogue_marker.h"

#define SLOT_SIZE 65536
#define AREA_SIZE 65536
#define WAIT_MS 30000

struct deed {
    const char *name;
    enum deed_end end;
};

#define DEED_OF(name, end, call) {name, DEED_##end},
static const struct deed deeds[] = {DEEDS(DEED_OF)};

struct fixture {
    struct reader_slots slots;
    int image;
    struct reader_process process;
};

static void skip_without_filter(void) {
#ifdef PINWATCH_NO_FILTER
    print_message("skipped: this build has no syscall filter\n");
    skip();
#endif
}

static void start(struct fixture *f) {
    struct watch_item item = {WATCH_NAME, "example.com"};
    struct buffer image = buffer_with_limit(1 << 20);
    *f = (struct fixture){.image = -1, .process = {.requests = -1, .answers = -1}};
    assert_null(watch_image_build(&item, 1, 1, &image));
    assert_null(shared_file_new_for_readers("pinwatch-watches", buffer_span(&image), &f->image));
    assert_null(reader_slots_init(2, SLOT_SIZE, &f->slots));
    memset(f->slots.bytes, 0x5a, 2 * SLOT_SIZE);
    buffer_done(&image);
}

static void stop(struct fixture *f) {
    reader_process_stop(&f->process);
    reader_slots_done(&f->slots);
    close(f->image);
}

static void read_greeting(const struct reader_process *process) {
    struct reader_answer answer;
    for (size_t size = 0; size < sizeof answer;) {
        struct pollfd wait = {.fd = process->answers, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
        ssize_t count = read(process->answers, (uint8_t *) &answer + size, sizeof answer - size);
        assert_true(count > 0);
        size += (size_t) count;
    }
    assert_int_equal(answer.request_id, 0);
}

/* How the process of a reader that tries this ended. */
static int tried(struct fixture *f, size_t number) {
    const struct reader_launch launch = {.program = BUILD_FOLDER "/tests/rogue-reader", .slots = &f->slots, .image = f->image,
                                         .area_size = AREA_SIZE};
    const struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .request_id = 1, .generation = 1,
                                           .first_index = DEED_FIRST + number, .wanted_begin = DEED_FIRST + number,
                                           .wanted_end = DEED_FIRST + number + 1};
    int status = 0;
    assert_null(reader_process_start(&launch, &f->process));
    read_greeting(&f->process);
    assert_int_equal(write(f->process.requests, &request, sizeof request), sizeof request);
    struct pollfd end = {.fd = f->process.answers, .events = POLLIN};
    assert_int_equal(poll(&end, 1, WAIT_MS), 1); /* nothing is ever answered: the pipe closes */
    assert_int_equal(waitpid(f->process.pid, &status, 0), f->process.pid);
    f->process.pid = 0;
    reader_process_stop(&f->process);
    return status;
}

static bool ended_as_wanted(const struct deed *deed, int status) {
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    if (deed->end == DEED_KILLED)
        return is_killed;
    if (deed->end == DEED_FAULTED)
        return is_killed || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return WIFEXITED(status) && WEXITSTATUS(status) == (deed->end == DEED_DONE ? DEED_SUCCEEDED : DEED_CAME_TO_NOTHING);
}

static void set_secret(void) {
    char secret[MARKER_SIZE + 1] = "";
    for (size_t i = 0; i < MARKER_SIZE; i++)
        secret[i] = (char) marker_byte(i);
    assert_int_equal(setenv("PINWATCH_SECRET_RIGHTS", secret, 1), 0);
}

static void every_deed_kills_the_reader_or_comes_to_nothing(void **state) {
    struct fixture f;
    (void) state;
    skip_without_filter();
    set_secret();
    start(&f);
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        int status = tried(&f, i);
        if (!ended_as_wanted(&deeds[i], status))
            fail_msg("%s: exit status %d, signal %d", deeds[i].name, WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    print_message("%zu deeds tried\n", sizeof deeds / sizeof deeds[0]);
    stop(&f);
}

static void no_deed_changes_the_body_slots(void **state) {
    struct fixture f;
    struct stat before, after;
    (void) state;
    skip_without_filter();
    start(&f);
    assert_int_equal(fstat(f.slots.file, &before), 0);
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++)
        if (strstr(deeds[i].name, "slots") != NULL)
            (void) tried(&f, i);
    assert_int_equal(fstat(f.slots.file, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_blocks, after.st_blocks);
    for (size_t i = 0; i < 2 * SLOT_SIZE; i++)
        assert_int_equal(f.slots.bytes[i], 0x5a);
    stop(&f);
}

/* The shared files withstand a reader whose filter would be gone. */
static void what_a_reader_is_given_cannot_be_written_cut_or_sealed_but_its_own_area(void **state) {
    struct fixture f;
    (void) state;
    start(&f);
    const int given[] = {f.slots.readable_file, f.image};
    for (size_t i = 0; i < 2; i++) {
        uint8_t byte = 1;
        assert_int_equal(write(given[i], &byte, 1), -1);
        assert_int_equal(ftruncate(given[i], 0), -1);
        assert_int_equal(fallocate(given[i], 3, 0, 4096), -1); /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */
        assert_int_equal(fcntl(given[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
        assert_ptr_equal(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, given[i], 0), MAP_FAILED);
        void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, given[i], 0);
        assert_ptr_not_equal(mapped, MAP_FAILED);
        assert_int_equal(mprotect(mapped, 4096, PROT_READ | PROT_WRITE), -1);
        munmap(mapped, 4096);
    }
    stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_deed_kills_the_reader_or_comes_to_nothing),
        cmocka_unit_test(no_deed_changes_the_body_slots),
        cmocka_unit_test(what_a_reader_is_given_cannot_be_written_cut_or_sealed_but_its_own_area),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
