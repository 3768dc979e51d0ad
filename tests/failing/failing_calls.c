#include "failing_calls.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <idn2.h>
#include <libdeflate.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *const family_names[call_family_count] = {
    [CALL_MEMORY] = "memory", [CALL_CURL] = "curl", [CALL_EVENT] = "event", [CALL_OPENSSL] = "openssl",
    [CALL_FILE] = "file", [CALL_SOCKET] = "socket", [CALL_PROCESS] = "process", [CALL_POSTGRES] = "postgres",
    [CALL_INFLATE] = "inflate", [CALL_IDN] = "idn", [CALL_OUTPUT] = "output", [CALL_CLOCK] = "clock",
};

static struct {
    _Atomic uint64_t seen[call_family_count], failed[call_family_count];
    _Atomic int64_t live; /* blocks that were given out and are not yet released */
    uint64_t from[call_family_count], to[call_family_count]; /* these calls fail; 0: none */
    uint64_t seed, one_in;                                    /* one_in 0: none by seed */
    enum call_family seeded;                                  /* call_family_count: all */
    const char *report;
    const char *last; /* name of the function that failed last, where it is known */
} orders;

static _Thread_local bool is_inside; /* a call made by a real function, or by this file */

static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static bool is_chosen(enum call_family family, uint64_t n) {
    if (orders.from[family] != 0 && n >= orders.from[family] && n <= orders.to[family])
        return true;
    return orders.one_in != 0 && (orders.seeded == call_family_count || orders.seeded == family) &&
           mix(orders.seed ^ mix(n * call_family_count + family)) % orders.one_in == 0;
}

static bool fails(enum call_family family) {
    if (is_inside)
        return false;
    uint64_t n = atomic_fetch_add(&orders.seen[family], 1) + 1;
    if (!is_chosen(family, n))
        return false;
    atomic_fetch_add(&orders.failed[family], 1);
    return true;
}

void failing_calls_off(void) {
    memset(orders.from, 0, sizeof orders.from);
    orders.one_in = 0;
}

static void begin_again(void) {
    failing_calls_off();
    for (int i = 0; i < call_family_count; i++) {
        orders.seen[i] = 0;
        orders.failed[i] = 0;
    }
}

void failing_calls_at(enum call_family family, uint64_t n) {
    begin_again();
    orders.from[family] = n;
    orders.to[family] = n;
}

void failing_calls_seed(uint64_t seed, uint64_t one_in, enum call_family family) {
    begin_again();
    orders.seed = seed;
    orders.seeded = family;
    orders.one_in = one_in;
}

uint64_t failing_calls_seen(enum call_family family) {
    return orders.seen[family];
}

uint64_t failing_calls_failed(enum call_family family) {
    return orders.failed[family];
}

/* ---- orders from the environment, report at the end */

static enum call_family family_of(const char *name, size_t length) {
    for (int i = 0; i < call_family_count; i++)
        if (strlen(family_names[i]) == length && memcmp(name, family_names[i], length) == 0)
            return (enum call_family) i;
    fprintf(stderr, "failing calls: no family '%.*s'\n", (int) length, name);
    _exit(99);
}

static void read_orders(const char *text) {
    char *end;
    if (strncmp(text, "seed:", 5) == 0) {
        uint64_t seed = strtoull(text + 5, &end, 10), one_in = strtoull(end + 1, &end, 10);
        failing_calls_seed(seed, one_in, *end == ':' ? family_of(end + 1, strlen(end + 1)) : call_family_count);
        return;
    }
    const char *colon = strchr(text, ':');
    enum call_family family = family_of(text, colon == NULL ? strlen(text) : (size_t) (colon - text));
    uint64_t n = colon == NULL ? 0 : strtoull(colon + 1, &end, 10);
    failing_calls_at(family, n);
    if (colon != NULL && *end == '+')
        orders.to[family] = UINT64_MAX;
}

/* The exit handler is run before the sanitizers look for leaks. */
static void report(void) {
    char line[64 * (call_family_count + 1)];
    size_t size = 0;
    failing_calls_off();
    is_inside = true;
    for (int i = 0; i < call_family_count; i++)
        size += (size_t) snprintf(line + size, sizeof line - size, "%s %llu %llu\n", family_names[i],
                                  (unsigned long long) orders.seen[i], (unsigned long long) orders.failed[i]);
    if (orders.last != NULL)
        size += (size_t) snprintf(line + size, sizeof line - size, "last %s\n", orders.last);
    int file = open(orders.report, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, line, size) != (ssize_t) size)
        _exit(99);
    if (file >= 0)
        close(file);
    is_inside = false;
}

