/* Files of the state folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "steps/kept_file.h"

static char folder[60], path[100], beside[110];

static int set_up(void **state) {
    (void) state;
    strcpy(folder, "/tmp/pinwatch-kept-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    strcat(folder, "/state"); /* made when it is needed */
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(beside, sizeof beside, "%s.new", path);
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    unlink(path);
    rmdir(path);
    unlink(beside);
    rmdir(folder);
    *strrchr(folder, '/') = '\0';
    return rmdir(folder);
}

static void assert_holds(const char *wanted) {
    struct buffer content = buffer_with_limit(1000000);
    assert_null(kept_file_read(path, &content));
    assert_string_equal(buffer_text(&content), wanted);
    buffer_done(&content);
}

static void what_is_written_is_read_again_and_only_the_owner_may(void **state) {
    (void) state;
    struct stat status;
    assert_null(kept_file_write(path, span_of_text("first")));
    assert_holds("first");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_null(kept_file_write(path, span_of_text("")));
    assert_holds("");
    assert_int_equal(access(beside, F_OK), -1);
}

static void a_large_file_comes_back_whole_and_not_past_the_ceiling(void **state) {
    (void) state;
    size_t size = 200001;
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t) (i * 7 + i / 256);
    assert_null(kept_file_write(path, span_of(bytes, size)));
    struct buffer whole = buffer_with_limit(size), small = buffer_with_limit(size - 1);
    assert_null(kept_file_read(path, &whole));
    assert_true(span_equal(buffer_span(&whole), span_of(bytes, size)));
    assert_ptr_equal(kept_file_read(path, &small), &fault_kept_file);
    buffer_done(&whole);
    buffer_done(&small);
    free(bytes);
}

static void what_a_crash_left_beside_does_no_harm(void **state) {
    (void) state;
    assert_null(kept_file_write(path, span_of_text("old")));
    FILE *left = fopen(beside, "w");
    assert_non_null(left);
    fputs("half of a much longer content that never became the file", left);
    fclose(left);
    assert_holds("old");
    assert_null(kept_file_write(path, span_of_text("new")));
    assert_holds("new");
}

/* A full disk, as a process sees it that may write no more. */
static void a_full_disk_leaves_the_old_file(void **state) {
    (void) state;
    static uint8_t large[100000];
    assert_null(kept_file_write(path, span_of_text("old")));
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {5000, 5000};
        signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 && kept_file_write(path, span_of(large, sizeof large)) == &fault_kept_file ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_holds("old");
    assert_int_equal(access(beside, F_OK), -1);
}

static void a_place_that_cannot_be_written_is_said(void **state) {
    (void) state;
    assert_null(kept_file_write(path, span_of_text("old")));
    assert_ptr_equal(kept_file_write("/proc/nowhere/file", span_of_text("x")), &fault_kept_file);
    assert_ptr_equal(kept_file_write("/nowhere/at/all", span_of_text("x")), &fault_kept_file);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_ptr_equal(kept_file_write(path, span_of_text("x")), &fault_kept_file);
    assert_int_equal(access(beside, F_OK), -1);
    struct buffer content = buffer_with_limit(1000);
    assert_ptr_equal(kept_file_read(path, &content), &fault_kept_file); /* a folder */
    assert_ptr_equal(kept_file_read("/nowhere/at/all", &content), &fault_kept_file);
    assert_int_equal(content.size, 0);
    buffer_done(&content);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(what_is_written_is_read_again_and_only_the_owner_may),
        A(a_large_file_comes_back_whole_and_not_past_the_ceiling),
        A(what_a_crash_left_beside_does_no_harm),
        A(a_full_disk_leaves_the_old_file),
        A(a_place_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
