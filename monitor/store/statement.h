/* Typed parameters and checked rows. Private to store/. */
#pragma once

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/memory.h"
#include "formats/entry_report.h"
#include "store/connection.h"

#define PARAMS_MAX 16

/* Spans and texts must outlive the call; everything else is copied. A failure (no memory) sticks and is reported by store_ask. */
struct store_params {
    int count;
    bool failed;
    Oid types[PARAMS_MAX];
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    uint8_t numbers[PARAMS_MAX][8];
    uint8_t *owned[PARAMS_MAX];
};

void params_done(struct store_params *params);
void params_int8(struct store_params *params, int64_t number);
void params_int4(struct store_params *params, int32_t number);
void params_bool(struct store_params *params, bool value);
void params_time_ms(struct store_params *params, int64_t unix_ms);
void params_text(struct store_params *params, const char *text);      /* NULL is null */
void params_json(struct store_params *params, const char *text);      /* jsonb; NULL is null */
void params_bytes(struct store_params *params, struct span bytes);    /* NULL bytes are null */
void params_hash(struct store_params *params, const struct hash *hash); /* NULL is null */
void params_known_hash(struct store_params *params, const struct known_hash *hash); /* unknown is null */
void params_bytes_array(struct store_params *params, const struct span *items, size_t count); /* NULL bytes are null */
void params_hash_array(struct store_params *params, const struct hash *items, size_t count);
void params_text_array(struct store_params *params, const char *const *items, size_t count);

/* Rows of one answer, checked in whole against their shape before anybody looks. */
struct store_rows {
    PGresult *result; /* owned */
    int count;
};
void rows_done(struct store_rows *rows);

enum rows_wanted { ROWS_ANY, ROWS_ONE };

/* One statement. `shape` has one letter per column: i int8, n int4, B boolean, f float8, t text, b bytea, h bytea of 32, j jsonb,
 * s timestamptz, u uuid, A bytea[], I int8[]; a following '?' allows null. "" is a statement whose rows nobody wants. */
MUST_CHECK result store_ask(struct store *store, const char *sql, const struct store_params *params, const char *shape,
                            enum rows_wanted wanted, struct store_rows *ret_rows);
/* Checks an answer; takes `raw` over, whatever comes out. */
MUST_CHECK result store_rows_accept(struct store *store, PGresult *raw, const char *shape, enum rows_wanted wanted,
                                    struct store_rows *ret_rows);
/* The same as store_ask without rows. */
MUST_CHECK result store_do(struct store *store, const char *sql, const struct store_params *params);
/* Sets the sentence of store_why and returns `fault`. */
result store_fail(struct store *store, result fault, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* store_why when memory or the arena ran out. */
result store_no_memory(struct store *store);
PGconn *store_raw(struct store *store);
/* How long the statements that follow may take, where they tell the server so themselves; 0: as long as usual. */
void store_be_patient(struct store *store, unsigned statement_ms);
/* Runs a script of several statements; only for schema steps and other texts of our own. */
MUST_CHECK result store_script(struct store *store, const char *sql);

/* Null gives 0, false, "" or an empty span. */
bool rows_is_null(const struct store_rows *rows, int row, int column);
int64_t rows_int8(const struct store_rows *rows, int row, int column);
int32_t rows_int4(const struct store_rows *rows, int row, int column);
bool rows_bool(const struct store_rows *rows, int row, int column);
double rows_double(const struct store_rows *rows, int row, int column);
int64_t rows_time_ms(const struct store_rows *rows, int row, int column);
const char *rows_text(const struct store_rows *rows, int row, int column); /* text and jsonb */
struct span rows_bytes(const struct store_rows *rows, int row, int column);
struct known_hash rows_hash(const struct store_rows *rows, int row, int column);
void rows_uuid(const struct store_rows *rows, int row, int column, char ret_text[37]);

/* Copies into an arena; running out sticks. */
struct row_taker {
    const struct store_rows *rows;
    struct arena *arena;
    bool failed;
};
const char *take_text(struct row_taker *taker, int row, int column);
struct span take_bytes(struct row_taker *taker, int row, int column);
/* Hashes of a bytea[] column; elements of another size make the taker fail. */
const struct hash *take_hashes(struct row_taker *taker, int row, int column, size_t *ret_count);
const int64_t *take_numbers(struct row_taker *taker, int row, int column, size_t *ret_count);
/* Names of a list that the statement joined with spaces: none of them holds one. */
const char *const *take_words(struct row_taker *taker, int row, int column, size_t *ret_count);
/* Zeroed room for one element per row; NULL (and failed) without memory. */
void *take_rows(struct row_taker *taker, size_t element_size);
