/* Which calls fail: orders, counts, and the report at the end. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failing/calls/calls.h"

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
    volatile uint64_t seed, one_in, family, programs; /* an order for all that run: one_in 0 for none, bits of program_names */
    char lines[2048];   /* "PROGRAM ORDER\n" for those that start */
};

static const char *const program_names[] = {"pinwatch", "pinwatch-monitor", "pinwatch-reader", "pinwatch-alerts", "pinwatch-drill"};

static struct {
    struct tally *tally;         /* NULL: not counted in common */
    const struct common *common; /* NULL: no orders in common */
    uint64_t salt, programs;     /* of this process: what makes its failures its own, its bit */
    char program[40];
    _Atomic uint64_t seen[call_family_count], failed[call_family_count];
    uint64_t from[call_family_count], to[call_family_count]; /* these calls fail; 0: none */
    bool is_once;                                             /* in one process of the folder alone */
    char named[40];                                           /* the function whose call number named_at fails; "": none */
    _Atomic uint64_t named_seen;
    uint64_t named_at;
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

static bool is_named(enum call_family family, const char *function) {
    return orders.named[0] != '\0' && strcmp(orders.named, function) == 0 && atomic_fetch_add(&orders.named_seen, 1) + 1 == orders.named_at &&
           (!orders.is_once || orders.tally == NULL || orders.tally->failed[family] == 0);
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

bool call_fails_as(enum call_family family, const char *function) {
    if (is_inside || (orders.common != NULL && orders.common->gate != '+'))
        return false;
    uint64_t n = atomic_fetch_add(&orders.seen[family], 1) + 1;
    if (orders.tally != NULL)
        atomic_fetch_add(&orders.tally->seen[family], 1);
    bool is_due = is_named(family, function);
    if (!is_due && !is_chosen(family, n))
        return false;
    atomic_fetch_add(&orders.failed[family], 1);
    orders.last = function;
    if (orders.tally != NULL) {
        atomic_fetch_add(&orders.tally->failed[family], 1);
        add_name(orders.tally, function);
    }
    return true;
}

bool call_fails(enum call_family family) {
    return call_fails_as(family, family_names[family]);
}

void *call_next(const char *name) {
    bool was_inside = is_inside;
    is_inside = true;
    void *function = dlsym(RTLD_NEXT, name);
    is_inside = was_inside;
    if (function == NULL)
        abort();
    return function;
}

void failing_calls_off(void) {
    memset(orders.from, 0, sizeof orders.from);
    orders.one_in = 0;
    orders.named[0] = '\0';
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
    if (strncmp(text, "call:", 5) == 0) {
        snprintf(orders.named, sizeof orders.named, "%.*s", (int) strcspn(text + 5, ":"), text + 5);
        orders.named_at = strtoull(text + 5 + strcspn(text + 5, ":") + 1, &end, 10);
        orders.is_once = *end == '!';
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

/* The exit handlers are run before the sanitizers look for leaks, and for the names of what leaked: that is theirs, and goes well. */
static void end(void) {
    failing_calls_off();
    orders.common = NULL;
}

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
    if (atexit(end) != 0 || (orders.report != NULL && atexit(report) != 0)) /* `report` is run first */
        _exit(99);
    begin_again();
    openssl_spare();
    if (text != NULL)
        read_orders(text);
}
