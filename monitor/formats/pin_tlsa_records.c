#include "formats/pin_tlsa_records.h"

#include "base/memory.h"
#include "formats/pin_builder.h"
#include "formats/tlsa_record.h"

static struct pin pin_of(const struct tlsa_record *record) {
    static const enum pin_algorithm algorithms[] = {PIN_FULL, PIN_SHA256, PIN_SHA512};
    bool is_leaf = record->usage == PIN_TLSA_PKIX_EE || record->usage == PIN_TLSA_DANE_EE;
    return (struct pin){.kind = record->selector == 0 ? PIN_CERTIFICATE : PIN_SPKI, .algorithm = algorithms[record->matching], .position = is_leaf ? PIN_LEAF : PIN_CA,
                        .value = record->data, .tlsa_usage = record->usage, .comment = ""};
}

static result add_set(const struct tlsa_answer *answer, struct pin_builder *builder, struct pin_set **ret_set) {
    struct pin_set *set = pin_builder_add_set(builder, 0);
    if (set == NULL)
        return pin_builder_refusal(builder);
    set->host = answer->host;
    set->port = answer->port;
    set->protocol = answer->protocol;
    set->is_secure = answer->is_secure;
    set->has_ttl = answer->has_ttl;
    set->ttl_s = answer->ttl_s;
    *ret_set = set;
    return OK;
}

result pin_tlsa_of_records(const struct tlsa_answer *answer, struct arena *arena, struct pin_document *ret_document) {
    struct pin_document document = {.source = answer->source, .format = PIN_FORMAT_TLSA};
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct pin_set *set = NULL;
    for (size_t i = 0; i < answer->count; i++) {
        struct tlsa_record record;
        struct reason reason = {""};
        if (tlsa_record_parse(answer->data[i], &record, &reason) != OK) {
            TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 0, "tlsa-unusable", "a record that no client can use: %s", reason.text));
            continue;
        }
        if (set == NULL)
            TRY(add_set(answer, &builder, &set));
        struct pin *pin = pin_builder_add_pin(&builder, set, 0);
        if (pin == NULL)
            return pin_builder_refusal(&builder);
        *pin = pin_of(&record);
    }
    TRY(pin_builder_end(&builder));
    *ret_document = document;
    return OK;
}
