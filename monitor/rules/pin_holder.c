#include "rules/pin_holder.h"

#include "base/digest.h"
#include "base/text.h"
#include "formats/certificate.h"

enum { SHORT_TEXT = 8 };

static bool digest_of_pin(const struct pin *pin, struct hash *ret_hash) {
    if (pin->algorithm == PIN_FULL)
        digest_of(pin->value, ret_hash);
    else if (pin->algorithm == PIN_SHA256 && pin->value.size == HASH_SIZE)
        memcpy(ret_hash->bytes, pin->value.bytes, HASH_SIZE);
    else
        return false;
    return true;
}

bool pin_key_hash(const struct pin *pin, struct hash *ret_spki_sha256) {
    struct certificate certificate;
    struct hash digest;
    if (!digest_of_pin(pin, &digest))
        return false;
    if (pin->kind == PIN_SPKI) {
        *ret_spki_sha256 = digest;
        return true;
    }
    if (pin->algorithm != PIN_FULL || certificate_parse(pin->value, &certificate) != OK)
        return ca_table_key_of(&digest, ret_spki_sha256);
    digest_of(certificate.spki, ret_spki_sha256);
    return true;
}

bool pin_holder_find(const struct pin *pin, const struct ca_extra_rows *extra, struct pin_holder *ret_holder) {
    struct ca_row row;
    struct hash key;
    if (!pin_key_hash(pin, &key) || !ca_table_find(&key, extra, &row))
        return false;
    *ret_holder = (struct pin_holder){.owner = row.owner->name, .kind = row.kind, .spki_sha256 = key};
    return true;
}

const char *pin_long_text(const struct pin *pin, struct arena *arena) {
    const char *kind = pin->kind == PIN_CERTIFICATE ? "certificate " : "";
    if (pin->algorithm == PIN_FULL)
        return arena_printf(arena, "%sin full, %zu bytes", pin->kind == PIN_CERTIFICATE ? "certificate " : "key ", pin->value.size);
    char *text = arena_take(arena, (pin->value.size + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    text_of_base64(pin->value, text);
    return arena_printf(arena, "%s%s/%s", kind, pin_algorithm_name(pin->algorithm), text);
}

const char *pin_short_text(const struct pin *pin, struct arena *arena) {
    const char *text = pin_long_text(pin, arena);
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    if (slash == NULL || strlen(slash) <= SHORT_TEXT + 1)
        return text;
    return arena_printf(arena, "%.*s…", (int) (slash - text) + 1 + SHORT_TEXT, text);
}
