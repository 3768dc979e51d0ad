#include "failing_calls.h"

#include <ares.h>
#include <curl/curl.h>
#include <cyaml/cyaml.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <idn2.h>
#include <jansson.h>
#include <libdeflate.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <yaml.h>

static const char *const family_names[call_family_count] = {
    [CALL_MEMORY] = "memory", [CALL_CURL] = "curl", [CALL_EVENT] = "event", [CALL_OPENSSL] = "openssl",
    [CALL_FILE] = "file", [CALL_SOCKET] = "socket", [CALL_PROCESS] = "process", [CALL_POSTGRES] = "postgres",
    [CALL_INFLATE] = "inflate", [CALL_IDN] = "idn", [CALL_OUTPUT] = "output", [CALL_CLOCK] = "clock",
    [CALL_RANDOM] = "random", [CALL_YAML] = "yaml", [CALL_JSON] = "json", [CALL_RESOLVER] = "resolver",
};

/* Shared by all processes that run in one folder, so that a killed one has counted too. */
struct tally {
    _Atomic uint64_t seen[call_family_count], failed[call_family_count];
    _Atomic uint64_t starts; /* of processes */
    _Atomic uint64_t next;   /* in names */
    char names[512][56];   /* what failed last: program, function */
};

/* The file "orders". */
struct common {
    volatile char gate; /* '+': calls may fail */
    char unused[127];
    volatile uint64_t seed, one_in, family, programs; /* an order for all that run: one_in 0 for none, bits of `names` below */
    char lines[2048];   /* "PROGRAM ORDER\n" for those that start */
};

static const char *const program_names[] = {"pinwatch", "pinwatch-monitor", "pinwatch-reader", "pinwatch-alerts", "pinwatch-drill"};

static struct {
    struct tally *tally;         /* NULL: not counted in common */
    const struct common *common; /* NULL: no orders in common */
    uint64_t salt, programs;     /* of this process: what makes its failures its own, its bit */
    char program[40];
    _Atomic uint64_t seen[call_family_count], failed[call_family_count];
    _Atomic int64_t live; /* blocks that were given out and are not yet released */
    uint64_t from[call_family_count], to[call_family_count]; /* these calls fail; 0: none */
    bool is_once;                                             /* in one process of the folder alone */
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
        return !orders.is_once || orders.tally == NULL || orders.tally->failed[family] == 0;
    const struct common *common = orders.common;
    if (common != NULL && common->one_in != 0 && (common->programs & orders.programs) != 0 &&
        (common->family == call_family_count || common->family == family) &&
        mix(common->seed ^ orders.salt ^ mix(n * call_family_count + family)) % common->one_in == 0)
        return true;
    return orders.one_in != 0 && (orders.seeded == call_family_count || orders.seeded == family) &&
           mix(orders.seed ^ mix(n * call_family_count + family)) % orders.one_in == 0;
}

static void add_name(struct tally *tally, const char *function) {
    char *place = tally->names[atomic_fetch_add(&tally->next, 1) % (sizeof tally->names / sizeof tally->names[0])];
    size_t size = strnlen(orders.program, 31);
    memcpy(place, orders.program, size);
    place[size] = ' ';
    size_t rest = strnlen(function, sizeof tally->names[0] - size - 2);
    memcpy(place + size + 1, function, rest);
    place[size + 1 + rest] = '\0';
}

static bool fails_as(enum call_family family, const char *function) {
    if (is_inside || (orders.common != NULL && orders.common->gate != '+'))
        return false;
    uint64_t n = atomic_fetch_add(&orders.seen[family], 1) + 1;
    if (orders.tally != NULL)
        atomic_fetch_add(&orders.tally->seen[family], 1);
    if (!is_chosen(family, n))
        return false;
    atomic_fetch_add(&orders.failed[family], 1);
    orders.last = function;
    if (orders.tally != NULL) {
        atomic_fetch_add(&orders.tally->failed[family], 1);
        add_name(orders.tally, function);
    }
    return true;
}

