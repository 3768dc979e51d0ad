#include "vector_files.h"

#include <jansson.h>

#include "base/digest.h"
#include "base/text.h"
#include "rules/known_logs.h"
#include "rules/signature.h"

enum { KEY_SIZE_MAX = 1024 };

static void test_every_row_is_in_order_and_its_id_is_the_hash_of_its_key(void **state) {
    (void) state;
    assert_true(known_log_count() > 200);
    for (size_t i = 0; i < known_log_count(); i++) {
        const struct known_log *log = known_log_at(i);
        uint8_t key[KEY_SIZE_MAX];
        size_t size;
        struct hash log_id;
        char text[HASH_BASE64_SIZE];
        assert_true(strlen(log->key) / 4 * 3 <= sizeof key);
        assert_ptr_equal(text_to_base64(span_of_text(log->key), key, &size), OK);
        digest_of(span_of(key, size), &log_id);
        hash_to_base64(&log_id, text);
        assert_string_equal(text, log->log_id);
        assert_true(i == 0 || strcmp(known_log_at(i - 1)->log_id, log->log_id) < 0);
        assert_ptr_equal(known_log_find(&log_id), log);
        assert_true(log->operator_name[0] != '\0' && log->description[0] != '\0');
        struct signature_key *decoded;
        assert_ptr_equal(signature_key_new(span_of(key, size), &decoded), OK);
        signature_key_free(decoded);
    }
}

static void test_an_unknown_id_is_not_found(void **state) {
    (void) state;
    struct hash none = {{0}};
    assert_null(known_log_find(&none));
    memset(none.bytes, 0xff, HASH_SIZE);
    assert_null(known_log_find(&none));
}

static json_t *read_json(const char *name) {
    struct buffer text = corpus_read(name);
    json_t *root = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    assert_non_null(root);
    buffer_done(&text);
    return root;
}

static void check_logs(const json_t *logs, bool is_wanted, size_t *ret_checked) {
    for (size_t i = 0; i < json_array_size(logs); i++) {
        const json_t *log = json_array_get(logs, i);
        const char *url = json_string_value(json_object_get(log, "url"));
        struct hash log_id;
        assert_ptr_equal(hash_from_base64(span_of_text(json_string_value(json_object_get(log, "log_id"))), &log_id), OK);
        bool is_placeholder = url != NULL && strstr(url, "ct.example.com/bogus") != NULL;
        const struct known_log *row = known_log_find(&log_id);
        assert_int_equal(row != NULL, is_wanted && !is_placeholder);
        if (row != NULL)
            assert_string_equal(row->key, json_string_value(json_object_get(log, "key")));
        *ret_checked += 1;
    }
}

static size_t check_list(const char *name, bool is_wanted) {
    json_t *root = read_json(name);
    const json_t *operators = json_object_get(root, "operators");
    size_t checked = 0;
    for (size_t i = 0; i < json_array_size(operators); i++) {
        check_logs(json_object_get(json_array_get(operators, i), "logs"), is_wanted, &checked);
        check_logs(json_object_get(json_array_get(operators, i), "tiled_logs"), is_wanted, &checked);
    }
    json_decref(root);
    return checked;
}

static void test_every_log_of_both_lists_is_known(void **state) {
    (void) state;
    assert_true(check_list("a-ct/log-lists/chrome/all_logs_list.json", true) > 100);
    assert_true(check_list("a-ct/log-lists/apple/current_log_list.json", true) > 100);
}

static void test_the_mimics_are_not_known(void **state) {
    (void) state;
    assert_int_equal(check_list("a-ct/log-lists/mimics/log_mimics_list.json", false), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_in_order_and_its_id_is_the_hash_of_its_key),
        cmocka_unit_test(test_an_unknown_id_is_not_found),
        cmocka_unit_test(test_every_log_of_both_lists_is_known),
        cmocka_unit_test(test_the_mimics_are_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
