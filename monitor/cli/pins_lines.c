#include "cli/pins_lines.h"

#include "base/digest.h"
#include "base/text.h"

static const struct {
    const char *title;
    enum pin_format format;
    bool needs_host;
} platforms[] = {
    {"Android, res/xml/network_security_config.xml", PIN_FORMAT_ANDROID, true},
    {"Apple, Info.plist", PIN_FORMAT_APPLE, true},
    {"OkHttp, CertificatePinner", PIN_FORMAT_OKHTTP, true},
    {"TrustKit for iOS, TSKConfiguration", PIN_FORMAT_TRUSTKIT_IOS, true},
    {"DNS, TLSA records", PIN_FORMAT_TLSA, true},
    {"HPKP header", PIN_FORMAT_HPKP, false},
    {"pinwatch YAML", PIN_FORMAT_YAML, true},
};
enum { PLATFORMS = sizeof platforms / sizeof platforms[0], HTTPS_PORT = 443, TWO_MONTHS_S = 5184000 };

const char *pins_lines_title(size_t platform) {
    return platform < PLATFORMS ? platforms[platform].title : NULL;
}

enum pin_format pins_lines_format(size_t platform) {
    return platforms[platform].format;
}

static enum pin_position position_of(const struct pins_lines_wish *wish, enum pin_format format) {
    if (format == PIN_FORMAT_APPLE)
        return wish->are_cas ? PIN_CA : PIN_LEAF;
    if (format == PIN_FORMAT_TLSA)
        return wish->are_cas ? PIN_CA : PIN_LEAF;
    return PIN_ANY;
}

static result add_pin(const struct pins_lines_wish *wish, const struct pins_key *key, struct pin_builder *builder, struct pin_set *set) {
    struct hash digest;
    struct pin *pin = pin_builder_add_pin(builder, set, 0);
    digest_of(key->spki, &digest);
    uint8_t *value = arena_copy(builder->arena, span_of(digest.bytes, HASH_SIZE));
    if (pin == NULL || value == NULL)
        return &fault_no_memory;
    pin->kind = PIN_SPKI;
    pin->algorithm = PIN_SHA256;
    pin->position = position_of(wish, set->format);
    pin->value = span_of(value, HASH_SIZE);
    pin->tlsa_usage = wish->are_cas ? PIN_TLSA_DANE_TA : PIN_TLSA_DANE_EE;
    return OK;
}

/* As if a file of the format had said it. */
static result make_document(const struct pins_lines_wish *wish, struct arena *arena, struct pin_document *document) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct pin_set *set = pin_builder_add_set(&builder, 0);
    if (set == NULL)
        return &fault_no_memory;
    set->host = document->format == PIN_FORMAT_HPKP ? NULL : wish->host;
    set->match = PIN_HOST_EXACT;
    if (document->format == PIN_FORMAT_TLSA) {
        set->port = wish->port == 0 ? HTTPS_PORT : wish->port;
        set->protocol = "tcp";
    }
    if (document->format == PIN_FORMAT_HPKP) {
        set->has_max_age = true;
        set->max_age_s = TWO_MONTHS_S;
    }
    for (size_t i = 0; i < wish->count; i++)
        TRY(add_pin(wish, &wish->keys[i], &builder, set));
    return OK;
}

result pins_lines_write(const struct pins_lines_wish *wish, size_t platform, struct arena *arena, struct buffer *out) {
    struct pin_document document = {.source = "", .format = platforms[platform].format}, lost = document;
    struct pin_builder builder = pin_builder_of(arena, &lost);
    const struct pin_format_entry *entry;
    if (platforms[platform].needs_host && wish->host == NULL)
        return OK;
    TRY(make_document(wish, arena, &document));
    for (size_t i = 0; (entry = pin_format_entry_at(i)) != NULL; i++)
        if (entry->format == document.format && entry->write != NULL)
            return entry->write(&document, &builder, out);
    return OK;
}
