#include "store/statement.h"

#include "base/cursor.h"
#include "base/text.h"

#define POSTGRES_EPOCH_MS 946684800000    /* 2000-01-01 */
#define TIME_MIN_MS (-62135596800000)     /* year 1 */
#define TIME_MAX_MS 253402300799000       /* year 9999 */

/* Type numbers are part of the wire protocol and never change (PostgreSQL's pg_type.dat). */
enum {
    OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT8 = 701, OID_BYTEA_ARRAY = 1001,
    OID_TEXT_ARRAY = 1009, OID_INT8_ARRAY = 1016, OID_TIMESTAMPTZ = 1184, OID_UUID = 2950, OID_JSONB = 3802,
};

void params_done(struct store_params *params) {
    for (int i = 0; i < params->count; i++)
        memory_free(params->owned[i]);
    params->count = 0;
}

static int params_next(struct store_params *params, Oid type, int format) {
    if (params->count >= PARAMS_MAX) {
        params->failed = true;
        return PARAMS_MAX - 1;
    }
    int at = params->count++;
    params->types[at] = type;
    params->formats[at] = format;
    params->values[at] = NULL;
    params->lengths[at] = 0;
    params->owned[at] = NULL;
    return at;
}

static void put_number(uint8_t *bytes, size_t width, uint64_t number) {
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t) (number >> (8 * (width - 1 - i)));
}

static void params_number(struct store_params *params, Oid type, size_t width, uint64_t number) {
    int at = params_next(params, type, 1);
    put_number(params->numbers[at], width, number);
    params->values[at] = (const char *) params->numbers[at];
    params->lengths[at] = (int) width;
}

void params_int8(struct store_params *params, int64_t number) {
    params_number(params, OID_INT8, 8, (uint64_t) number);
}

void params_int4(struct store_params *params, int32_t number) {
    params_number(params, OID_INT4, 4, (uint32_t) number);
}

void params_bool(struct store_params *params, bool value) {
    params_number(params, OID_BOOL, 1, value);
}

void params_time_ms(struct store_params *params, int64_t unix_ms) {
    int64_t ms = unix_ms < TIME_MIN_MS ? TIME_MIN_MS : unix_ms > TIME_MAX_MS ? TIME_MAX_MS : unix_ms;
    params_number(params, OID_TIMESTAMPTZ, 8, (uint64_t) ((ms - POSTGRES_EPOCH_MS) * 1000));
}

void params_text(struct store_params *params, const char *text) {
    params->values[params_next(params, OID_TEXT, 0)] = text;
}

void params_json(struct store_params *params, const char *text) {
    params->values[params_next(params, OID_JSONB, 0)] = text;
}

void params_bytes(struct store_params *params, struct span bytes) {
    int at = params_next(params, OID_BYTEA, 1);
    if (bytes.size > INT32_MAX) {
        params->failed = true;
        return;
    }
    params->values[at] = (const char *) bytes.bytes;
    params->lengths[at] = (int) bytes.size;
}

void params_hash(struct store_params *params, const struct hash *hash) {
    params_bytes(params, hash == NULL ? span_of(NULL, 0) : span_of(hash->bytes, HASH_SIZE));
}

void params_known_hash(struct store_params *params, const struct known_hash *hash) {
    params_hash(params, hash->is_known ? &hash->hash : NULL);
}

/* Array in PostgreSQL's binary form: dimensions, has nulls, element type, then length and lower bound, then the elements. */
static void params_array(struct store_params *params, Oid type, Oid element, const struct span *items, size_t count) {
    int at = params_next(params, type, 1);
    size_t size = 20;
    for (size_t i = 0; i < count; i++)
        size += 4 + items[i].size;
    uint8_t *bytes = size > INT32_MAX ? NULL : memory_new(size);
    if (bytes == NULL) {
        params->failed = true;
        return;
    }
    put_number(bytes, 4, count > 0);
    put_number(bytes + 4, 4, 1);
    put_number(bytes + 8, 4, element);
    size_t used = 12;
    if (count > 0) {
        put_number(bytes + 12, 4, count);
        put_number(bytes + 16, 4, 1);
        used = 20;
    }
    for (size_t i = 0; i < count; i++) {
        put_number(bytes + used, 4, items[i].bytes == NULL ? UINT32_MAX : items[i].size);
        used += 4;
        if (items[i].bytes != NULL && items[i].size > 0)
            memcpy(bytes + used, items[i].bytes, items[i].size);
        used += items[i].bytes == NULL ? 0 : items[i].size;
    }
    params->owned[at] = bytes;
    params->values[at] = (const char *) bytes;
    params->lengths[at] = (int) used;
}