/* OpenSSL 3.0 itself dies where its tables of names get no memory (a lock that is NULL), so that what it allocates is left alone;
 * its functions fail in their own family. */
static void *spared_malloc(size_t size, const char *file, int line);
static void *spared_realloc(void *block, size_t size, const char *file, int line);
static void spared_free(void *block, const char *file, int line);

static void spare_openssl(void) {
    if (CRYPTO_set_mem_functions(spared_malloc, spared_realloc, spared_free) != 1)
        fputs("failing calls: OpenSSL has memory already\n", stderr);
}

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("PINWATCH_FAIL");
    orders.report = getenv("PINWATCH_FAIL_REPORT");
    if (orders.report != NULL && atexit(report) != 0)
        _exit(99);
    begin_again();
    spare_openssl();
    if (text != NULL)
        read_orders(text);
}

/* ---- memory: the allocator's own names, since looking them up would need memory */

#ifdef FAILING_SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

static void *no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

static void *counted(void *block) {
    orders.live += block != NULL;
    return block;
}

void *malloc(size_t size) {
    return fails(CALL_MEMORY) ? no_memory() : counted(REAL(malloc)(size));
}

void *calloc(size_t count, size_t size) {
    return fails(CALL_MEMORY) ? no_memory() : counted(REAL(calloc)(count, size));
}

void *realloc(void *block, size_t size) {
    if (fails(CALL_MEMORY))
        return no_memory();
    void *moved = REAL(realloc)(block, size);
    orders.live += block == NULL && moved != NULL;
    return moved;
}

void free(void *block) {
    orders.live -= block != NULL;
    REAL(free)(block);
}

int64_t failing_calls_live(void) {
#ifdef FAILING_SANITIZED
    return 0; /* its own strdup does not come by here; it looks for leaks itself */
#else
    return orders.live;
#endif
}

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

/* libcurl 7.88 too: it divides by the size of a table that it could not make. */
CURLcode curl_global_init(long flags) {
    return fails(CALL_CURL) ? CURLE_FAILED_INIT
                            : curl_global_init_mem(flags, plain_malloc, REAL(free), plain_realloc, plain_copy, plain_calloc);
}

/* ---- everything else: the next function of that name */

static void *next(const char *name) {
    bool was_inside = is_inside;
    is_inside = true;
    void *function = dlsym(RTLD_NEXT, name);
    is_inside = was_inside;
    if (function == NULL)
        abort();
    return function;
}

/* Defines a function that fails with `failure` (an expression, which may set errno) or calls the real one. */
#define STAND_BEFORE(family, type, name, parameters, arguments, failure) \
    type name parameters { \
        static type(*real) parameters; \
        if (fails(family)) { \
            orders.last = #name; \
            return failure; \
        } \
        if (real == NULL) { \
            void *found_ = next(#name); \
            memcpy(&real, &found_, sizeof real); \
        } \
        return real arguments; \
    }

#define WITH_ERRNO(code, value) (errno = (code), (value))

#define CURL_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_CURL, type, name, parameters, arguments, failure)
CURL_CALL(CURL *, curl_easy_init, (void), (), NULL)
CURL_CALL(CURLM *, curl_multi_init, (void), (), NULL)
CURL_CALL(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy), CURLM_OUT_OF_MEMORY)
CURL_CALL(CURLMcode, curl_multi_socket_action, (CURLM * multi, curl_socket_t file, int events, int *running),
          (multi, file, events, running), CURLM_INTERNAL_ERROR)
CURL_CALL(CURLMcode, curl_multi_assign, (CURLM * multi, curl_socket_t file, void *data), (multi, file, data), CURLM_BAD_SOCKET)
CURL_CALL(CURLcode, curl_easy_perform, (CURL * easy), (easy), CURLE_OUT_OF_MEMORY)
CURL_CALL(CURLU *, curl_url, (void), (), NULL)
CURL_CALL(CURLUcode, curl_url_set, (CURLU * url, CURLUPart part, const char *text, unsigned flags), (url, part, text, flags),
          CURLUE_OUT_OF_MEMORY)
