/* Memory that is not there: for the program, and for the libraries that allocate through it. */
#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "failing/calls/calls.h"

/* The allocator's own names, since looking them up would need memory. */
#ifdef FAILING_SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

static _Atomic int64_t live; /* blocks that were given out and are not yet released */
static _Thread_local bool is_next_refused;

static void *no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

static void *counted(void *block) {
    live += block != NULL;
    return block;
}

void *malloc(size_t size) {
    return is_next_refused || call_fails(CALL_MEMORY) ? no_memory() : counted(REAL(malloc)(size));
}

void *calloc(size_t count, size_t size) {
    return call_fails(CALL_MEMORY) ? no_memory() : counted(REAL(calloc)(count, size));
}

void *realloc(void *block, size_t size) {
    if (call_fails(CALL_MEMORY))
        return no_memory();
    void *moved = REAL(realloc)(block, size);
    live += block == NULL && moved != NULL;
    return moved;
}

void free(void *block) {
    live -= block != NULL;
    REAL(free)(block);
}

int64_t failing_calls_live(void) {
#ifdef FAILING_SANITIZED
    return 0; /* its own strdup does not come by here; it looks for leaks itself */
#else
    return live;
#endif
}

/* OpenSSL 3.0 itself dies where its tables of names get no memory (a lock that is NULL), so that what it allocates is left alone;
 * its functions fail in their own family. */
static void *spared_malloc(size_t size, const char *file, int line) {
    (void) file;
    (void) line;
    return REAL(malloc)(size);
}

static void *spared_realloc(void *block, size_t size, const char *file, int line) {
    (void) file;
    (void) line;
    return REAL(realloc)(block, size);
}

static void spared_free(void *block, const char *file, int line) {
    (void) file;
    (void) line;
    REAL(free)(block);
}

/* What the program gives OpenSSL counts refusals; it is asked, and refused, when one of OpenSSL's functions is made to fail. */
static CRYPTO_malloc_fn memory_of_openssl;

void openssl_spare(void) {
    if (CRYPTO_set_mem_functions(spared_malloc, spared_realloc, spared_free) != 1)
        fputs("failing calls: OpenSSL has memory already\n", stderr);
}

void openssl_refuse(void) {
    if (memory_of_openssl == NULL)
        return;
    is_next_refused = true;
    (void) memory_of_openssl(1, "", 0);
    is_next_refused = false;
}

int CRYPTO_set_mem_functions(CRYPTO_malloc_fn take, CRYPTO_realloc_fn resize, CRYPTO_free_fn give) {
    static int (*real)(CRYPTO_malloc_fn, CRYPTO_realloc_fn, CRYPTO_free_fn);
    FIND_REAL(CRYPTO_set_mem_functions)
    if (take != spared_malloc)
        memory_of_openssl = take;
    (void) resize;
    (void) give;
    return real(spared_malloc, spared_realloc, spared_free);
}

/* Jansson's memory is asked for through what the program gives it, which counts; so that is made to fail, not passed by. */
static json_malloc_t json_memory;

static void *memory_of_json(size_t size) {
    is_next_refused = call_fails_as(CALL_JSON, "json-memory");
    void *block = json_memory(size);
    is_next_refused = false;
    return block;
}

void json_set_alloc_funcs(json_malloc_t take, json_free_t give) {
    static void (*real)(json_malloc_t, json_free_t);
    FIND_REAL(json_set_alloc_funcs)
    json_memory = take;
    real(memory_of_json, give);
}

static void *plain_malloc(size_t size) {
    return REAL(malloc)(size);
}

static void *plain_calloc(size_t count, size_t size) {
    return REAL(calloc)(count, size);
}

static void *plain_realloc(void *block, size_t size) {
    return REAL(realloc)(block, size);
}

static char *plain_copy(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = REAL(malloc)(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* libevent 2.1.12 as an HTTP server, which only the drill uses: it frees a request that it could not make. */
struct event_base *event_base_new(void) {
    static struct event_base *(*real)(void);
    if (call_fails_as(CALL_EVENT, "event_base_new"))
        return NULL;
    if (real == NULL && strcmp(program_invocation_short_name, "pinwatch-drill") == 0)
        event_set_mem_functions(plain_malloc, plain_realloc, REAL(free));
    FIND_REAL(event_base_new)
    return real();
}

/* libcurl 7.88 too: it divides by the size of a table that it could not make. */
CURLcode curl_global_init(long flags) {
    return call_fails(CALL_CURL) ? CURLE_FAILED_INIT
                                 : curl_global_init_mem(flags, plain_malloc, REAL(free), plain_realloc, plain_copy, plain_calloc);
}