static bool fails(enum call_family family) {
    return fails_as(family, family_names[family]);
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
        failing_calls_seed(seed ^ orders.salt, one_in, *end == ':' ? family_of(end + 1, strcspn(end + 1, "\n")) : call_family_count);
        return;
    }
    const char *colon = strchr(text, ':');
    enum call_family family = family_of(text, colon == NULL ? strlen(text) : (size_t) (colon - text));
    uint64_t n = colon == NULL ? 0 : strtoull(colon + 1, &end, 10);
    failing_calls_at(family, n);
    if (colon != NULL && *end == '+')
        orders.to[family] = UINT64_MAX;
    orders.is_once = colon != NULL && *end == '!';
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

/* What the program gives OpenSSL counts refusals; it is asked, and refused, when one of OpenSSL's functions is made to fail. */
static CRYPTO_malloc_fn memory_of_openssl;

static void spare_openssl(void) {
    if (CRYPTO_set_mem_functions(spared_malloc, spared_realloc, spared_free) != 1)
        fputs("failing calls: OpenSSL has memory already\n", stderr);
}

/* The order for this program in the common ones. */
static const char *find_order(const char *lines) {
    size_t size = strlen(orders.program);
    for (const char *line = lines; line != NULL && *line != '\0'; line = strchr(line, '\n'), line = line == NULL ? NULL : line + 1)
        if (strncmp(line, orders.program, size) == 0 && line[size] == ' ')
            return line + 1 + size;
    return NULL;
}

