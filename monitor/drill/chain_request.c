#include <jansson.h>

#include "base/text.h"
#include "drill/http_parts.h"

FAULT(fault_drill_port, FAULT_SETTINGS, "drill.port", "port of the drill", "", "cannot be listened on", "a free port of 127.0.0.1");

static void json_release(json_t **json) {
    json_decref(*json);
}

void chain_request_done(struct chain_request *chain) {
    for (size_t i = 0; i < chain->count; i++)
        memory_free(chain->memory[i]);
    chain->count = 0;
}

static bool add_certificate(struct chain_request *chain, const json_t *text) {
    struct span base64 = span_of(json_string_value(text), json_string_length(text));
    size_t size = 0;
    if (base64.bytes == NULL || base64.size == 0)
        return false;
    AUTO_FREE uint8_t *memory = memory_new(base64.size / 4 * 3 + 3);
    if (memory == NULL || text_to_base64(base64, memory, &size) != OK || size == 0)
        return false;
    chain->certificates[chain->count] = span_of(memory, size);
    chain->memory[chain->count++] = TAKE(memory);
    return true;
}

bool chain_request_read(struct span json, struct chain_request *ret_chain) {
    *ret_chain = (struct chain_request){.count = 0};
    CLEANUP(json_release) json_t *root = json.size == 0 ? NULL : json_loadb((const char *) json.bytes, json.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *chain = json_object_get(root, "chain");
    size_t count = json_array_size(chain);
    if (count == 0 || count > DRILL_CHAIN_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!add_certificate(ret_chain, json_array_get(chain, i))) {
            chain_request_done(ret_chain);
            return false;
        }
    return true;
}
