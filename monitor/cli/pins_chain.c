#include "cli/pins_chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/memory.h"
#include "cli/read_file.h"
#include "formats/names.h"

#define CHAIN_FILE_MAX ((size_t) 4 * 1024 * 1024)

enum { CERTIFICATES_MAX = 1000, NAMES_MAX = 10000 };

FAULT(fault_pins_chain, FAULT_INPUT, "pins.chain", "chain", "", "it cannot be used", "certificates in PEM or DER, the leaf first");

static void bio_free_at(BIO **bio) {
    BIO_free(*bio);
}

/* ---- names */

struct names {
    struct arena *arena;
    const char **items;
    size_t count;
    bool is_short;
};

static void take_name(void *context, const struct name_reading *reading) {
    struct names *names = context;
    if (reading->type != NAME_DNS || reading->host.size == 0 || names->count == NAMES_MAX)
        return;
    for (size_t i = 0; i < names->count; i++)
        if (span_equal(span_of_text(names->items[i]), reading->host))
            return;
    const char *copy = arena_copy_span_as_text(names->arena, reading->host);
    names->is_short = names->is_short || copy == NULL;
    if (copy != NULL)
        names->items[names->count++] = copy;
}

static result look_at_leaf(struct arena *arena, struct pins_chain *chain, struct reason *reason) {
    struct certificate leaf;
    struct names names = {.arena = arena, .items = arena_take_array(arena, NAMES_MAX, sizeof *names.items)};
    if (names.items == NULL)
        return &fault_no_memory;
    if (certificate_parse(chain->certificates[0], &leaf) != OK)
        return reason_set(reason, &fault_pins_chain, "the first certificate cannot be read");
    result outcome = names_visit(&leaf, take_name, &names);
    if (names.is_short || outcome == &fault_no_memory)
        return &fault_no_memory;
    chain->names = names.items;
    chain->name_count = names.count;
    chain->not_before = leaf.has_not_before && leaf.has_not_after ? leaf.not_before : 0;
    chain->not_after = leaf.has_not_before && leaf.has_not_after ? leaf.not_after : 0;
    return OK;
}

result pins_chain_of(const struct span *certificates, size_t count, struct arena *arena, struct pins_chain *ret_chain, struct reason *reason) {
    *ret_chain = (struct pins_chain){.certificates = certificates, .count = count};
    for (size_t i = 0; i < count; i++) {
        struct certificate ignored;
        if (certificate_parse(certificates[i], &ignored) != OK)
            return reason_set(reason, &fault_pins_chain, "certificate %zu cannot be read", i + 1);
    }
    return look_at_leaf(arena, ret_chain, reason);
}

/* ---- files */

static result take_blocks(BIO *input, struct arena *arena, struct span *certificates, size_t *count) {
    char *kind = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long size = 0;
    while (*count < CERTIFICATES_MAX && PEM_read_bio(input, &kind, &header, &bytes, &size) == 1) {
        bool is_certificate = strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0 || strcmp(kind, PEM_STRING_X509_TRUSTED) == 0;
        uint8_t *copy = is_certificate && size > 0 ? arena_copy(arena, span_of(bytes, (size_t) size)) : NULL;
        if (copy != NULL)
            certificates[(*count)++] = span_of(copy, (size_t) size);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_free(bytes);
        if (is_certificate && copy == NULL)
            return &fault_no_memory;
    }
    ERR_clear_error();
    return OK;
}

static result take_certificates(struct span content, struct arena *arena, struct span *certificates, size_t *count) {
    struct certificate certificate;
    CLEANUP(bio_free_at) BIO *input = BIO_new_mem_buf(content.bytes, (int) content.size);
    if (input == NULL)
        return &fault_no_memory;
    TRY(take_blocks(input, arena, certificates, count));
    if (*count > 0 || certificate_parse(content, &certificate) != OK)
        return OK;
    uint8_t *copy = arena_copy(arena, certificate.whole);
    if (copy == NULL)
        return &fault_no_memory;
    certificates[(*count)++] = span_of(copy, certificate.whole.size);
    return OK;
}

result pins_chain_read(const char *path, struct arena *arena, struct pins_chain *ret_chain, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(CHAIN_FILE_MAX);
    struct span *certificates = arena_take_array(arena, CERTIFICATES_MAX, sizeof *certificates);
    struct reason why = {""};
    size_t count = 0;
    if (certificates == NULL)
        return &fault_no_memory;
    TRY(read_file(path, &content, reason));
    if (content.size > 0)
        TRY(take_certificates(buffer_span(&content), arena, certificates, &count));
    if (count == 0)
        return reason_set(reason, &fault_pins_chain, "%s: holds no certificate, wanted PEM or DER, the leaf first", path);
    result outcome = pins_chain_of(certificates, count, arena, ret_chain, &why);
    return outcome == &fault_pins_chain ? reason_set(reason, outcome, "%s: %s", path, why.text) : outcome;
}

/* ---- paths */

result pins_chain_for_lint(const struct pins_chain *chain, const char *source, int64_t now, struct arena *arena, struct pin_lint_chain *ret_chain) {
    struct certificate leaf;
    *ret_chain = (struct pin_lint_chain){.source = source, .names = chain->names, .name_count = chain->name_count, .not_before = chain->not_before, .not_after = chain->not_after};
    TRY(certificate_parse(chain->certificates[0], &leaf));
    for (unsigned store = 0; store < trust_store_count; store++) {
        struct trust_question question = {.leaf = leaf.whole, .leaf_spki = leaf.spki, .others = chain->certificates + 1, .other_count = chain->count - 1,
                                          .store = (enum trust_store) store, .now = now};
        TRY(trust_paths_find(&question, arena, &ret_chain->paths[store]));
    }
    return OK;
}