static void *map_beside(const char *name, size_t size, int rights) {
    char path[4200];
    ssize_t length = readlink("/proc/self/exe", path, 4096);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(orders.program, sizeof orders.program, "%s", slash + 1);
    strcpy(slash + 1, name);
    int file = open(path, (rights & PROT_WRITE) != 0 ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    void *bytes = mmap(NULL, size, rights, MAP_SHARED, file, 0);
    close(file);
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* A folder with a file "orders" is one whole service that fails; "tally" counts. */
static const char *take_common_orders(void) {
    is_inside = true;
    orders.common = map_beside("orders", sizeof *orders.common, PROT_READ);
    orders.tally = map_beside("tally", sizeof *orders.tally, PROT_READ | PROT_WRITE);
    is_inside = false;
    for (size_t i = 0; i < sizeof program_names / sizeof program_names[0]; i++)
        if (strcmp(orders.program, program_names[i]) == 0)
            orders.programs = 1u << i;
    if (orders.tally != NULL) /* or each start would fail at the same place */
        orders.salt = mix(atomic_fetch_add(&orders.tally->starts, 1));
    return orders.common == NULL ? NULL : find_order(orders.common->lines);
}

__attribute__((constructor)) static void start(void) {
    const char *common = take_common_orders(), *text = getenv("PINWATCH_FAIL");
    orders.report = getenv("PINWATCH_FAIL_REPORT");
    if (text != NULL) /* alone: counted in common, but not held back */
        orders.common = NULL;
    else
        text = common;
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

static _Thread_local bool is_next_refused;

void *malloc(size_t size) {
    return is_next_refused || fails(CALL_MEMORY) ? no_memory() : counted(REAL(malloc)(size));
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

/* Jansson's memory is asked for through what the program gives it, which counts; so that is made to fail, not passed by. */
static json_malloc_t json_memory;

static void *memory_of_json(size_t size) {
    is_next_refused = fails_as(CALL_JSON, "json-memory");
    void *block = json_memory(size);
    is_next_refused = false;
    return block;
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
        if (fails_as(family, #name)) \
            return failure; \
        if (real == NULL) { \
            void *found_ = next(#name); \
            memcpy(&real, &found_, sizeof real); \
        } \
        return real arguments; \
    }

#define WITH_ERRNO(code, value) (errno = (code), (value))

void json_set_alloc_funcs(json_malloc_t take, json_free_t give) {
    static void (*real)(json_malloc_t, json_free_t);
    if (real == NULL) {
        void *found = next("json_set_alloc_funcs");
        memcpy(&real, &found, sizeof real);
    }
    json_memory = take;
    real(memory_of_json, give);
}

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

/* One whose time is set already needs no memory. */
int event_add(struct event *event, const struct timeval *delay) {
    static int (*real)(struct event *, const struct timeval *);
    bool is_set = delay != NULL && event_pending(event, EV_TIMEOUT, NULL) != 0;
    if (!is_set && fails_as(CALL_EVENT, "event_add"))
        return -1;
    if (real == NULL) {
        void *found = next("event_add");
        memcpy(&real, &found, sizeof real);
    }
    return real(event, delay);
}

EVENT_CALL(int, event_base_loop, (struct event_base * base, int flags), (base, flags), -1)
EVENT_CALL(struct bufferevent *, bufferevent_socket_new, (struct event_base * base, evutil_socket_t file, int options), (base, file, options), NULL)
EVENT_CALL(int, bufferevent_write, (struct bufferevent * to, const void *bytes, size_t size), (to, bytes, size), -1)
EVENT_CALL(struct evbuffer *, evbuffer_new, (void), (), NULL)
EVENT_CALL(int, evbuffer_add, (struct evbuffer * to, const void *bytes, size_t size), (to, bytes, size), -1)

#define NO_MEMORY_IN(library, value) (refuse_openssl(), (value)) /* some functions lose the error; all leave the refusal */
static void refuse_openssl(void) {
    if (memory_of_openssl == NULL)
        return;
    is_next_refused = true;
    (void) memory_of_openssl(1, "", 0);
    is_next_refused = false;
}

int CRYPTO_set_mem_functions(CRYPTO_malloc_fn take, CRYPTO_realloc_fn resize, CRYPTO_free_fn give) {
    static int (*real)(CRYPTO_malloc_fn, CRYPTO_realloc_fn, CRYPTO_free_fn);
    if (real == NULL) {
        void *found = next("CRYPTO_set_mem_functions");
        memcpy(&real, &found, sizeof real);
    }
    if (take != spared_malloc)
        memory_of_openssl = take;
    (void) resize;
    (void) give;
    return real(spared_malloc, spared_realloc, spared_free);
}

#define OPENSSL_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OPENSSL, type, name, parameters, arguments, failure)
OPENSSL_CALL(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * context, const char *name, const char *query), (context, name, query),
             NO_MEMORY_IN(ERR_LIB_EVP, NULL))
OPENSSL_CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NO_MEMORY_IN(ERR_LIB_EVP, NULL)) /* by OpenSSL too */
OPENSSL_CALL(int, EVP_DigestVerifyInit_ex,
             (EVP_MD_CTX * digest, EVP_PKEY_CTX **key_context, const char *name, OSSL_LIB_CTX *context, const char *query, EVP_PKEY *key,
              const OSSL_PARAM settings[]),
             (digest, key_context, name, context, query, key, settings), NO_MEMORY_IN(ERR_LIB_EVP, 0))
OPENSSL_CALL(int, EVP_DigestVerify, (EVP_MD_CTX * digest, const unsigned char *signature, size_t size, const unsigned char *text, size_t length),
             (digest, signature, size, text, length), NO_MEMORY_IN(ERR_LIB_EVP, -1))
OPENSSL_CALL(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *key, const unsigned char **bytes, long size), (key, bytes, size),
             NO_MEMORY_IN(ERR_LIB_ASN1, NULL))
OPENSSL_CALL(X509 *, d2i_X509, (X509 * *certificate, const unsigned char **bytes, long size), (certificate, bytes, size),
             NO_MEMORY_IN(ERR_LIB_ASN1, NULL))

/* Allocates the first time only. */
int EVP_DigestInit_ex2(EVP_MD_CTX *digest, const EVP_MD *how, const OSSL_PARAM settings[]) {
    static int (*real)(EVP_MD_CTX *, const EVP_MD *, const OSSL_PARAM[]);
    if (EVP_MD_CTX_get0_md(digest) == NULL && fails_as(CALL_OPENSSL, "EVP_DigestInit_ex2"))
        return NO_MEMORY_IN(ERR_LIB_EVP, 0);
    if (real == NULL) {
        void *found = next("EVP_DigestInit_ex2");
        memcpy(&real, &found, sizeof real);
    }
    return real(digest, how, settings);
}

OPENSSL_CALL(int, EVP_DigestSignInit, (EVP_MD_CTX * digest, EVP_PKEY_CTX **key_context, const EVP_MD *how, ENGINE *engine, EVP_PKEY *key),
             (digest, key_context, how, engine, key), NO_MEMORY_IN(ERR_LIB_EVP, 0))
OPENSSL_CALL(int, EVP_DigestSign, (EVP_MD_CTX * digest, unsigned char *out, size_t *size, const unsigned char *text, size_t length),
             (digest, out, size, text, length), NO_MEMORY_IN(ERR_LIB_EVP, 0))
OPENSSL_CALL(unsigned char *, HMAC,
             (const EVP_MD *how, const void *key, int key_size, const unsigned char *text, size_t length, unsigned char *out, unsigned *size),
             (how, key, key_size, text, length, out, size), NO_MEMORY_IN(ERR_LIB_EVP, NULL))
OPENSSL_CALL(BIO *, BIO_new, (const BIO_METHOD *kind), (kind), NO_MEMORY_IN(ERR_LIB_BIO, NULL))
OPENSSL_CALL(BIO *, BIO_new_mem_buf, (const void *bytes, int size), (bytes, size), NO_MEMORY_IN(ERR_LIB_BIO, NULL))
OPENSSL_CALL(X509 *, PEM_read_bio_X509, (BIO * in, X509 **out, pem_password_cb *call, void *context), (in, out, call, context),
             NO_MEMORY_IN(ERR_LIB_PEM, NULL))
OPENSSL_CALL(EVP_PKEY *, PEM_read_bio_PrivateKey, (BIO * in, EVP_PKEY **out, pem_password_cb *call, void *context),
             (in, out, call, context), NO_MEMORY_IN(ERR_LIB_PEM, NULL))
OPENSSL_CALL(int, PEM_write_bio_X509, (BIO * out, const X509 *what), (out, what), NO_MEMORY_IN(ERR_LIB_PEM, 0))
OPENSSL_CALL(X509 *, X509_new, (void), (), NO_MEMORY_IN(ERR_LIB_X509, NULL))
OPENSSL_CALL(X509 *, X509_dup, (const X509 *what), (what), NO_MEMORY_IN(ERR_LIB_X509, NULL))
OPENSSL_CALL(int, X509_sign, (X509 * what, EVP_PKEY *key, const EVP_MD *how), (what, key, how), NO_MEMORY_IN(ERR_LIB_X509, 0))
OPENSSL_CALL(int, X509_verify, (X509 * what, EVP_PKEY *key), (what, key), NO_MEMORY_IN(ERR_LIB_X509, -1))
OPENSSL_CALL(int, X509_add_ext, (X509 * what, X509_EXTENSION *extension, int at), (what, extension, at), NO_MEMORY_IN(ERR_LIB_X509, 0))
OPENSSL_CALL(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX * library, const char *name, const char *query),
             (library, name, query), NO_MEMORY_IN(ERR_LIB_EVP, NULL))
OPENSSL_CALL(int, EVP_PKEY_get_group_name, (const EVP_PKEY *key, char *name, size_t room, size_t *size), (key, name, room, size),
             NO_MEMORY_IN(ERR_LIB_EVP, 0))
OPENSSL_CALL(int, i2d_PUBKEY, (const EVP_PKEY *key, unsigned char **out), (key, out), NO_MEMORY_IN(ERR_LIB_ASN1, -1))
OPENSSL_CALL(int, i2d_X509, (const X509 *what, unsigned char **out), (what, out), NO_MEMORY_IN(ERR_LIB_ASN1, -1))

#define RANDOM_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_RANDOM, type, name, parameters, arguments, failure)
RANDOM_CALL(int, RAND_bytes, (unsigned char *bytes, int size), (bytes, size), 0)
RANDOM_CALL(int, RAND_priv_bytes, (unsigned char *bytes, int size), (bytes, size), 0)
RANDOM_CALL(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags), WITH_ERRNO(EAGAIN, -1))

#define YAML_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_YAML, type, name, parameters, arguments, failure)
YAML_CALL(cyaml_err_t, cyaml_load_data,
          (const uint8_t *text, size_t size, const cyaml_config_t *how, const cyaml_schema_value_t *schema, cyaml_data_t **out, unsigned *count),
          (text, size, how, schema, out, count), CYAML_ERR_OOM)
YAML_CALL(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), (parser->error = YAML_MEMORY_ERROR, 0))
YAML_CALL(int, yaml_parser_load, (yaml_parser_t * parser, yaml_document_t *document), (parser, document),
          (memset(document, 0, sizeof *document), parser->error = YAML_MEMORY_ERROR, 0))
YAML_CALL(int, yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t *event), (parser, event),
          (memset(event, 0, sizeof *event), parser->error = YAML_MEMORY_ERROR, 0))

