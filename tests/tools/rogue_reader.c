/* pinwatch-reader after it was taken over: the real program, inside its real sandbox, whose work is now done by the function below. What it
 * does says the request (a deed, by its first index) or a file beside the program with its name and ".orders":
 *
 *   deeds N   after N honest answers each process tries one of the deeds that the filter kills for
 *   lies N    every Nth request is answered with the next of the lies
 *   lie N     every request is answered with the lie of that number
 *   hash N    the Nth request is answered with a wrong tree hash, the one five later with a wrong last leaf
 *   late 0    is honest while two hours pass between any two requests, for whatever libraries do every hour
 *   search 0  looks for an environment and for the owner's secret before every answer, and dies when it finds one */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "reader/reader.h"
#include "reader/sandbox.h"
#include "tools/rogue_deeds.h"
#include "tools/rogue_lies.h"
#include "tools/rogue_marker.h"

void __real_reader_act(struct reader *reader, const struct reader_request *request);
result __real_sandbox_enter(uint64_t address_space);
void __wrap_reader_act(struct reader *reader, const struct reader_request *request);
result __wrap_sandbox_enter(uint64_t address_space);

#define RANGES_MAX 256

static char order[32];
static uint64_t order_number;
static struct span ranges[RANGES_MAX]; /* private memory that can be read */
static size_t range_count;
static bool has_writable_file;

static uint64_t number_in(const char *text, unsigned base, const char **ret_end) {
    uint64_t number = 0;
    for (; (*text >= '0' && *text <= '9') || (base == 16 && *text >= 'a' && *text <= 'f'); text++)
        number = number * base + (uint64_t) (*text <= '9' ? *text - '0' : *text - 'a' + 10);
    *ret_end = text;
    return number;
}

static void read_orders(void) {
    char path[4096], line[64] = "";
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 16);
    if (size < 1)
        return;
    snprintf(path + size, sizeof path - (size_t) size, ".orders");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    size = read(file, line, sizeof line - 1);
    close(file);
    size_t word = strcspn(line, " ");
    const char *end;
    if (size < 1 || word >= sizeof order)
        return;
    memcpy(order, line, word);
    order_number = number_in(line + word + 1, 10, &end);
}

/* "55…-55… rw-p 00000000 00:00 0   [stack]" */
static void note_mapping(const char *line) {
    const char *end;
    uint64_t begin = number_in(line, 16, &end);
    uint64_t stop = number_in(end + 1, 16, &end);
    bool is_shared = end[4] == 's', is_kernels = strstr(line, "[v") != NULL;
    if (is_shared && end[2] == 'w' && strstr(line, "pinwatch-answers") == NULL)
        has_writable_file = true;
    if (end[1] == 'r' && !is_shared && !is_kernels && range_count < RANGES_MAX)
        ranges[range_count++] = span_of((const uint8_t *) (uintptr_t) begin, stop - begin);
}

static void read_mappings(void) {
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        note_mapping(line);
    if (maps != NULL)
        fclose(maps);
}

result __wrap_sandbox_enter(uint64_t address_space) {
    read_orders();
    read_mappings();
    return __real_sandbox_enter(address_space);
}

/* ------------------------------------------------------------------ deeds; 0 or more: it succeeded */

static long poke(volatile uint8_t *at) {
    *at = 1;
    return 0;
}

static long run(uint8_t *code) {
    union {
        uint8_t *bytes;
        void (*call)(void);
    } both = {.bytes = code};
    code[0] = 0xc3; /* ret */
    both.call();
    return 0;
}

static long call_i386(long number) {
    long outcome;
    __asm__ volatile("int $0x80" : "=a"(outcome) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    return outcome;
}

static long find_environment(void) {
    return environ != NULL && environ[0] != NULL ? 0 : -1;
}

static long find_marker(void) {
    for (size_t i = 0; i < range_count; i++)
        for (size_t at = 0; at + MARKER_SIZE <= ranges[i].size; at++)
            if (is_marker(ranges[i].bytes + at))
                return 0;
    return -1;
}

static void put_marker(uint8_t *place) {
    for (size_t i = 0; i < MARKER_SIZE; i++)
        place[i] = marker_byte(i);
}

static long find_writable_file(void) {
    return has_writable_file ? 0 : -1;
}

static long do_deed(uint64_t number, struct reader *self) {
    static uint8_t pages[3 * 4096];
    uint8_t *place = pages + 4096;
#define TRY_DEED(name, end, call) \
    if (number-- == 0) \
        return (long) (call);
    DEEDS(TRY_DEED)
    return -1;
}

#define COUNT_IF_KILLED(name, end, call) +(DEED_##end == DEED_KILLED)
#define COUNT(name, end) +1

/* ------------------------------------------------------------------ lies */

static void lie(uint64_t number, struct reader *reader, const struct reader_request *r) {
    struct reader_answer *a = &reader->answer;
    uint8_t *area = reader->area;
    size_t room = reader->area_size;
#define TELL(name, change) \
    if (number-- == 0) { \
        change; \
        return; \
    }
    LIES(TELL)
}

static bool is_order(const char *word) {
    return strcmp(order, word) == 0;
}

/* In libc's place for libcrypto too, which looks at the time to see whether its random numbers want fresh seed. */
static time_t later;

time_t time(time_t *ret_time) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL)
        *ret_time = now.tv_sec + later;
    return now.tv_sec + later;
}

static bool finds_what_is_no_readers(void) {
    return find_environment() >= 0 || find_marker() >= 0 || find_writable_file() >= 0;
}

static void obey(struct reader *reader, const struct reader_request *request) {
    static uint64_t answered;
    uint64_t id = request->request_id;
    bool is_time = order_number > 0 && id % order_number == 0;
    if (is_order("deeds") && answered++ >= order_number)
        _exit(do_deed((uint64_t) getpid() % (0 DEEDS(COUNT_IF_KILLED)), reader) >= 0 ? DEED_SUCCEEDED : DEED_CAME_TO_NOTHING);
    if (is_order("lies") && is_time)
        lie(id / order_number % (0 LIES(COUNT)), reader, request);
    if (is_order("lie"))
        lie(order_number, reader, request);
    if (is_order("hash") && id == order_number)
        reader->answer.nodes[0].hash.bytes[7] ^= 1;
    if (is_order("hash") && id == order_number + 5)
        reader->answer.last_leaf.bytes[7] ^= 1;
    if (is_order("search") && finds_what_is_no_readers())
        _exit(DEED_SUCCEEDED);
}

void __wrap_reader_act(struct reader *reader, const struct reader_request *request) {
    if (request->first_index >= DEED_FIRST)
        _exit(do_deed(request->first_index - DEED_FIRST, reader) >= 0 ? DEED_SUCCEEDED : DEED_CAME_TO_NOTHING);
    if (is_order("late"))
        later += 7200;
    __real_reader_act(reader, request);
    obey(reader, request);
}