void params_bytes_array(struct store_params *params, const struct span *items, size_t count) {
    params_array(params, OID_BYTEA_ARRAY, OID_BYTEA, items, count);
}

/* Room for an array's elements; NULL without memory, and then the parameter has failed. */
static struct span *array_room(struct store_params *params, Oid type, size_t count) {
    struct span *items = memory_new_array(count + 1, sizeof(*items));
    if (items == NULL) {
        params->failed = true;
        params_next(params, type, 1);
    }
    return items;
}

void params_hash_array(struct store_params *params, const struct hash *items, size_t count) {
    AUTO_FREE struct span *spans = array_room(params, OID_BYTEA_ARRAY, count);
    for (size_t i = 0; spans != NULL && i < count; i++)
        spans[i] = span_of(items[i].bytes, HASH_SIZE);
    if (spans != NULL)
        params_bytes_array(params, spans, count);
}

void params_text_array(struct store_params *params, const char *const *items, size_t count) {
    AUTO_FREE struct span *spans = array_room(params, OID_TEXT_ARRAY, count);
    for (size_t i = 0; spans != NULL && i < count; i++)
        spans[i] = span_of_text(items[i]);
    if (spans != NULL)
        params_array(params, OID_TEXT_ARRAY, OID_TEXT, spans, count);
}

void rows_done(struct store_rows *rows) {
    PQclear(rows->result);
    *rows = (struct store_rows){0};
}

static const struct column_kind {
    char letter;
    Oid type;
    int size; /* -1: any */
} column_kinds[] = {
    {'i', OID_INT8, 8},  {'n', OID_INT4, 4},   {'B', OID_BOOL, 1},   {'f', OID_FLOAT8, 8},
    {'t', OID_TEXT, -1}, {'b', OID_BYTEA, -1}, {'h', OID_BYTEA, 32}, {'j', OID_JSONB, -1},
    {'s', OID_TIMESTAMPTZ, 8}, {'u', OID_UUID, 16}, {'A', OID_BYTEA_ARRAY, -1}, {'I', OID_INT8_ARRAY, -1},
};

static const struct column_kind *column_kind(char letter) {
    for (size_t i = 0; i < sizeof(column_kinds) / sizeof(column_kinds[0]); i++)
        if (column_kinds[i].letter == letter)
            return &column_kinds[i];
    return NULL;
}

static bool value_fits(const PGresult *rows, int row, int column, const struct column_kind *kind, bool may_be_null) {
    if (PQgetisnull(rows, row, column))
        return may_be_null;
    int size = PQgetlength(rows, row, column);
    if (kind->letter == 'j')
        return size > 1 && PQgetvalue(rows, row, column)[0] == 1;
    return kind->size < 0 || size == kind->size;
}

static result column_check(struct store *store, const PGresult *rows, int column, const char *shape) {
    const struct column_kind *kind = column_kind(shape[0]);
    if (kind == NULL || PQftype(rows, column) != kind->type || PQfformat(rows, column) != 1)
        return store_fail(store, &fault_store_rows, "column \"%s\" of an answer has type %u, wanted '%c'",
                          PQfname(rows, column), PQftype(rows, column), shape[0]);
    for (int row = 0; row < PQntuples(rows); row++)
        if (!value_fits(rows, row, column, kind, shape[1] == '?'))
            return store_fail(store, &fault_store_rows, "column \"%s\" of an answer holds a null or a value of wrong size",
                              PQfname(rows, column));
    return OK;
}

