#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "drill/folder.h"
#include "drill/pack.h"
#include "formats/tile_path.h"

#define RENDER_LIMIT ((size_t) 64 * 1024 * 1024)
#define LEAF_INPUT_MARK "{\"leaf_input\":\""
#define EXTRA_DATA_MARK "\",\"extra_data\":\""

struct pack {
    char folder[FOLDER_PATH_SIZE];
    struct span entries, offsets, leaves; /* mapped */
    struct span *tiles;                   /* full data tiles, mapped at first use */
    uint64_t count;
};

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

static result map_file(const char *folder, const char *name, struct span *ret_bytes, struct reason *reason) {
    char path[FOLDER_PATH_SIZE];
    struct stat status;
    CLEANUP(close_at) int file = folder_path(path, folder, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0 || fstat(file, &status) != 0)
        return reason_set(reason, &fault_drill_folder, "%s/%s: cannot be opened: %s", folder, name, strerror(errno));
    *ret_bytes = span_of(NULL, 0);
    if (status.st_size == 0)
        return OK;
    void *bytes = mmap(NULL, (size_t) status.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED)
        return reason_set(reason, &fault_drill_folder, "%s/%s: cannot be mapped: %s", folder, name, strerror(errno));
    *ret_bytes = span_of(bytes, (size_t) status.st_size);
    return OK;
}

static void unmap(struct span bytes) {
    if (bytes.bytes != NULL)
        munmap((void *) (uintptr_t) bytes.bytes, bytes.size);
}

static uint64_t offset_of(const struct pack *pack, uint64_t index) {
    uint64_t offset;
    memcpy(&offset, pack->offsets.bytes + index * sizeof offset, sizeof offset);
    return offset;
}

CLEANUP_OF_POINTER(struct pack, pack_free)

