#include "rules/pin_holder.h"

#include "base/digest.h"
#include "base/text.h"
#include "formats/certificate.h"
#include "rules/ca_edges.h"

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

/* From the certificates of the key: one that signs itself makes it a root. */
static bool look_at_edges(struct pin_holder *holder) {
    size_t first, count = ca_edges_of(&holder->spki_sha256, &first);
    bool is_root = false;
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge;
        ca_edge_at(first + i, &edge);
        is_root = is_root || edge.is_self_signed;
        holder->end = holder->has_end && holder->end > edge.not_after ? holder->end : edge.not_after;
        holder->has_end = true;
    }
    holder->kind = is_root ? CA_ROOT : CA_INTERMEDIATE;
    return count > 0;
}

bool pin_holder_find(const struct pin *pin, const struct ca_extra_rows *extra, struct pin_holder *ret_holder) {
    struct pin_holder holder = {.owner = NULL};
    struct ca_row row;
    if (!pin_key_hash(pin, &holder.spki_sha256))
        return false;
    bool is_disclosed = look_at_edges(&holder), is_mapped = ca_table_find(&holder.spki_sha256, extra, &row);
    if (!is_disclosed && !is_mapped)
        return false;
    holder.name = ca_key_name(&holder.spki_sha256);
    if (is_mapped) {
        holder.owner = row.owner->name;
        holder.kind = row.kind;
    }
    *ret_holder = holder;
    return true;
}

const char *pin_holder_text(const struct pin_holder *holder, struct arena *arena) {
    if (holder->name == NULL)
        return holder->owner == NULL ? "a CA without a name" : holder->owner;
    return holder->owner == NULL ? holder->name : arena_printf(arena, "%s (%s)", holder->name, holder->owner);
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