CURL_CALL(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), (list, text), NULL)

/* Options take one argument that is at most a pointer or 64-bit number wide, passed as either. */
#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    static CURLcode (*real)(CURL *, CURLoption, ...);
    va_list list;
    va_start(list, option);
    void *value = va_arg(list, void *);
    va_end(list);
    if (fails(CALL_CURL))
        return CURLE_OUT_OF_MEMORY;
    if (real == NULL) {
        void *found = next("curl_easy_setopt");
        memcpy(&real, &found, sizeof real);
    }
    return real(easy, option, value);
}

#undef curl_multi_setopt
CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
    static CURLMcode (*real)(CURLM *, CURLMoption, ...);
    va_list list;
    va_start(list, option);
    void *value = va_arg(list, void *);
    va_end(list);
    if (fails(CALL_CURL))
        return CURLM_OUT_OF_MEMORY;
    if (real == NULL) {
        void *found = next("curl_multi_setopt");
        memcpy(&real, &found, sizeof real);
    }
    return real(multi, option, value);
}

#define EVENT_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_EVENT, type, name, parameters, arguments, failure)
EVENT_CALL(struct event_base *, event_base_new, (void), (), NULL)
EVENT_CALL(struct event *, event_new, (struct event_base * base, evutil_socket_t file, short what, event_callback_fn call, void *context),
           (base, file, what, call, context), NULL)
EVENT_CALL(int, event_add, (struct event * event, const struct timeval *delay), (event, delay), -1)
EVENT_CALL(int, event_base_loop, (struct event_base * base, int flags), (base, flags), -1)

#define OPENSSL_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OPENSSL, type, name, parameters, arguments, failure)
OPENSSL_CALL(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * context, const char *name, const char *query), (context, name, query), NULL)
OPENSSL_CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), (ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE), NULL)) /* by OpenSSL too */
OPENSSL_CALL(int, EVP_DigestVerifyInit_ex,
             (EVP_MD_CTX * digest, EVP_PKEY_CTX **key_context, const char *name, OSSL_LIB_CTX *context, const char *query, EVP_PKEY *key,
              const OSSL_PARAM settings[]),
             (digest, key_context, name, context, query, key, settings), 0)
OPENSSL_CALL(int, EVP_DigestVerify, (EVP_MD_CTX * digest, const unsigned char *signature, size_t size, const unsigned char *text, size_t length),
             (digest, signature, size, text, length), (ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE), -1))
OPENSSL_CALL(int, RAND_bytes, (unsigned char *bytes, int size), (bytes, size), 0)
OPENSSL_CALL(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *key, const unsigned char **bytes, long size), (key, bytes, size), NULL)
OPENSSL_CALL(X509 *, d2i_X509, (X509 * *certificate, const unsigned char **bytes, long size), (certificate, bytes, size), NULL)

#define FILE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_FILE, type, name, parameters, arguments, failure)
FILE_CALL(ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size), WITH_ERRNO(EIO, -1))
FILE_CALL(ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(ssize_t, pread, (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at), WITH_ERRNO(EIO, -1))
FILE_CALL(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, fsync, (int file), (file), WITH_ERRNO(EIO, -1))
FILE_CALL(int, ftruncate, (int file, off_t size), (file, size), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, rename, (const char *from, const char *to), (from, to), WITH_ERRNO(EIO, -1))
FILE_CALL(void *, mmap, (void *at, size_t size, int rights, int flags, int file, off_t offset), (at, size, rights, flags, file, offset),
          WITH_ERRNO(ENOMEM, MAP_FAILED))
FILE_CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), WITH_ERRNO(EMFILE, -1))
FILE_CALL(int, pipe2, (int ends[2], int flags), (ends, flags), WITH_ERRNO(EMFILE, -1))

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (fails(CALL_FILE))
        return WITH_ERRNO(EMFILE, -1);
    if (real == NULL) {
        void *found = next("open");
        memcpy(&real, &found, sizeof real);
    }
    return real(path, flags, mode);
}

int fcntl(int file, int command, ...) {
    static int (*real)(int, int, ...);
    va_list list;
    va_start(list, command);
    void *value = va_arg(list, void *);
    va_end(list);
    if (command != F_GETFD && fails(CALL_FILE))
        return WITH_ERRNO(EMFILE, -1);
    if (real == NULL) {
        void *found = next("fcntl");
        memcpy(&real, &found, sizeof real);
    }
    return real(file, command, value);
}

