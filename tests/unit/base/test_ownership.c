/* Files in other people's hands. As root the owners are real; else only modes can be tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ownership.h"

#define STRANGER 54321

static char top[64], folder[96], file[128], linked[128];

static int set_up(void **state) {
    (void) state;
    snprintf(top, sizeof top, "/tmp/pinwatch-test-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof folder, "%s/folder", top);
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(linked, sizeof linked, "%s/link", top);
    assert_int_equal(mkdir(folder, 0755), 0);
    int made = open(file, O_WRONLY | O_CREAT, 0644);
    assert_true(made >= 0);
    close(made);
    assert_int_equal(symlink(file, linked), 0);
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    unlink(linked);
    unlink(file);
    rmdir(folder);
    return rmdir(top);
}

static result look(bool is_secret, struct reason *reason) {
    int opened = open(file, O_RDONLY);
    assert_true(opened >= 0);
    result outcome = ownership_check_file(opened, file, is_secret, reason);
    close(opened);
    return outcome;
}

static void what_others_can_write_is_refused_and_a_secret_that_they_can_read(void **state) {
    static const struct {
        mode_t mode;
        bool is_good, is_good_secret;
    } cases[] = {{0600, true, true},   {0400, true, true},   {0700, true, true},   {0640, true, false}, {0604, true, false},
                 {0644, true, false},  {0610, true, false},  {0601, true, false},  {0620, false, false}, {0602, false, false},
                 {0666, false, false}, {0660, false, false}};
    struct reason reason;
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(chmod(file, cases[i].mode), 0);
        assert_ptr_equal(look(false, &reason), cases[i].is_good ? OK : &fault_ownership);
        assert_ptr_equal(look(true, &reason), cases[i].is_good_secret ? OK : &fault_ownership);
        assert_true(cases[i].is_good_secret || strstr(reason.text, "chmod 600") != NULL);
    }
}

static void a_folder_above_that_others_can_write_is_refused_unless_it_is_sticky(void **state) {
    struct reason reason;
    (void) state;
    assert_null(ownership_check_way(file, &reason));
    assert_null(ownership_check_way(linked, &reason));
    static const mode_t open_modes[] = {0775, 0757, 0777};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(folder, open_modes[i]), 0);
        assert_ptr_equal(ownership_check_way(file, &reason), &fault_ownership);
        assert_non_null(strstr(reason.text, folder));
        assert_ptr_equal(ownership_check_way(linked, &reason), &fault_ownership); /* where it leads */
    }
    assert_int_equal(chmod(folder, 01777), 0);
    assert_null(ownership_check_way(file, &reason));
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(top, 0777), 0); /* further up, and where the link stands */
    assert_ptr_equal(ownership_check_way(file, &reason), &fault_ownership);
    assert_ptr_equal(ownership_check_way(linked, &reason), &fault_ownership);
    assert_int_equal(chmod(top, 0700), 0);
    assert_null(ownership_check_way(file, &reason));
}

static void a_stranger_owns_nothing_on_the_way(void **state) {
    struct reason reason;
    (void) state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give files away\n");
        skip();
    }
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(chown(file, STRANGER, 0), 0);
    assert_ptr_equal(look(false, &reason), &fault_ownership);
    assert_non_null(strstr(reason.text, "belongs to user 54321"));
    assert_null(look(true, &reason)); /* root reads a service's password files */
    assert_int_equal(chown(file, 0, 0), 0);
    assert_int_equal(chown(folder, STRANGER, 0), 0);
    assert_ptr_equal(ownership_check_way(file, &reason), &fault_ownership);
    assert_non_null(strstr(reason.text, "belongs to user 54321"));
    assert_int_equal(seteuid(STRANGER), 0); /* for whom it is his own */
    assert_int_equal(chown(top, STRANGER, (gid_t) -1), -1);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(top, 0711), 0);
    assert_int_equal(seteuid(STRANGER), 0);
    assert_null(ownership_check_way(file, &reason));
    assert_int_equal(seteuid(0), 0);
}

static void cores_are_neither_written_nor_do_they_hold_memory(void **state) {
    char text[32] = "";
    (void) state;
    ownership_forbid_cores();
    int filter = open("/proc/self/coredump_filter", O_RDONLY);
    if (filter >= 0) {
        assert_true(read(filter, text, sizeof text - 1) > 0);
        assert_int_equal(strspn(text, "0\n"), strlen(text));
        close(filter);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_others_can_write_is_refused_and_a_secret_that_they_can_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_above_that_others_can_write_is_refused_unless_it_is_sticky, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stranger_owns_nothing_on_the_way, set_up, tear_down),
        cmocka_unit_test(cores_are_neither_written_nor_do_they_hold_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
