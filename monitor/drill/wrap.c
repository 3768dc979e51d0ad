#include <dirent.h>
#include <errno.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "drill/folder.h"
#include "drill/generate.h"
#include "drill/pack.h"
#include "formats/tile_path.h"

#define TILE_MAX ((size_t) 64 * 1024 * 1024)
#define ENTRY_MAX ((size_t) 32 * 1024 * 1024)
#define ISSUER_MAX ((size_t) 64 * 1024)
#define NUMBER_MAX ((uint64_t) 1 << 32)

struct wrapping {
    const char *tiles_folder;
    struct pack_writer *writer;
    struct buffer tile, leaf_input, extra_data, chain;
};

static void wrapping_done(struct wrapping *wrapping) {
    pack_writer_free(wrapping->writer);
    buffer_done(&wrapping->tile);
    buffer_done(&wrapping->leaf_input);
    buffer_done(&wrapping->extra_data);
    buffer_done(&wrapping->chain);
}

static result inflate(struct span packed, struct buffer *out) {
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    uint8_t *place = buffer_reserve(out, TILE_MAX);
    size_t size = 0;
    bool is_good = inflater != NULL && place != NULL &&
                   libdeflate_gzip_decompress(inflater, packed.bytes, packed.size, place, TILE_MAX, &size) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(inflater);
    if (is_good)
        buffer_grew(out, size);
    return is_good ? OK : &fault_drill_folder;
}

/* The widest partial tile of that number, or 0. */
static result widest_partial(const struct wrapping *wrapping, uint64_t number, unsigned *ret_width, struct reason *reason) {
    char path[TILE_PATH_SIZE], folder[FOLDER_PATH_SIZE];
    unsigned widest = 0;
    tile_path_data(number, TILE_WIDTH, path);
    snprintf(folder, sizeof folder, "%s/%s.p", wrapping->tiles_folder, path);
    DIR *listing = opendir(folder);
    *ret_width = 0;
    if (listing == NULL)
        return errno == ENOENT ? OK : reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s: %s", folder, strerrordesc_np(errno));
    for (struct dirent *item; errno = 0, (item = readdir(listing)) != NULL;) {
        uint64_t width;
        if (text_to_number(span_of_text(item->d_name), TILE_WIDTH - 1, &width) == OK && width > widest)
            widest = (unsigned) width;
    }
    int why = errno;
    closedir(listing);
    if (why != 0)
        return reason_set(reason, fault_of_errno(why, &fault_drill_folder), "%s: %s", folder, strerrordesc_np(why));
    *ret_width = widest;
    return OK;
}

/* Reads a tile into wrapping->tile, inflated; width 0 when there is none. */
static result read_tile(struct wrapping *wrapping, uint64_t number, unsigned *ret_width, struct reason *reason) {
    char path[TILE_PATH_SIZE];
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(TILE_MAX);
    tile_path_data(number, TILE_WIDTH, path);
    bool is_full;
    TRY(folder_look_for(wrapping->tiles_folder, path, &is_full, reason));
    *ret_width = TILE_WIDTH;
    if (!is_full)
        TRY(widest_partial(wrapping, number, ret_width, reason));
    if (*ret_width == 0)
        return OK;
    tile_path_data(number, *ret_width, path);
    TRY(folder_read(wrapping->tiles_folder, path, &bytes, reason));
    buffer_reset(&wrapping->tile);
    if (bytes.size > 2 && bytes.bytes[0] == 0x1f && bytes.bytes[1] == 0x8b) {
        if (inflate(buffer_span(&bytes), &wrapping->tile) != OK)
            return reason_set(reason, &fault_drill_folder, "%s: broken gzip", path);
        return OK;
    }
    return buffer_add(&wrapping->tile, buffer_span(&bytes)) ? OK : &fault_no_memory;
}