#define SOCKET_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_SOCKET, type, name, parameters, arguments, failure)
SOCKET_CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), WITH_ERRNO(EMFILE, -1))
SOCKET_CALL(int, connect, (int file, const struct sockaddr *address, socklen_t size), (file, address, size), WITH_ERRNO(ECONNREFUSED, -1))
SOCKET_CALL(ssize_t, recv, (int file, void *bytes, size_t size, int flags), (file, bytes, size, flags), WITH_ERRNO(ECONNRESET, -1))
SOCKET_CALL(ssize_t, send, (int file, const void *bytes, size_t size, int flags), (file, bytes, size, flags), WITH_ERRNO(ECONNRESET, -1))

STAND_BEFORE(CALL_PROCESS, pid_t, fork, (void), (), WITH_ERRNO(EAGAIN, -1))
STAND_BEFORE(CALL_PROCESS, int, posix_spawn,
             (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
              char *const arguments[], char *const environment[]),
             (pid, path, actions, attributes, arguments, environment), EAGAIN)

#define POSTGRES_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_POSTGRES, type, name, parameters, arguments, failure)
POSTGRES_CALL(PGconn *, PQconnectdbParams, (const char *const *words, const char *const *values, int expands), (words, values, expands), NULL)
POSTGRES_CALL(PGresult *, PQexec, (PGconn * connection, const char *text), (connection, text), NULL)
POSTGRES_CALL(PGresult *, PQexecParams,
              (PGconn * connection, const char *text, int count, const Oid *types, const char *const *values, const int *sizes,
               const int *formats, int format),
              (connection, text, count, types, values, sizes, formats, format), NULL)
POSTGRES_CALL(int, PQconsumeInput, (PGconn * connection), (connection), 0)
POSTGRES_CALL(PQconninfoOption *, PQconninfoParse, (const char *text, char **message), (text, message), (*message = NULL, NULL))
POSTGRES_CALL(char *, PQencryptPasswordConn, (PGconn * connection, const char *word, const char *user, const char *algorithm),
              (connection, word, user, algorithm), NULL)

#define INFLATE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_INFLATE, type, name, parameters, arguments, failure)
INFLATE_CALL(struct libdeflate_decompressor *, libdeflate_alloc_decompressor, (void), (), NULL)
INFLATE_CALL(enum libdeflate_result, libdeflate_gzip_decompress,
             (struct libdeflate_decompressor * how, const void *in, size_t in_size, void *out, size_t room, size_t *size),
             (how, in, in_size, out, room, size), LIBDEFLATE_INSUFFICIENT_SPACE)

STAND_BEFORE(CALL_IDN, int, idn2_lookup_u8, (const uint8_t *in, uint8_t **out, int flags), (in, out, flags), IDN2_MALLOC)
STAND_BEFORE(CALL_IDN, int, idn2_to_ascii_8z, (const char *in, char **out, int flags), (in, out, flags), IDN2_MALLOC)

#define OUTPUT_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OUTPUT, type, name, parameters, arguments, failure)
/* What ferror asks for in glibc: a stream remembers. */
#define STREAM_ERROR 0x20
#define WITH_STREAM(out, value) ((out) == NULL ? 0 : ((out)->_flags |= STREAM_ERROR), WITH_ERRNO(ENOSPC, value))
OUTPUT_CALL(size_t, fwrite, (const void *bytes, size_t size, size_t count, FILE *out), (bytes, size, count, out), WITH_STREAM(out, 0))
OUTPUT_CALL(int, fputs, (const char *text, FILE *out), (text, out), WITH_STREAM(out, EOF))
OUTPUT_CALL(int, fflush, (FILE * out), (out), WITH_STREAM(out, EOF))

/* Only for our own callers: libevent 2.1 does not look whether its clock answered, and then waits for ever. */
extern const char __executable_start, etext;

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    const char *caller = __builtin_return_address(0);
    if (caller >= &__executable_start && caller < &etext && fails(CALL_CLOCK)) {
        orders.last = "clock_gettime";
        return WITH_ERRNO(EINVAL, -1);
    }
    if (real == NULL) {
        void *found = next("clock_gettime");
        memcpy(&real, &found, sizeof real);
    }
    return real(clock, time);
}
