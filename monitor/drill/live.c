#include "drill/live.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <unistd.h>

#include "base/digest.h"
#include "drill/folder.h"

#define LIVE_FILE_MAX ((size_t) 256 * 1024 * 1024) /* a drill's log is small; see generate for large ones */
#define CHECK_SIZE 8
#define SCT_LIMIT ((size_t) 2048)

struct live_entry {
    struct span leaf_input, extra_data; /* in `memory` */
    uint8_t *memory;
    struct hash identity; /* of what was logged, without time and index */
};

struct live {
    struct drill_log *log;
    int file;
    off_t file_size;
    struct live_entry *entries;
    size_t count, capacity;
};

/* ---- in memory ---- */

static bool parse_entry(struct span leaf_input, struct span extra_data, struct leaf *ret_leaf) {
    return leaf_parse(leaf_input, ret_leaf) == OK && leaf_add_extra_data(extra_data, ret_leaf) == OK;
}

static void identify(const struct leaf *leaf, struct hash *ret_identity) {
    const struct span parts[] = {leaf->certificate, leaf->issuer_key_hash, leaf->tbs};
    digest_of_parts(parts, 3, ret_identity);
}

static result remember(struct live *live, struct span leaf_input, struct span extra_data) {
    struct live_entry *entries = memory_grow(live->entries, live->count, &live->capacity, sizeof *entries);
    if (entries == NULL)
        return &fault_no_memory;
    live->entries = entries;
    AUTO_FREE uint8_t *memory = memory_new(leaf_input.size + extra_data.size);
    if (memory == NULL)
        return &fault_no_memory;
    memcpy(memory, leaf_input.bytes, leaf_input.size);
    memcpy(memory + leaf_input.size, extra_data.bytes, extra_data.size);
    struct live_entry entry = {.leaf_input = span_of(memory, leaf_input.size),
                               .extra_data = span_of(memory + leaf_input.size, extra_data.size)};
    struct leaf leaf;
    if (!parse_entry(entry.leaf_input, entry.extra_data, &leaf))
        return &fault_drill_folder;
    identify(&leaf, &entry.identity);
    struct hash hash;
    leaf_hash(&leaf, &hash);
    TRY(tree_append(&live->log->tree, &hash));
    entry.memory = TAKE(memory);
    live->entries[live->count++] = entry;
    live->log->published_size = tree_size(&live->log->tree);
    return OK;
}

/* ---- on disk ---- */

static bool add_record(struct buffer *out, struct span leaf_input, struct span extra_data) {
    struct hash hash;
    size_t payload_size = 3 + leaf_input.size + 3 + extra_data.size;
    if (!buffer_add_number(out, 4, payload_size) || !buffer_add_vector(out, 3, leaf_input) || !buffer_add_vector(out, 3, extra_data))
        return false;
    digest_of(span_of(out->bytes + out->size - payload_size, payload_size), &hash);
    return buffer_add(out, span_of(hash.bytes, CHECK_SIZE));
}

/* The next record, whole and with its check, or false: the file ends here. */
static bool next_record(struct cursor *records, struct span *ret_leaf_input, struct span *ret_extra_data) {
    struct cursor attempt = *records;
    struct span payload, check;
    struct hash hash;
    if (!cursor_vector(&attempt, 4, &payload) || !cursor_take(&attempt, CHECK_SIZE, &check))
        return false;
    digest_of(payload, &hash);
    struct cursor parts = cursor_of(payload);
    if (memcmp(hash.bytes, check.bytes, CHECK_SIZE) != 0 || !cursor_vector(&parts, 3, ret_leaf_input) ||
        !cursor_vector(&parts, 3, ret_extra_data) || !cursor_at_end(&parts))
        return false;
    *records = attempt;
    return true;
}