#define RESOLVER_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_RESOLVER, type, name, parameters, arguments, failure)
RESOLVER_CALL(int, ares_init_options, (ares_channel * channel, struct ares_options *options, int mask), (channel, options, mask), ARES_ENOMEM)
RESOLVER_CALL(int, ares_set_servers_ports_csv, (ares_channel channel, const char *servers), (channel, servers), ARES_ENOMEM)
RESOLVER_CALL(int, getaddrinfo, (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out),
              (name, service, hints, out), EAI_MEMORY)

static void syscall_close(int file) {
    syscall(SYS_close, file); /* Linux closes, whatever it then says */
}

#define FILE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_FILE, type, name, parameters, arguments, failure)
FILE_CALL(ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size), WITH_ERRNO(EIO, -1))
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
FILE_CALL(int, fdatasync, (int file), (file), WITH_ERRNO(EIO, -1))
FILE_CALL(int, close, (int file), (file), (syscall_close(file), WITH_ERRNO(EIO, -1)))
FILE_CALL(int, fstat, (int file, struct stat *about), (file, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, stat, (const char *path, struct stat *about), (path, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, lstat, (const char *path, struct stat *about), (path, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, unlink, (const char *path), (path), WITH_ERRNO(EIO, -1))
FILE_CALL(int, flock, (int file, int how), (file, how), WITH_ERRNO(ENOLCK, -1))
FILE_CALL(int, link, (const char *from, const char *to), (from, to), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(ssize_t, readlink, (const char *path, char *out, size_t room), (path, out, room), WITH_ERRNO(EIO, -1))
FILE_CALL(DIR *, opendir, (const char *path), (path), WITH_ERRNO(EMFILE, NULL))
FILE_CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), WITH_ERRNO(EMFILE, NULL))
FILE_CALL(int, signalfd, (int file, const sigset_t *set, int flags), (file, set, flags), WITH_ERRNO(EMFILE, -1))

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
/* A connection that was reset is over for both sides. */
SOCKET_CALL(ssize_t, recv, (int file, void *bytes, size_t size, int flags), (file, bytes, size, flags),
            (shutdown(file, SHUT_RDWR), WITH_ERRNO(ECONNRESET, -1)))
SOCKET_CALL(ssize_t, send, (int file, const void *bytes, size_t size, int flags), (file, bytes, size, flags),
            (shutdown(file, SHUT_RDWR), WITH_ERRNO(ECONNRESET, -1)))

SOCKET_CALL(int, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), WITH_ERRNO(EMFILE, -1))
SOCKET_CALL(int, poll, (struct pollfd * files, nfds_t count, int wait_ms), (files, count, wait_ms), WITH_ERRNO(ENOMEM, -1))

STAND_BEFORE(CALL_PROCESS, int, execv, (const char *path, char *const arguments[]), (path, arguments), WITH_ERRNO(ENOMEM, -1))
STAND_BEFORE(CALL_PROCESS, int, execve, (const char *path, char *const arguments[], char *const environment[]),
             (path, arguments, environment), WITH_ERRNO(ENOMEM, -1))
STAND_BEFORE(CALL_PROCESS, int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions), (actions), ENOMEM)
STAND_BEFORE(CALL_PROCESS, int, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t * actions, int from, int to),
             (actions, from, to), ENOMEM)