static result rows_check(struct store *store, const PGresult *rows, const char *shape, enum rows_wanted wanted) {
    int columns = 0;
    for (const char *at = shape; *at != '\0'; at++)
        columns += *at != '?';
    if (columns != PQnfields(rows))
        return store_fail(store, &fault_store_rows, "an answer has %d columns, wanted %d", PQnfields(rows), columns);
    if (wanted == ROWS_ONE && PQntuples(rows) != 1)
        return store_fail(store, &fault_store_rows, "an answer has %d rows, wanted 1", PQntuples(rows));
    int column = 0;
    for (const char *at = shape; *at != '\0'; at++)
        if (*at != '?')
            TRY(column_check(store, rows, column++, at));
    return OK;
}

result store_rows_accept(struct store *store, PGresult *raw, const char *shape, enum rows_wanted wanted,
                         struct store_rows *ret_rows) {
    result outcome = rows_check(store, raw, shape, wanted);
    if (outcome != OK) {
        PQclear(raw);
        return outcome;
    }
    *ret_rows = (struct store_rows){.result = raw, .count = PQntuples(raw)};
    return OK;
}

bool rows_is_null(const struct store_rows *rows, int row, int column) {
    return PQgetisnull(rows->result, row, column);
}

static uint64_t rows_number(const struct store_rows *rows, int row, int column, size_t width) {
    if (rows_is_null(rows, row, column))
        return 0;
    const uint8_t *bytes = (const uint8_t *) PQgetvalue(rows->result, row, column);
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | bytes[i];
    return number;
}

int64_t rows_int8(const struct store_rows *rows, int row, int column) {
    return (int64_t) rows_number(rows, row, column, 8);
}

int32_t rows_int4(const struct store_rows *rows, int row, int column) {
    return (int32_t) rows_number(rows, row, column, 4);
}

bool rows_bool(const struct store_rows *rows, int row, int column) {
    return rows_number(rows, row, column, 1) != 0;
}

