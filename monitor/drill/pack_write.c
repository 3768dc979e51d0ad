#include <errno.h>
#include <libdeflate.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/text.h"
#include "drill/folder.h"
#include "drill/pack.h"
#include "formats/tile_path.h"

#define COMPRESSION_LEVEL 6
#define STREAM_BUFFER_SIZE ((size_t) 1024 * 1024)
#define TILE_LIMIT ((size_t) 1024 * 1024 * 1024)
#define ENTRY_LIMIT ((size_t) 64 * 1024 * 1024)

enum stream { STREAM_ENTRIES, STREAM_OFFSETS, STREAM_LEAVES, stream_count };
static const char *const stream_names[stream_count] = {"entries.json", "entries.offsets", "leaves"};

struct pack_writer {
    char folder[FOLDER_PATH_SIZE];
    FILE *streams[stream_count];
    uint64_t written; /* bytes of entries.json */
    struct buffer json, tile, packed;
    struct tree tree;
    struct libdeflate_compressor *compressor;
};

static bool put(struct pack_writer *writer, enum stream stream, const void *bytes, size_t size) {
    return fwrite(bytes, 1, size, writer->streams[stream]) == size;
}

static result complain(struct reason *reason, const char *name) {
    return reason_set(reason, &fault_drill_folder, "%s cannot be written: %s", name, strerror(errno));
}

CLEANUP_OF_POINTER(struct pack_writer, pack_writer_free)

