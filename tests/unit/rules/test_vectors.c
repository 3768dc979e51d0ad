#include "vector_text.h"

#include "rules/signature.h"
#include "rules/watch_image.h"

/* Each line up to the first empty one, as it was understood. */
static void judge_watches(struct span input, char *ret_line, size_t size) {
    static const char *const kinds[] = {"name", "subtree", "address", "key", "email"};
    size_t used = 0;
    while (input.size > 0 && input.bytes[0] != '\n' && used < size / 2) {
        const uint8_t *end = memchr(input.bytes, '\n', input.size);
        size_t length = end == NULL ? input.size : (size_t) (end - input.bytes);
        enum watch_kind kind;
        char value[256];
        bool is_good = watch_item_parse(span_of(input.bytes, length), &kind, value, NULL) == OK;
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s %.30s", used == 0 ? "" : ", ", is_good ? kinds[kind] : "refused",
                                  is_good ? value : "");
        input = span_of(input.bytes + length + (end != NULL), input.size - length - (end != NULL));
    }
}

static void judge_signature(struct span input, char *ret_line, size_t size) {
    struct cursor cursor = cursor_of(input);
    struct span text;
    struct signature_key *key = NULL;
    uint8_t der[1024];
    size_t der_size;
    assert_true(cursor_vector(&cursor, 2, &text));
    result outcome = signature_key_read(text, der, &der_size);
    if (outcome == OK) {
        assert_ptr_equal(signature_key_new(span_of(der, der_size), &key), OK);
        outcome = signature_check(key, span_of("message", 7), span_of(input.bytes + cursor.position, cursor_remaining(&cursor)));
    }
    snprintf(ret_line, size, "%s", outcome == OK ? "signed" : outcome->name);
    signature_key_free(key);
}

static void watches_are_understood_as_people_write_them(void **state) {
    (void) state;
    vector_texts_check("watch-items", judge_watches);
}

static void keys_and_signatures_are_refused_by_their_form_or_their_value(void **state) {
    (void) state;
    vector_texts_check("signature", judge_signature);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watches_are_understood_as_people_write_them),
        cmocka_unit_test(keys_and_signatures_are_refused_by_their_form_or_their_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
