#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings/place.h"

static char folder[64], path[80];

static int make_folder(void **state) {
    (void) state;
    snprintf(folder, sizeof folder, "/tmp/pinwatch-place-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/place", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void) state;
    unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static void a_place_keeps_its_name(void **state) {
    (void) state;
    struct reason reason = {""};
    char first[PLACE_NAME_SIZE], second[PLACE_NAME_SIZE];
    assert_ptr_equal(place_name(folder, first, &reason), OK);
    assert_ptr_equal(place_name(folder, second, &reason), OK);
    assert_string_equal(first, second);
    assert_int_equal(first[strlen(first) - 1], ':');
}

static void two_places_of_one_machine_have_two_names(void **state) {
    (void) state;
    struct reason reason = {""};
    char first[PLACE_NAME_SIZE], second[PLACE_NAME_SIZE];
    assert_ptr_equal(place_name(folder, first, &reason), OK);
    assert_int_equal(unlink(path), 0);
    assert_ptr_equal(place_name(folder, second, &reason), OK);
    assert_string_not_equal(first, second);
}

static void a_spoiled_file_is_refused_with_its_path(void **state) {
    (void) state;
    static const char *const texts[] = {"", "0123456789abcdef", "0123456789ABCDEF\n", "0123456789abcdef\n\n", "0123456789abcde\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reason reason = {""};
        char name[PLACE_NAME_SIZE] = "untouched";
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(texts[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_ptr_equal(place_name(folder, name, &reason), &fault_place);
        assert_non_null(strstr(reason.text, path));
        assert_string_equal(name, "untouched");
    }
}

static void a_folder_that_is_not_there_is_named(void **state) {
    (void) state;
    struct reason reason = {""};
    char name[PLACE_NAME_SIZE];
    assert_ptr_equal(place_name("/nonexistent/pinwatch", name, &reason), &fault_place);
    assert_non_null(strstr(reason.text, "/nonexistent/pinwatch/place"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_place_keeps_its_name, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(two_places_of_one_machine_have_two_names, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_spoiled_file_is_refused_with_its_path, make_folder, remove_folder),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