result pack_writer_new(const char *folder, struct pack_writer **ret_writer, struct reason *reason) {
    CLEANUP(pack_writer_free_at) struct pack_writer *writer = memory_new(sizeof *writer);
    if (writer == NULL || strlen(folder) >= sizeof writer->folder)
        return reason_set(reason, &fault_no_memory, "no memory");
    memcpy(writer->folder, folder, strlen(folder) + 1);
    writer->json = buffer_with_limit(ENTRY_LIMIT);
    writer->tile = buffer_with_limit(TILE_LIMIT);
    writer->packed = buffer_with_limit(TILE_LIMIT);
    writer->compressor = libdeflate_alloc_compressor(COMPRESSION_LEVEL);
    if (writer->compressor == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    TRY(folder_make_parents(folder, reason));
    TRY(folder_make(folder, 0755, reason));
    for (size_t i = 0; i < stream_count; i++) {
        char path[FOLDER_PATH_SIZE];
        writer->streams[i] = folder_path(path, folder, stream_names[i]) ? fopen(path, "wbe") : NULL;
        if (writer->streams[i] == NULL)
            return complain(reason, stream_names[i]);
        setvbuf(writer->streams[i], NULL, _IOFBF, STREAM_BUFFER_SIZE);
    }
    *ret_writer = TAKE(writer);
    return OK;
}

void pack_writer_free(struct pack_writer *writer) {
    if (writer == NULL)
        return;
    for (size_t i = 0; i < stream_count; i++)
        if (writer->streams[i] != NULL)
            fclose(writer->streams[i]);
    buffer_done(&writer->json);
    buffer_done(&writer->tile);
    buffer_done(&writer->packed);
    tree_done(&writer->tree);
    libdeflate_free_compressor(writer->compressor);
    memory_free(writer);
}

static result write_static(struct pack_writer *writer, const char *tile_path, struct span bytes, struct reason *reason) {
    char path[FOLDER_PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s/static/%s", writer->folder, tile_path);
    if (length < 0 || (size_t) length >= sizeof path)
        return reason_set(reason, &fault_drill_folder, "%s: path too long", tile_path);
    result outcome = folder_write_fast(path, bytes, reason);
    if (outcome == OK)
        return OK;
    TRY(folder_make_parents(path, reason)); /* the first of its folder */
    return folder_write_fast(path, bytes, reason);
}

static result write_data_tile(struct pack_writer *writer, uint64_t number, unsigned width, struct reason *reason) {
    char path[TILE_PATH_SIZE];
    tile_path_data(number, width, path);
    buffer_reset(&writer->packed);
    size_t room = libdeflate_gzip_compress_bound(writer->compressor, writer->tile.size);
    uint8_t *place = buffer_reserve(&writer->packed, room);
    if (writer->tile.failed || place == NULL)
        return reason_set(reason, &fault_limit_reached, "%s is larger than %zu bytes", path, TILE_LIMIT);
    size_t size = libdeflate_gzip_compress(writer->compressor, writer->tile.bytes, writer->tile.size, place, room);
    buffer_grew(&writer->packed, size);
    buffer_reset(&writer->tile);
    return write_static(writer, path, buffer_span(&writer->packed), reason);
}

result pack_writer_add(struct pack_writer *writer, const struct pack_entry *entry, struct reason *reason) {
    struct hash hash;
    uint64_t count = tree_size(&writer->tree);
    merkle_leaf_hash(entry->leaf_input, &hash);
    TRY(tree_append(&writer->tree, &hash));
    uint64_t offset = writer->written + (count == 0 ? 0 : 1);
    buffer_reset(&writer->json);
    if ((count > 0 && !buffer_add_text(&writer->json, ",")) || !entry_add_json(&writer->json, entry->leaf_input, entry->extra_data))
        return reason_set(reason, &fault_limit_reached, "entry %llu is too large", (unsigned long long) count);
    if (!put(writer, STREAM_ENTRIES, writer->json.bytes, writer->json.size) || !put(writer, STREAM_OFFSETS, &offset, sizeof offset) ||
        !put(writer, STREAM_LEAVES, hash.bytes, HASH_SIZE))
        return complain(reason, "the log");
    writer->written += writer->json.size;
    buffer_add(&writer->tile, entry->tile_leaf);
    return (count + 1) % TILE_WIDTH == 0 ? write_data_tile(writer, count / TILE_WIDTH, TILE_WIDTH, reason) : OK;
}

result pack_writer_add_issuer(struct pack_writer *writer, struct span der, struct reason *reason) {
    struct hash fingerprint;
    char path[TILE_PATH_SIZE];
    digest_of(der, &fingerprint);
    tile_path_issuer(&fingerprint, path);
    return write_static(writer, path, der, reason);
}

static result write_hash_tiles(struct pack_writer *writer, unsigned level, struct reason *reason) {
    char path[TILE_PATH_SIZE];
    const struct tree_level *nodes = &writer->tree.levels[8 * level];
    for (uint64_t begin = 0; begin < nodes->count; begin += TILE_WIDTH) {
        uint64_t left = nodes->count - begin;
        unsigned width = left < TILE_WIDTH ? (unsigned) left : TILE_WIDTH;
        tile_path_hashes(level, begin / TILE_WIDTH, width, path);
        TRY(write_static(writer, path, span_of(&nodes->hashes[begin], width * sizeof(struct hash)), reason));
    }
    return OK;
}

static result describe(struct pack_writer *writer, const char *made_by, struct buffer *out, struct reason *reason) {
    static const char *const names[PACK_LOGS] = {"rfc6962", "static"};
    struct hash root;
    char hex[HASH_HEX_SIZE];
    tree_root(&writer->tree, tree_size(&writer->tree), &root);
    hash_to_hex(&root, hex);
    buffer_printf(out, "{\"made_by\":\"%s\",\"entries\":%llu,\"root\":\"%s\"", made_by, (unsigned long long) tree_size(&writer->tree),
                  hex);
    for (size_t i = 0; i < PACK_LOGS; i++) {
        char file[32], log_id[HASH_BASE64_SIZE];
        CLEANUP(key_free_at) EVP_PKEY *key = NULL;
        struct spki spki;
        snprintf(file, sizeof file, "%s.key", names[i]);
        TRY(key_open(writer->folder, file, &key, reason));
        TRY(key_spki(key, &spki));
        hash_to_base64(&spki.sha256, log_id);
        buffer_printf(out, ",\n\"%s\":{\"log_id\":\"%s\",\"key\":\"", names[i], log_id);
        buffer_add_base64(out, span_of(spki.bytes, spki.size));
        buffer_add_text(out, "\"}");
    }
    return buffer_add_text(out, "}\n") ? OK : &fault_limit_reached;
}

result pack_writer_finish(struct pack_writer *writer, const char *made_by, struct buffer *ret_summary, struct reason *reason) {
    uint64_t count = tree_size(&writer->tree);
    if (count % TILE_WIDTH != 0)
        TRY(write_data_tile(writer, count / TILE_WIDTH, (unsigned) (count % TILE_WIDTH), reason));
    for (unsigned level = 0; 8 * level < TREE_LEVELS; level++)
        TRY(write_hash_tiles(writer, level, reason));
    uint64_t end = writer->written + 1; /* so that each object ends one before the next begins */
    if (!put(writer, STREAM_OFFSETS, &end, sizeof end))
        return complain(reason, "entries.offsets");
    for (size_t i = 0; i < stream_count; i++) {
        FILE *stream = TAKE(writer->streams[i]);
        if (fclose(stream) != 0)
            return complain(reason, stream_names[i]);
    }
    TRY(describe(writer, made_by, ret_summary, reason));
    return folder_write(writer->folder, "log.json", buffer_span(ret_summary), 0644, reason);
}