STAND_BEFORE(CALL_PROCESS, pid_t, fork, (void), (), WITH_ERRNO(EAGAIN, -1))
STAND_BEFORE(CALL_PROCESS, int, posix_spawn,
             (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
              char *const arguments[], char *const environment[]),
             (pid, path, actions, attributes, arguments, environment), EAGAIN)

#define POSTGRES_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_POSTGRES, type, name, parameters, arguments, failure)
POSTGRES_CALL(PGconn *, PQconnectdbParams, (const char *const *words, const char *const *values, int expands), (words, values, expands), NULL)
POSTGRES_CALL(int, PQsendQueryParams,
              (PGconn * connection, const char *text, int count, const Oid *types, const char *const *values, const int *sizes,
               const int *formats, int format),
              (connection, text, count, types, values, sizes, formats, format), 0)
POSTGRES_CALL(int, PQsendQuery, (PGconn * connection, const char *text), (connection, text), 0)
POSTGRES_CALL(int, PQflush, (PGconn * connection), (connection), -1)
POSTGRES_CALL(int, PQsetnonblocking, (PGconn * connection, int how), (connection, how), -1)
POSTGRES_CALL(int, PQconsumeInput, (PGconn * connection), (connection), 0)
POSTGRES_CALL(ConnStatusType, PQstatus, (const PGconn *connection), (connection), CONNECTION_BAD)
POSTGRES_CALL(PQconninfoOption *, PQconninfoParse, (const char *text, char **message), (text, message), (*message = NULL, NULL))
POSTGRES_CALL(char *, PQencryptPasswordConn, (PGconn * connection, const char *word, const char *user, const char *algorithm),
              (connection, word, user, algorithm), NULL)