result pack_open(const char *folder, struct pack **ret_pack, struct reason *reason) {
    CLEANUP(pack_free_at) struct pack *pack = memory_new(sizeof *pack);
    if (pack == NULL || strlen(folder) >= sizeof pack->folder)
        return reason_set(reason, &fault_no_memory, "no memory");
    memcpy(pack->folder, folder, strlen(folder) + 1);
    bool is_finished;
    TRY(folder_look_for(folder, "log.json", &is_finished, reason));
    if (!is_finished)
        return reason_set(reason, &fault_drill_folder, "%s: holds no finished log (log.json is missing)", folder);
    TRY(map_file(folder, "entries.json", &pack->entries, reason));
    TRY(map_file(folder, "entries.offsets", &pack->offsets, reason));
    TRY(map_file(folder, "leaves", &pack->leaves, reason));
    pack->count = pack->leaves.size / HASH_SIZE;
    if (pack->leaves.size % HASH_SIZE != 0 || pack->offsets.size != (pack->count + 1) * sizeof(uint64_t) ||
        offset_of(pack, pack->count) != pack->entries.size + 1)
        return reason_set(reason, &fault_drill_folder, "%s: entries, offsets and leaves do not belong together", folder);
    for (uint64_t i = 0; i < pack->count; i++)
        if (offset_of(pack, i) >= offset_of(pack, i + 1))
            return reason_set(reason, &fault_drill_folder, "%s: offset %llu is wrong", folder, (unsigned long long) i);
    pack->tiles = memory_new_array(pack->count / TILE_WIDTH + 1, sizeof *pack->tiles);
    if (pack->tiles == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    *ret_pack = TAKE(pack);
    return OK;
}

void pack_free(struct pack *pack) {
    if (pack == NULL)
        return;
    for (uint64_t i = 0; pack->tiles != NULL && i <= pack->count / TILE_WIDTH; i++)
        unmap(pack->tiles[i]);
    unmap(pack->entries);
    unmap(pack->offsets);
    unmap(pack->leaves);
    memory_free(pack->tiles);
    memory_free(pack);
}

uint64_t pack_count(const struct pack *pack) {
    return pack->count;
}

/* ---- source ---- */

static struct span json_of(const struct pack *pack, uint64_t begin, uint64_t end) {
    uint64_t first = offset_of(pack, begin), past = offset_of(pack, end) - 1;
    return span_of(pack->entries.bytes + first, past - first);
}

static bool add_entries(void *data, uint64_t begin, uint64_t end, struct evbuffer *out) {
    struct span json = json_of(data, begin, end);
    return evbuffer_add_reference(out, json.bytes, json.size, NULL, NULL) == 0;
}

static bool decode_until_quote(struct cursor *json, struct buffer *out) {
    struct span text;
    const uint8_t *quote = memchr(json->bytes + json->position, '"', cursor_remaining(json));
    if (quote == NULL || !cursor_take(json, (size_t) (quote - json->bytes) - json->position, &text))
        return false;
    size_t size = 0;
    uint8_t *place = buffer_reserve(out, text.size / 4 * 3 + 3);
    if (place == NULL || text_to_base64(text, place, &size) != OK)
        return false;
    buffer_grew(out, size);
    return true;
}

static bool read_entry(void *data, uint64_t index, struct buffer *ret_leaf_input, struct buffer *ret_extra_data) {
    struct cursor json = cursor_of(json_of(data, index, index + 1));
    return cursor_skip(&json, sizeof LEAF_INPUT_MARK - 1) && decode_until_quote(&json, ret_leaf_input) &&
           cursor_skip(&json, sizeof EXTRA_DATA_MARK - 1) && decode_until_quote(&json, ret_extra_data);
}

/* A partial tile of another width than the one on disk: its entries begin the tile that is there. */
static bool cut_tile(struct span packed, unsigned width, struct evbuffer *out) {
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    AUTO_FREE uint8_t *tile = memory_new(RENDER_LIMIT);
    size_t size = 0;
    bool is_good = inflater != NULL && tile != NULL &&
                   libdeflate_gzip_decompress(inflater, packed.bytes, packed.size, tile, RENDER_LIMIT, &size) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(inflater);
    struct cursor leaves = cursor_of(span_of(tile, size));
    struct leaf leaf;
    for (unsigned i = 0; i < width && is_good; i++)
        is_good = leaf_next_in_tile(&leaves, &leaf) == OK;
    return is_good && evbuffer_add(out, tile, leaves.position) == 0;
}

/* The data tile on disk: full, or the last one with as many entries as there are. */
static bool map_tile(struct pack *pack, uint64_t number, struct span *ret_packed) {
    struct span *mapped = &pack->tiles[number];
    uint64_t left = pack->count - number * TILE_WIDTH;
    char name[sizeof "static/" + TILE_PATH_SIZE], path[TILE_PATH_SIZE];
    struct reason reason;
    if (mapped->bytes == NULL) {
        tile_path_data(number, left < TILE_WIDTH ? (unsigned) left : TILE_WIDTH, path);
        snprintf(name, sizeof name, "static/%s", path);
        if (map_file(pack->folder, name, mapped, &reason) != OK)
            return false;
    }
    *ret_packed = *mapped;
    return mapped->bytes != NULL;
}

static bool add_data_tile(void *data, uint64_t number, unsigned width, struct evbuffer *out, bool *ret_is_gzip) {
    struct pack *pack = data;
    struct span packed;
    if (!map_tile(pack, number, &packed))
        return false;
    uint64_t left = pack->count - number * TILE_WIDTH;
    *ret_is_gzip = width == (left < TILE_WIDTH ? left : TILE_WIDTH);
    if (!*ret_is_gzip)
        return cut_tile(packed, width, out);
    return evbuffer_add_reference(out, packed.bytes, packed.size, NULL, NULL) == 0;
}

static bool add_issuer(void *data, const struct hash *fingerprint, struct evbuffer *out) {
    const struct pack *pack = data;
    char name[sizeof "static/" + TILE_PATH_SIZE], path[TILE_PATH_SIZE];
    struct reason reason;
    CLEANUP(buffer_done) struct buffer der = buffer_with_limit(RENDER_LIMIT);
    tile_path_issuer(fingerprint, path);
    snprintf(name, sizeof name, "static/%s", path);
    bool is_there;
    if (folder_look_for(pack->folder, name, &is_there, &reason) != OK)
        return false;
    return !is_there || (folder_read(pack->folder, name, &der, &reason) == OK && evbuffer_add(out, der.bytes, der.size) == 0);
}

static const struct drill_source pack_source = {add_entries, add_data_tile, add_issuer, read_entry};

result pack_attach(struct pack *pack, struct drill_log *log, uint64_t size) {
    for (uint64_t i = 0; i < size && i < pack->count; i++) {
        struct hash hash;
        memcpy(hash.bytes, pack->leaves.bytes + i * HASH_SIZE, HASH_SIZE);
        TRY(tree_append(&log->tree, &hash));
    }
    log->published_size = tree_size(&log->tree);
    log->source = &pack_source;
    log->source_data = pack;
    return OK;
}
