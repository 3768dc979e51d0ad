/* Rows as a database sends them, any bytes in any column: those of another shape are refused, the others read without harm; arrays and
 * frontiers are what they say.
 *
 * The input: for each column of the shape one byte (0: null), u16 length, the bytes.
 *
 * library: store
 * parser: store/statement.c
 * seeds: database-rows
 * leaves: params_done params_next put_number params_number params_int8 params_int4 params_bool params_time_ms params_text params_json params_bytes params_hash params_known_hash params_array params_bytes_array array_room params_hash_array params_text_array take_rows */
#include <libpq-fe.h>

#include "base/memory.h"
#include "fuzz/harness.h"
#include "rules/merkle.h"
#include "store/statement.h"

static const char shape[] = "i?n?B?f?t?b?h?j?s?u?A?I?";
enum { COLUMNS = 12 };

static PGresult *build(struct cursor *input) {
    static const Oid types[COLUMNS] = {20, 23, 16, 701, 25, 17, 17, 3802, 1184, 2950, 1001, 1016};
    static PGresAttDesc columns[COLUMNS];
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = (PGresAttDesc){.name = (char *) (uintptr_t) "column", .format = 1, .typid = types[i], .typlen = -1, .atttypmod = -1};
    require(rows != NULL && PQsetResultAttrs(rows, COLUMNS, columns) == 1);
    for (int i = 0; i < COLUMNS; i++) {
        struct span value = {0};
        bool is_null = next_choice(input) == 0 || !cursor_vector(input, 2, &value);
        require(PQsetvalue(rows, 0, i, is_null ? NULL : (char *) (uintptr_t) value.bytes, is_null ? -1 : (int) value.size) == 1);
    }
    return rows;
}

static void read_all(const struct store_rows *rows, struct arena *arena) {
    struct row_taker taker = {.rows = rows, .arena = arena};
    struct compact_range frontier;
    char uuid[37];
    size_t count;
    (void) rows_int8(rows, 0, 0);
    (void) rows_int4(rows, 0, 1);
    (void) rows_bool(rows, 0, 2);
    (void) rows_double(rows, 0, 3);
    require(strlen(rows_text(rows, 0, 4)) <= rows_bytes(rows, 0, 4).size);
    (void) take_text(&taker, 0, 7);
    require(take_bytes(&taker, 0, 5).size == rows_bytes(rows, 0, 5).size);
    const char *const *words = take_words(&taker, 0, 4, &count);
    for (size_t i = 0; i < count; i++)
        require(strchr(words[i], ' ') == NULL);
    (void) rows_hash(rows, 0, 6);
    int64_t ms = rows_time_ms(rows, 0, 8);
    require(ms > -((int64_t) 1 << 60) && ms < (int64_t) 1 << 60);
    rows_uuid(rows, 0, 9, uuid);
    require(strlen(uuid) == 36);
    const struct hash *hashes = take_hashes(&taker, 0, 10, &count);
    require(count == 0 || (hashes != NULL && count * HASH_SIZE <= rows_bytes(rows, 0, 10).size));
    (void) take_numbers(&taker, 0, 11, &count);
    require(count * 8 <= rows_bytes(rows, 0, 11).size);
    uint64_t size = (uint64_t) rows_int8(rows, 0, 0);
    if (compact_range_from_bytes(size, rows_bytes(rows, 0, 5), &frontier) == OK)
        require(frontier.end == size && frontier.count * HASH_SIZE == rows_bytes(rows, 0, 5).size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct store *store;
    struct cursor input = cursor_of(span_of(bytes, size));
    struct arena *arena = arena_new((size_t) 8 * 1024 * 1024);
    CLEANUP(rows_done) struct store_rows rows = {0};
    static const struct store_options options = {.application_name = "fuzz"};
    if (store == NULL)
        require(store_new("host=/nowhere", &options, &store) == OK);
    require(arena != NULL);
    if (store_rows_accept(store, build(&input), shape, ROWS_ONE, &rows) == OK)
        read_all(&rows, arena);
    else
        require(store_why(store)->text[0] != '\0');
    arena_free(arena);
    return 0;
}