static result load(struct live *live, const char *folder, const char *name, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(LIVE_FILE_MAX);
    TRY(folder_read(folder, name, &bytes, reason));
    struct cursor records = cursor_of(buffer_span(&bytes));
    for (struct span leaf_input, extra_data; next_record(&records, &leaf_input, &extra_data);) {
        result outcome = remember(live, leaf_input, extra_data);
        if (outcome == &fault_no_memory)
            return reason_set(reason, outcome, "%s/%s: no memory for its entries", folder, name);
        if (outcome != OK)
            return reason_set(reason, outcome, "%s/%s: entry %zu is not a log entry", folder, name, live->count);
    }
    live->file_size = (off_t) records.position;
    if (records.position < bytes.size && ftruncate(live->file, live->file_size) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s/%s: cannot be cut: %s", folder, name, strerror(errno));
    return OK;
}

/* On any failure the file is cut back to what it was. */
static result append(struct live *live, struct span record, struct reason *reason) {
    ssize_t count = pwrite(live->file, record.bytes, record.size, live->file_size);
    bool is_written = count == (ssize_t) record.size && fdatasync(live->file) == 0;
    if (!is_written) {
        int why = count >= 0 && count < (ssize_t) record.size ? ENOSPC : errno;
        if (ftruncate(live->file, live->file_size) != 0)
            why = errno;
        return reason_set(reason, fault_of_errno(why, &fault_drill_folder), "%s.entries cannot be written: %s", live->log->name, strerror(why));
    }
    live->file_size += (off_t) record.size;
    return OK;
}

/* ---- what a log asks of its source ---- */

static bool add_entries(void *data, uint64_t begin, uint64_t end, struct evbuffer *out) {
    const struct live *live = data;
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(LIVE_FILE_MAX);
    for (uint64_t i = begin; i < end; i++)
        if ((i > begin && !buffer_add_text(&text, ",")) ||
            !entry_add_json(&text, live->entries[i].leaf_input, live->entries[i].extra_data))
            return false;
    return evbuffer_add(out, text.bytes, text.size) == 0;
}

static bool compress(struct span bytes, struct evbuffer *out) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    if (compressor == NULL)
        return false;
    size_t room = libdeflate_gzip_compress_bound(compressor, bytes.size);
    AUTO_FREE uint8_t *packed = memory_new(room);
    size_t size = packed == NULL ? 0 : libdeflate_gzip_compress(compressor, bytes.bytes, bytes.size, packed, room);
    libdeflate_free_compressor(compressor);
    return size > 0 && evbuffer_add(out, packed, size) == 0;
}

static bool add_data_tile(void *data, uint64_t number, unsigned width, struct evbuffer *out, bool *ret_is_gzip) {
    const struct live *live = data;
    CLEANUP(buffer_done) struct buffer tile = buffer_with_limit(LIVE_FILE_MAX);
    struct leaf leaf;
    for (uint64_t i = number * 256; i < number * 256 + width; i++)
        if (!parse_entry(live->entries[i].leaf_input, live->entries[i].extra_data, &leaf) || !leaf_add_tile_leaf(&tile, &leaf))
            return false;
    *ret_is_gzip = true;
    return compress(buffer_span(&tile), out);
}

static bool add_issuer(void *data, const struct hash *fingerprint, struct evbuffer *out) {
    const struct live *live = data;
    for (size_t i = 0; i < live->count; i++) {
        struct leaf leaf;
        if (!parse_entry(live->entries[i].leaf_input, live->entries[i].extra_data, &leaf))
            continue;
        struct cursor chain = cursor_of(leaf.chain);
        struct hash hash;
        for (struct span certificate; leaf_chain_next(&chain, &certificate);) {
            digest_of(certificate, &hash);
            if (hash_equal(&hash, fingerprint))
                return evbuffer_add(out, certificate.bytes, certificate.size) == 0;
        }
    }
    return true;
}

static bool read_entry(void *data, uint64_t index, struct buffer *ret_leaf_input, struct buffer *ret_extra_data) {
    const struct live *live = data;
    return buffer_add(ret_leaf_input, live->entries[index].leaf_input) &&
           buffer_add(ret_extra_data, live->entries[index].extra_data);
}

static const struct drill_source live_source = {add_entries, add_data_tile, add_issuer, read_entry};

/* ---- public ---- */

CLEANUP_OF_POINTER(struct live, live_free)

