/* Certificates, requests and public keys, as PEM or DER: the pins of what is in them. */
#include "base/cursor.h"
#include "base/digest.h"
#include "formats/der.h"
#include "formats/pem_text.h"
#include "formats/pin_file.h"
#include "formats/pin_object.h"

enum { LABEL_SHOWN = 40 };

static result add_set(struct pin_builder *builder, const struct pin_object *object, unsigned line) {
    struct pin_set *set = pin_builder_add_set(builder, line);
    struct pin *pin = set == NULL ? NULL : pin_builder_add_pin(builder, set, 0);
    struct hash hash;
    if (pin == NULL)
        return pin_builder_refusal(builder);
    digest_of(object->spki, &hash);
    const uint8_t *value = arena_copy(builder->arena, span_of(hash.bytes, HASH_SIZE));
    if (value == NULL)
        return &fault_no_memory;
    pin->value = span_of(value, HASH_SIZE);
    pin->comment = object->subject;
    pin->line = line;
    return OK;
}

static bool label_has(struct span label, const char *words) {
    return label.size > 0 && memmem(label.bytes, label.size, words, strlen(words)) != NULL;
}

static result take_block(struct pin_builder *builder, const struct pem_block *block, struct reason *reason) {
    int shown = block->label.size < LABEL_SHOWN ? (int) block->label.size : LABEL_SHOWN;
    const char *label = (const char *) block->label.bytes;
    struct pin_object object;
    if (label_has(block->label, "PRIVATE KEY"))
        return reason_set(reason, &fault_pin_file, "line %u: the file " PIN_PRIVATE_KEY_ADVICE, block->line);
    if (block->wrong != NULL)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, block->line, "key-pem", "the block \"%.*s\" %s", shown, label, block->wrong);
    if (!label_has(block->label, "CERTIFICATE") && !label_has(block->label, "PUBLIC KEY"))
        return pin_builder_remark(builder, PIN_REMARK_NOTE, block->line, "key-other", "a block \"%.*s\" is skipped: it has no pins", shown, label);
    TRY(pin_object_read(block->der, builder->arena, &object));
    if (object.kind == PIN_OBJECT_PRIVATE)
        return reason_set(reason, &fault_pin_file, "line %u: the file " PIN_PRIVATE_KEY_ADVICE, block->line);
    if (object.kind == PIN_OBJECT_UNKNOWN)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, block->line, "key-form",
                                  "the block \"%.*s\" is neither a certificate, nor a request, nor a public key (a PKCS #1 key becomes one by: openssl rsa "
                                  "-RSAPublicKey_in -in FILE -pubout)", shown, label);
    return add_set(builder, &object, block->line);
}

static bool has_pem(struct span bytes) {
    return bytes.size > 0 && memmem(bytes.bytes, bytes.size, "-----BEGIN ", 11) != NULL;
}

static result read_der(struct pin_builder *builder, struct span bytes, struct reason *reason) {
    struct pin_object object;
    TRY(pin_object_read(bytes, builder->arena, &object));
    if (object.kind == PIN_OBJECT_PRIVATE)
        return reason_set(reason, &fault_pin_file, "the file " PIN_PRIVATE_KEY_ADVICE);
    if (object.kind == PIN_OBJECT_UNKNOWN)
        return reason_set(reason, &fault_pin_file, "the file is neither PEM nor the DER of one certificate, request or public key (RFC 5280 4.1, RFC 2986 4)");
    return add_set(builder, &object, 0);
}

result pin_key_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct pem_reader reader = pem_reader_of(bytes);
    struct pem_block block;
    bool has_block = true;
    if (!has_pem(bytes))
        return read_der(&builder, bytes, reason);
    while (has_block) {
        TRY(pem_next(&reader, arena, &block, &has_block));
        if (has_block)
            TRY(take_block(&builder, &block, reason));
    }
    if (document->set_count == 0 && document->remark_count == 0)
        return reason_set(reason, &fault_pin_file, "the file has no whole line \"-----BEGIN …-----\", wanted a certificate, request or public key (RFC 7468)");
    return pin_builder_end(&builder);
}

bool pin_key_is_likely(struct span bytes) {
    struct cursor cursor = cursor_of(bytes);
    struct span content;
    return has_pem(bytes) || (der_take(&cursor, DER_SEQUENCE, &content) == OK && cursor_at_end(&cursor));
}
