#include "formats/sct.h"

#include "formats/der.h"

FAULT(fault_sct_list, FAULT_INPUT, "sct.list", "SCT list", "RFC 6962 3.3", "it is not a list of SCTs",
      "an OCTET STRING around SerializedSCT<1..2^16-1>");
FAULT(fault_sct_version, FAULT_INPUT, "sct.version", "SCT", "RFC 6962 3.2", "an unknown version", "v1 (0)");
FAULT(fault_sct_form, FAULT_INPUT, "sct.form", "SCT", "RFC 6962 3.2", "its fields do not fill it exactly",
      "version, log id, timestamp, extensions, DigitallySigned");

enum { SIGNATURE_ALGORITHM_SIZE = 2 };

result sct_list_open(struct span extension_value, struct cursor *ret_list) {
    struct cursor cursor = cursor_of(extension_value);
    struct span octets, list;
    if (der_take(&cursor, DER_OCTET_STRING, &octets) != OK || !cursor_at_end(&cursor))
        return &fault_sct_list;
    cursor = cursor_of(octets);
    if (!cursor_vector(&cursor, 2, &list) || !cursor_at_end(&cursor))
        return &fault_sct_list;
    *ret_list = cursor_of(list);
    return OK;
}

bool sct_list_next(struct cursor *list, struct span *ret_serialized) {
    return !cursor_at_end(list) && cursor_vector(list, 2, ret_serialized);
}

result sct_parse(struct span serialized, struct sct *ret_sct) {
    struct cursor cursor = cursor_of(serialized);
    struct sct sct = {0};
    uint8_t version;
    struct span algorithm, value;
    if (!cursor_u8(&cursor, &version))
        return &fault_sct_form;
    if (version != 0)
        return &fault_sct_version;
    if (!cursor_copy(&cursor, HASH_SIZE, sct.log_id.bytes) || !cursor_number(&cursor, 8, &sct.timestamp_ms) ||
        !cursor_vector(&cursor, 2, &sct.extensions) || !cursor_take(&cursor, SIGNATURE_ALGORITHM_SIZE, &algorithm) ||
        !cursor_vector(&cursor, 2, &value) || !cursor_at_end(&cursor))
        return &fault_sct_form;
    sct.signature = span_of(algorithm.bytes, SIGNATURE_ALGORITHM_SIZE + 2 + value.size);
    *ret_sct = sct;
    return OK;
}
