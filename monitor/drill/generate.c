#include "drill/generate.h"

#include <stdio.h>

#include "drill/keys.h"
#include "drill/made_up.h"
#include "drill/pack.h"

#define ENTRY_LIMIT ((size_t) 1024 * 1024)
#define FIRST_TIMESTAMP_MS ((uint64_t) 1780272000000) /* 2026-06-01 */
#define MILLISECONDS_PER_ENTRY 900

struct generation {
    struct made_up made_up;
    struct pack_writer *writer;
    struct buffer leaf_input, extra_data, tile_leaf;
};

static void generation_done(struct generation *generation) {
    made_up_done(&generation->made_up);
    pack_writer_free(generation->writer);
    buffer_done(&generation->leaf_input);
    buffer_done(&generation->extra_data);
    buffer_done(&generation->tile_leaf);
}

static result save_keys(const char *folder, uint64_t *random, struct reason *reason) {
    static const char *const names[PACK_LOGS] = {"rfc6962.key", "static.key"};
    for (size_t i = 0; i < PACK_LOGS; i++) {
        struct weak_signer *signer;
        CLEANUP(key_free_at) EVP_PKEY *key = NULL;
        TRY(weak_signer_new(random, &signer));
        result outcome = weak_signer_key(signer, &key);
        weak_signer_free(signer);
        TRY(outcome);
        TRY(key_save(folder, names[i], key, reason));
    }
    return OK;
}

static const char *watched_name(const struct generate_options *options, uint64_t index) {
    for (size_t i = 0; i < options->watch_count; i++)
        if (index % options->watches[i].every == 0)
            return options->watches[i].name;
    return NULL;
}

static result write_entry(struct generation *generation, const struct drill_entry *entry, struct reason *reason) {
    struct leaf leaf;
    buffer_reset(&generation->leaf_input);
    buffer_reset(&generation->extra_data);
    buffer_reset(&generation->tile_leaf);
    if (!entry_add_leaf_input(&generation->leaf_input, entry) || !entry_add_extra_data(&generation->extra_data, entry))
        return &fault_limit_reached;
    TRY(leaf_parse(buffer_span(&generation->leaf_input), &leaf));
    TRY(leaf_add_extra_data(buffer_span(&generation->extra_data), &leaf));
    if (!leaf_add_tile_leaf(&generation->tile_leaf, &leaf))
        return &fault_limit_reached;
    struct pack_entry packed = {buffer_span(&generation->leaf_input), buffer_span(&generation->extra_data),
                                buffer_span(&generation->tile_leaf)};
    return pack_writer_add(generation->writer, &packed, reason);
}

static result write_issuers(struct generation *generation, struct reason *reason) {
    for (size_t i = 0; i < MADE_UP_ROOTS; i++)
        TRY(pack_writer_add_issuer(generation->writer, buffer_span(&generation->made_up.roots[i].certificate), reason));
    for (size_t i = 0; i < MADE_UP_ISSUERS; i++)
        TRY(pack_writer_add_issuer(generation->writer, buffer_span(&generation->made_up.issuers[i].certificate), reason));
    return OK;
}

result generate_log(const struct generate_options *options, struct buffer *ret_summary, struct reason *reason) {
    CLEANUP(generation_done) struct generation generation = {.leaf_input = buffer_with_limit(ENTRY_LIMIT),
                                                             .extra_data = buffer_with_limit(ENTRY_LIMIT),
                                                             .tile_leaf = buffer_with_limit(ENTRY_LIMIT)};
    char made_by[64];
    TRY(made_up_init(&generation.made_up, options->seed));
    TRY(pack_writer_new(options->folder, &generation.writer, reason));
    TRY(save_keys(options->folder, &generation.made_up.random, reason));
    TRY(write_issuers(&generation, reason));
    for (uint64_t index = 0; index < options->entries; index++) {
        struct drill_entry entry;
        struct made_up_order order = {index, FIRST_TIMESTAMP_MS + index * MILLISECONDS_PER_ENTRY, watched_name(options, index)};
        TRY(made_up_entry(&generation.made_up, &order, &entry));
        TRY(write_entry(&generation, &entry, reason));
    }
    snprintf(made_by, sizeof made_by, "generate, seed %llu", (unsigned long long) options->seed);
    return pack_writer_finish(generation.writer, made_by, ret_summary, reason);
}