#define INFLATE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_INFLATE, type, name, parameters, arguments, failure)
INFLATE_CALL(struct libdeflate_decompressor *, libdeflate_alloc_decompressor, (void), (), NULL)
INFLATE_CALL(struct libdeflate_compressor *, libdeflate_alloc_compressor, (int level), (level), NULL)

STAND_BEFORE(CALL_IDN, int, idn2_lookup_u8, (const uint8_t *in, uint8_t **out, int flags), (in, out, flags), IDN2_MALLOC)
STAND_BEFORE(CALL_IDN, int, idn2_to_ascii_8z, (const char *in, char **out, int flags), (in, out, flags), IDN2_MALLOC)

#define OUTPUT_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OUTPUT, type, name, parameters, arguments, failure)
/* What ferror asks for in glibc: a stream remembers. */
#define STREAM_ERROR 0x20
#define WITH_STREAM(out, value) ((out) == NULL ? 0 : ((out)->_flags |= STREAM_ERROR), WITH_ERRNO(ENOSPC, value))
OUTPUT_CALL(size_t, fwrite, (const void *bytes, size_t size, size_t count, FILE *out), (bytes, size, count, out), WITH_STREAM(out, 0))
OUTPUT_CALL(int, fputs, (const char *text, FILE *out), (text, out), WITH_STREAM(out, EOF))
OUTPUT_CALL(int, fflush, (FILE * out), (out), WITH_STREAM(out, EOF))

/* Only for our own callers: libevent 2.1 does not look whether its clock answered, and then waits for ever; the pipe to which it writes
 * a signal's number cannot fail. */
extern const char __executable_start, etext;

static bool is_ours(const char *caller) {
    return caller >= &__executable_start && caller < &etext;
}

ssize_t write(int file, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (is_ours(__builtin_return_address(0)) && fails_as(CALL_FILE, "write"))
        return WITH_ERRNO(ENOSPC, -1);
    if (real == NULL) {
        void *found = next("write");
        memcpy(&real, &found, sizeof real);
    }
    return real(file, bytes, size);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (is_ours(__builtin_return_address(0)) && fails_as(CALL_CLOCK, "clock_gettime"))
        return WITH_ERRNO(EINVAL, -1);
    if (real == NULL) {
        void *found = next("clock_gettime");
        memcpy(&real, &found, sizeof real);
    }
    return real(clock, time);
}
