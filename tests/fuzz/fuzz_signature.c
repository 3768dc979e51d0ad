/* Keys of logs and DigitallySigned structures, as lists and heads bring them.
 *
 * The input: u16 length, a key as text or DER; the rest is a signature.
 *
 * parser: rules/signature.c
 * seeds: signature */
#include "fuzz/harness.h"
#include "rules/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct cursor input = cursor_of(span_of(bytes, size));
    struct span text;
    struct signature_key *key = NULL, *again = NULL;
    uint8_t der[1024];
    size_t der_size;
    struct tree_head head = {.size = 1};
    if (!cursor_vector(&input, 2, &text))
        return 0;
    if (signature_key_read(text, der, &der_size) == OK)
        require(der_size <= sizeof der && signature_key_new(span_of(der, der_size), &again) == OK);
    if (signature_key_new(text, &key) == OK || again != NULL) {
        struct signature_key *some = key != NULL ? key : again;
        require(key == NULL || again != NULL);
        require(signature_check(some, span_of("message", 7), rest_of(&input)) != &fault_library);
        head.signature_size = cursor_remaining(&input) < TREE_HEAD_SIGNATURE_MAX ? cursor_remaining(&input) : TREE_HEAD_SIGNATURE_MAX;
        memcpy(head.signature, rest_of(&input).bytes, head.signature_size);
        (void) !signature_check_tree_head(some, &head);
    }
    (void) !signature_check_log_list(text, rest_of(&input));
    signature_key_free(key);
    signature_key_free(again);
    return 0;
}