double rows_double(const struct store_rows *rows, int row, int column) {
    uint64_t bits = rows_number(rows, row, column, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

int64_t rows_time_ms(const struct store_rows *rows, int row, int column) {
    if (rows_is_null(rows, row, column))
        return 0;
    int64_t microseconds = rows_int8(rows, row, column);
    int64_t ms = microseconds / 1000 - (microseconds % 1000 < 0);
    return ms > TIME_MAX_MS ? TIME_MAX_MS : ms < TIME_MIN_MS - POSTGRES_EPOCH_MS ? TIME_MIN_MS : ms + POSTGRES_EPOCH_MS;
}

const char *rows_text(const struct store_rows *rows, int row, int column) {
    if (rows_is_null(rows, row, column))
        return "";
    /* jsonb comes after one byte of version, checked before. */
    return PQgetvalue(rows->result, row, column) + (PQftype(rows->result, column) == OID_JSONB);
}

struct span rows_bytes(const struct store_rows *rows, int row, int column) {
    if (rows_is_null(rows, row, column))
        return span_of(NULL, 0);
    return span_of(PQgetvalue(rows->result, row, column), (size_t) PQgetlength(rows->result, row, column));
}

struct known_hash rows_hash(const struct store_rows *rows, int row, int column) {
    struct known_hash hash = {.is_known = !rows_is_null(rows, row, column)};
    if (hash.is_known)
        memcpy(hash.hash.bytes, PQgetvalue(rows->result, row, column), HASH_SIZE);
    return hash;
}

void rows_uuid(const struct store_rows *rows, int row, int column, char ret_text[37]) {
    char hex[33] = "00000000000000000000000000000000";
    if (!rows_is_null(rows, row, column))
        text_of_hex(rows_bytes(rows, row, column), hex);
    size_t used = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            ret_text[used++] = '-';
        ret_text[used++] = hex[i];
    }
    ret_text[used] = '\0';
}

const char *take_text(struct row_taker *taker, int row, int column) {
    const char *copy = arena_copy_text(taker->arena, rows_text(taker->rows, row, column));
    taker->failed |= copy == NULL;
    return copy == NULL ? "" : copy;
}

struct span take_bytes(struct row_taker *taker, int row, int column) {
    struct span bytes = rows_bytes(taker->rows, row, column);
    if (bytes.size == 0)
        return span_of(NULL, 0);
    const uint8_t *copy = arena_copy(taker->arena, bytes);
    taker->failed |= copy == NULL;
    return span_of(copy, copy == NULL ? 0 : bytes.size);
}

/* Steps over an array's header; false for anything but one dimension of `element`. An empty array has count 0. */
static bool array_begin(struct cursor *cursor, Oid element, size_t *ret_count) {
    uint64_t dimensions = 0, flags, type, count = 0, bound;
    *ret_count = 0;
    if (!cursor_number(cursor, 4, &dimensions) || !cursor_number(cursor, 4, &flags) || !cursor_number(cursor, 4, &type))
        return false;
    if (dimensions == 0)
        return true;
    if (dimensions != 1 || type != element || !cursor_number(cursor, 4, &count) || !cursor_number(cursor, 4, &bound) ||
        count > cursor_remaining(cursor) / 4)
        return false;
    *ret_count = (size_t) count;
    return true;
}

/* Elements of one fixed size, copied one after the other. */
static const void *take_array(struct row_taker *taker, int row, int column, size_t element_size, size_t *ret_count) {
    *ret_count = 0;
    if (rows_is_null(taker->rows, row, column))
        return NULL;
    struct cursor cursor = cursor_of(rows_bytes(taker->rows, row, column));
    size_t count;
    bool is_hash = PQftype(taker->rows->result, column) == OID_BYTEA_ARRAY;
    if (!array_begin(&cursor, is_hash ? OID_BYTEA : OID_INT8, &count)) {
        taker->failed = true;
        return NULL;
    }
    uint8_t *elements = arena_take_array(taker->arena, count + 1, element_size);
    for (size_t i = 0; elements != NULL && i < count; i++) {
        uint64_t size;
        if (!cursor_number(&cursor, 4, &size) || size != element_size ||
            !cursor_copy(&cursor, element_size, elements + i * element_size))
            elements = NULL;
    }
    taker->failed |= elements == NULL;
    *ret_count = elements == NULL ? 0 : count;
    return elements;
}

const struct hash *take_hashes(struct row_taker *taker, int row, int column, size_t *ret_count) {
    return take_array(taker, row, column, HASH_SIZE, ret_count);
}

const int64_t *take_numbers(struct row_taker *taker, int row, int column, size_t *ret_count) {
    const uint8_t *bytes = take_array(taker, row, column, 8, ret_count);
    int64_t *numbers = arena_take_array(taker->arena, *ret_count + 1, sizeof(*numbers));
    taker->failed |= numbers == NULL;
    for (size_t i = 0; numbers != NULL && i < *ret_count; i++) {
        struct cursor cursor = cursor_of(span_of(bytes + 8 * i, 8));
        uint64_t number = 0;
        taker->failed |= !cursor_number(&cursor, 8, &number);
        numbers[i] = (int64_t) number;
    }
    return numbers;
}

const char *const *take_words(struct row_taker *taker, int row, int column, size_t *ret_count) {
    char *text = arena_copy_text(taker->arena, rows_text(taker->rows, row, column));
    size_t count = 0;
    taker->failed |= text == NULL;
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        count += at == text || at[-1] == ' ';
    const char **words = arena_take_array(taker->arena, count + 1, sizeof *words);
    taker->failed |= words == NULL;
    *ret_count = 0;
    for (char *at = text; !taker->failed && *ret_count < count; at++) {
        words[(*ret_count)++] = at;
        at += strcspn(at, " ");
        *at = '\0';
    }
    return words;
}

void *take_rows(struct row_taker *taker, size_t element_size) {
    void *rows = arena_take_array(taker->arena, (size_t) taker->rows->count + 1, element_size);
    taker->failed |= rows == NULL;
    return rows;
}