result live_open(struct drill_log *log, const char *folder, struct live **ret_live, struct reason *reason) {
    char name[64], path[FOLDER_PATH_SIZE];
    snprintf(name, sizeof name, "%s.entries", log->name);
    CLEANUP(live_free_at) struct live *live = memory_new(sizeof *live);
    if (live == NULL || !folder_path(path, folder, name))
        return &fault_no_memory;
    bool is_there;
    TRY(folder_look_for(folder, name, &is_there, reason));
    if (!is_there)
        TRY(folder_write(folder, name, span_of(NULL, 0), 0644, reason));
    live->log = log;
    live->file = open(path, O_RDWR | O_CLOEXEC);
    if (live->file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s: cannot be opened: %s", path, strerror(errno));
    TRY(load(live, folder, name, reason));
    log->source = &live_source;
    log->source_data = live;
    *ret_live = TAKE(live);
    return OK;
}

void live_free(struct live *live) {
    if (live == NULL)
        return;
    for (size_t i = 0; i < live->count; i++)
        memory_free(live->entries[i].memory);
    memory_free(live->entries);
    if (live->file > 0)
        close(live->file);
    memory_free(live);
}

static bool find_same(const struct live *live, const struct drill_entry *entry, uint64_t *ret_index) {
    struct hash identity;
    const struct span parts[] = {entry->certificate,
                                 span_of(entry->issuer_key_hash.bytes, entry->kind == ENTRY_PRECERTIFICATE ? HASH_SIZE : 0),
                                 entry->tbs};
    digest_of_parts(parts, 3, &identity);
    for (uint64_t i = 0; i < live->count; i++)
        if (hash_equal(&live->entries[i].identity, &identity)) {
            *ret_index = i;
            return true;
        }
    return false;
}

static result lack_of(const struct buffer *a, const struct buffer *b) {
    return buffer_check(a) == &fault_no_memory || buffer_check(b) == &fault_no_memory ? &fault_no_memory : &fault_drill_folder;
}

static result log_anew(struct live *live, const struct drill_entry *entry, struct span leaf_input, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer extra_data = buffer_with_limit(DRILL_ENTRY_SIZE_MAX);
    CLEANUP(buffer_done) struct buffer record = buffer_with_limit(4 * DRILL_ENTRY_SIZE_MAX);
    if (!entry_add_extra_data(&extra_data, entry) || !add_record(&record, leaf_input, buffer_span(&extra_data)))
        return reason_set(reason, lack_of(&extra_data, &record), "the entry is larger than %zu bytes, or there was no memory", DRILL_ENTRY_SIZE_MAX);
    off_t size_before = live->file_size;
    TRY(append(live, buffer_span(&record), reason));
    result outcome = remember(live, leaf_input, buffer_span(&extra_data));
    if (outcome != OK && ftruncate(live->file, size_before) == 0)
        live->file_size = size_before; /* what the tree does not hold must not come back after a restart */
    return outcome;
}

result live_add(struct live *live, struct drill_entry *entry, uint64_t now_ms, struct live_receipt *ret_receipt,
                struct reason *reason) {
    CLEANUP(buffer_done) struct buffer leaf_input = buffer_with_limit(DRILL_ENTRY_SIZE_MAX);
    uint64_t index = live->count;
    bool is_known = find_same(live, entry, &index);
    entry->has_leaf_index = live->log->is_static;
    entry->leaf_index = index;
    entry->timestamp_ms = now_ms;
    if (is_known) {
        struct leaf leaf;
        TRY(leaf_parse(live->entries[index].leaf_input, &leaf));
        entry->timestamp_ms = leaf.timestamp_ms;
    }
    if (!entry_add_leaf_input(&leaf_input, entry))
        return reason_set(reason, lack_of(&leaf_input, &leaf_input), "the entry is larger than %zu bytes, or there was no memory", DRILL_ENTRY_SIZE_MAX);
    if (!is_known)
        TRY(log_anew(live, entry, buffer_span(&leaf_input), reason));
    *ret_receipt = (struct live_receipt){.index = index, .timestamp_ms = entry->timestamp_ms, .sct = buffer_with_limit(SCT_LIMIT)};
    result outcome = drill_log_add_sct(live->log, entry, buffer_span(&leaf_input), &ret_receipt->sct);
    if (outcome != OK)
        buffer_done(&ret_receipt->sct);
    return outcome;
}