/* The chain's certificates as far as the folder has them; a chain with a gap is left empty. */
static result read_chain(struct wrapping *wrapping, struct span fingerprints, struct reason *reason) {
    struct cursor list = cursor_of(fingerprints);
    struct hash fingerprint;
    buffer_reset(&wrapping->chain);
    while (cursor_copy(&list, HASH_SIZE, fingerprint.bytes)) {
        char path[TILE_PATH_SIZE];
        CLEANUP(buffer_done) struct buffer der = buffer_with_limit(ISSUER_MAX);
        tile_path_issuer(&fingerprint, path);
        bool is_there;
        TRY(folder_look_for(wrapping->tiles_folder, path, &is_there, reason));
        if (!is_there) {
            buffer_reset(&wrapping->chain);
            return OK;
        }
        TRY(folder_read(wrapping->tiles_folder, path, &der, reason));
        TRY(pack_writer_add_issuer(wrapping->writer, buffer_span(&der), reason));
        if (!buffer_add_vector(&wrapping->chain, 3, buffer_span(&der)))
            return &fault_no_memory;
    }
    return OK;
}

static result add_entry(struct wrapping *wrapping, const struct leaf *leaf, struct span tile_leaf, struct reason *reason) {
    TRY(read_chain(wrapping, leaf->chain_fingerprints, reason));
    buffer_reset(&wrapping->leaf_input);
    buffer_reset(&wrapping->extra_data);
    bool fits = buffer_add_number(&wrapping->leaf_input, 2, 0) && buffer_add(&wrapping->leaf_input, leaf->timestamped_entry) &&
                (leaf->kind == ENTRY_CERTIFICATE || buffer_add_vector(&wrapping->extra_data, 3, leaf->precertificate)) &&
                buffer_add_vector(&wrapping->extra_data, 3, buffer_span(&wrapping->chain));
    if (!fits)
        return reason_set(reason, &fault_limit_reached, "an entry is larger than %zu bytes", ENTRY_MAX);
    struct pack_entry entry = {buffer_span(&wrapping->leaf_input), buffer_span(&wrapping->extra_data), tile_leaf};
    return pack_writer_add(wrapping->writer, &entry, reason);
}

static result add_tile(struct wrapping *wrapping, uint64_t number, unsigned width, struct reason *reason) {
    struct cursor tile = cursor_of(buffer_span(&wrapping->tile));
    for (unsigned i = 0; i < width; i++) {
        struct leaf leaf;
        size_t begin = tile.position;
        if (leaf_next_in_tile(&tile, &leaf) != OK)
            return reason_set(reason, &fault_drill_folder, "data tile %llu: entry %u cannot be read", (unsigned long long) number, i);
        TRY(add_entry(wrapping, &leaf, span_of(tile.bytes + begin, tile.position - begin), reason));
    }
    if (!cursor_at_end(&tile))
        return reason_set(reason, &fault_drill_folder, "data tile %llu: bytes behind its %u entries", (unsigned long long) number, width);
    return OK;
}

result wrap_tiles(const char *tiles_folder, const char *folder, struct buffer *ret_summary, struct reason *reason) {
    CLEANUP(wrapping_done) struct wrapping wrapping = {.tiles_folder = tiles_folder,
                                                       .tile = buffer_with_limit(TILE_MAX),
                                                       .leaf_input = buffer_with_limit(ENTRY_MAX),
                                                       .extra_data = buffer_with_limit(ENTRY_MAX),
                                                       .chain = buffer_with_limit(ENTRY_MAX)};
    TRY(pack_writer_new(folder, &wrapping.writer, reason));
    unsigned width = TILE_WIDTH;
    for (uint64_t number = 0; width == TILE_WIDTH && number < NUMBER_MAX; number++) {
        TRY(read_tile(&wrapping, number, &width, reason));
        if (width > 0)
            TRY(add_tile(&wrapping, number, width, reason));
        else if (number == 0)
            return reason_set(reason, &fault_drill_folder, "%s: no data tiles", tiles_folder);
    }
    return pack_writer_finish(wrapping.writer, "wrap", ret_summary, reason);
}
