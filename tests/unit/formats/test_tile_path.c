#include "vector_files.h"

#include "formats/tile_path.h"

static void hash_tile_paths_group_digits_by_three(void **state) {
    (void) state;
    static const struct {
        unsigned level;
        uint64_t number;
        unsigned width;
        const char *path;
    } rows[] = {
        {0, 0, 256, "tile/0/000"},
        {0, 1, 44, "tile/0/001.p/44"},
        {1, 999, 255, "tile/1/999.p/255"},
        {1, 1000, 256, "tile/1/x001/000"},
        {3, 1234067, 256, "tile/3/x001/x234/067"},
        {7, 1234067, 1, "tile/7/x001/x234/067.p/1"},
        {0, UINT64_MAX, 255, "tile/0/x018/x446/x744/x073/x709/x551/615.p/255"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[TILE_PATH_SIZE];
        tile_path_hashes(rows[i].level, rows[i].number, rows[i].width, path);
        assert_string_equal(path, rows[i].path);
    }
}

static void data_tiles_stand_under_data(void **state) {
    (void) state;
    char path[TILE_PATH_SIZE];
    tile_path_data(1234067, 256, path);
    assert_string_equal(path, "tile/data/x001/x234/067");
    tile_path_data(1, 44, path);
    assert_string_equal(path, "tile/data/001.p/44");
}

static void issuers_are_named_by_lower_case_hex(void **state) {
    (void) state;
    char path[TILE_PATH_SIZE];
    struct hash hash = {{0xab, 0x01}};
    tile_path_issuer(&hash, path);
    assert_string_equal(path, "issuer/ab01000000000000000000000000000000000000000000000000000000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_tile_paths_group_digits_by_three),
        cmocka_unit_test(data_tiles_stand_under_data),
        cmocka_unit_test(issuers_are_named_by_lower_case_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
