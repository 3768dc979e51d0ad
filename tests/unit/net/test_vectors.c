#include "vector_text.h"

#include "net/transfer.h"

static void judge_retry_after(struct span input, char *ret_line, size_t size) {
    const int64_t now_ms = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
    snprintf(ret_line, size, "%lld ms", (long long) retry_after_parse(input, now_ms));
}

static void retry_after_is_read_in_every_form_that_there_is(void **state) {
    (void) state;
    vector_texts_check("retry-after", judge_retry_after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_read_in_every_form_that_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
