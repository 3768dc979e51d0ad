#include "formats/android_binary.h"
#include "formats/android_chunk.h"

enum { PACKAGE = 0x0200, TYPE = 0x0201, SPARSE = 1, OFFSETS_OF_16_BITS = 2, COMPLEX = 1, COMPACT = 8, CHUNK_HEADER_SIZE = 8, TYPE_HEADER_SIZE = 20,
       REFERENCES_MAX = 8 };

struct table {
    struct span bytes;
    struct android_pool pool;
    bool has_pool;
    uint32_t resource;  /* looked for */
    uint32_t reference; /* another that it stands for; 0 */
    struct android_paths *paths;
    struct arena *arena;
    bool has_no_memory;
};

/* Entries of one type in one configuration. */
struct type_chunk {
    uint32_t flags, entry_count, start;
    struct span offsets; /* and what stands behind them */
    struct span whole;
    bool is_default;
};

static bool read_type(const struct android_chunk *chunk, uint32_t id, struct type_chunk *ret_type) {
    struct cursor cursor = cursor_of(chunk->header);
    uint32_t found, flags, reserved, count, start;
    if (!cursor_skip(&cursor, CHUNK_HEADER_SIZE) || !cursor_little(&cursor, 1, &found) || !cursor_little(&cursor, 1, &flags) ||
        !cursor_little(&cursor, 2, &reserved) || !cursor_little(&cursor, 4, &count) || !cursor_little(&cursor, 4, &start) || found != id)
        return false;
    *ret_type = (struct type_chunk){.flags = flags, .entry_count = count, .start = start, .offsets = chunk->body, .whole = chunk->whole, .is_default = true};
    for (size_t i = TYPE_HEADER_SIZE + 4; i < chunk->header.size; i++) /* behind the size of the configuration */
        ret_type->is_default &= chunk->header.bytes[i] == 0;
    return true;
}

static bool find_sparse(const struct type_chunk *type, uint32_t entry, uint32_t *ret_offset) {
    struct cursor cursor = cursor_of(type->offsets);
    for (uint32_t i = 0; i < type->entry_count; i++) {
        uint32_t number, offset;
        if (!cursor_little(&cursor, 2, &number) || !cursor_little(&cursor, 2, &offset))
            return false;
        *ret_offset = offset * 4;
        if (number == entry)
            return true;
    }
    return false;
}

static bool find_offset(const struct type_chunk *type, uint32_t entry, uint32_t *ret_offset) {
    struct cursor cursor = cursor_of(type->offsets);
    size_t width = (type->flags & OFFSETS_OF_16_BITS) != 0 ? 2 : 4;
    if ((type->flags & SPARSE) != 0)
        return find_sparse(type, entry, ret_offset);
    if (entry >= type->entry_count || !cursor_skip(&cursor, entry * width) || !cursor_little(&cursor, width, ret_offset))
        return false;
    if (*ret_offset == (width == 2 ? UINT16_MAX : UINT32_MAX))
        return false;
    *ret_offset *= width == 2 ? 4 : 1;
    return true;
}

static bool read_value(const struct type_chunk *type, uint32_t offset, struct android_value *ret_value) {
    struct cursor cursor = cursor_of(type->whole);
    uint32_t size, flags, data;
    if (!cursor_skip(&cursor, type->start) || !cursor_skip(&cursor, offset))
        return false;
    struct cursor value = cursor;
    if (!cursor_little(&cursor, 2, &size) || !cursor_little(&cursor, 2, &flags))
        return false;
    if ((flags & COMPACT) != 0) {
        if (!cursor_little(&cursor, 4, &data))
            return false;
        *ret_value = (struct android_value){.type = (uint8_t) (flags >> 8), .data = data};
        return true;
    }
    return (flags & COMPLEX) == 0 && cursor_skip(&value, size) && android_value_take(&value, ret_value);
}

static void keep_path(struct android_paths *paths, const char *path, bool is_default) {
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->paths[i], path) == 0)
            return;
    if (paths->count == ANDROID_PATHS_MAX)
        return;
    paths->paths[paths->count++] = path;
    if (is_default) {
        paths->paths[paths->count - 1] = paths->paths[0];
        paths->paths[0] = path;
    }
}

static void look_into_type(struct table *table, const struct android_chunk *chunk) {
    struct type_chunk type;
    struct android_value value;
    uint32_t offset;
    const char *path;
    if (!read_type(chunk, table->resource >> 16 & 0xff, &type) || !find_offset(&type, table->resource & 0xffff, &offset) ||
        !read_value(&type, offset, &value))
        return;
    if (value.type == ANDROID_VALUE_REFERENCE || value.type == ANDROID_VALUE_DYNAMIC_REFERENCE)
        table->reference = value.data;
    if (value.type != ANDROID_VALUE_STRING || !table->has_pool)
        return;
    if (!android_pool_text(&table->pool, value.data, table->arena, &path))
        table->has_no_memory = true;
    else if (path != NULL)
        keep_path(table->paths, path, type.is_default);
}

static void look_into_package(struct table *table, const struct android_chunk *package) {
    struct cursor header = cursor_of(package->header), body = cursor_of(package->body);
    struct android_chunk chunk;
    uint32_t id;
    if (!cursor_skip(&header, CHUNK_HEADER_SIZE) || !cursor_little(&header, 4, &id) || id != table->resource >> 24)
        return;
    while (body.position < body.size && android_chunk_take(&body, &chunk))
        if (chunk.type == TYPE)
            look_into_type(table, &chunk);
}

static bool look_into_table(struct table *table) {
    struct cursor cursor = cursor_of(table->bytes);
    struct android_chunk file, chunk;
    if (!android_chunk_take(&cursor, &file) || file.type != ANDROID_TABLE)
        return false;
    for (struct cursor body = cursor_of(file.body); body.position < body.size && android_chunk_take(&body, &chunk);) {
        if (chunk.type == ANDROID_STRING_POOL && !table->has_pool)
            table->has_pool = android_pool_of(&chunk, &table->pool);
        else if (chunk.type == PACKAGE)
            look_into_package(table, &chunk);
    }
    return true;
}

result android_resource_paths(struct span bytes, uint32_t resource, result fault, struct arena *arena, struct android_paths *ret_paths,
                              struct reason *reason) {
    struct table table = {.bytes = bytes, .paths = ret_paths, .reference = resource, .arena = arena};
    ret_paths->count = 0;
    for (size_t i = 0; i < REFERENCES_MAX && ret_paths->count == 0 && table.reference != 0; i++) {
        table.resource = table.reference;
        table.reference = 0;
        if (!look_into_table(&table))
            return reason_set(reason, fault, "resources.arsc is no table of resources");
        if (table.has_no_memory)
            return &fault_no_memory;
    }
    return OK;
}
