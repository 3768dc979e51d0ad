/* bench_pool [BODIES]: what a tile entry costs with its reader in another process: owner and readers, user and system time.
 * No network: bodies are copied into slots. */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/watch_image.h"
#include "steps/reader_pool.h"

#define SLOT_SIZE  ((size_t) 1024 * 1024)
#define TILE_LIMIT ((size_t) 1024 * 1024)

enum { IN_FLIGHT = 8, ENTRIES = 256 };

struct bench {
    struct event_base *loop;
    struct reader_pool *pool;
    uint8_t *sent;
    size_t sent_size;
    uint64_t wanted, asked, done;
};

static void die(const char *what) {
    fprintf(stderr, "bench_pool: %s\n", what);
    exit(1);
}

static void load_tile(struct bench *bench) {
    const char *path = CORPORA_FOLDER "/a-ct/static-ct/navigli2025h2/tile/data/000";
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("skipped: the corpora are not here: %s\n", path);
        exit(77);
    }
    uint8_t *plain = memory_new(TILE_LIMIT);
    bench->sent = memory_new(TILE_LIMIT);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    if (plain == NULL || bench->sent == NULL || compressor == NULL)
        die("memory");
    size_t size = fread(plain, 1, TILE_LIMIT, file);
    bench->sent_size = libdeflate_gzip_compress(compressor, plain, size, bench->sent, TILE_LIMIT);
    fclose(file);
    libdeflate_free_compressor(compressor);
    memory_free(plain);
}

static void ask(struct bench *bench);

struct asked {
    struct bench *bench;
    int slot;
};

static void answered(void *context, const struct reader_outcome *outcome) {
    struct asked *asked = context;
    struct bench *bench = asked->bench;
    if (outcome->fault != OK || outcome->answer->entry_count != ENTRIES || outcome->answer->node_count != 1)
        die("an answer is not as it should be");
    reader_pool_give_slot(bench->pool, asked->slot);
    memory_free(asked);
    if (++bench->done == bench->wanted)
        event_base_loopbreak(bench->loop);
    else if (bench->asked < bench->wanted)
        ask(bench);
}

static void ask(struct bench *bench) {
    struct asked *asked = memory_new(sizeof *asked);
    if (asked == NULL)
        die("memory");
    *asked = (struct asked){.bench = bench, .slot = reader_pool_take_slot(bench->pool)};
    memcpy(reader_pool_slot_bytes(bench->pool, asked->slot), bench->sent, bench->sent_size);
    struct reader_request request = {.task = READER_DATA_TILE, .encoding = READER_SNIFF, .slot = (uint32_t) asked->slot,
                                     .body_size = bench->sent_size, .wanted_end = ENTRIES};
    bench->asked++;
    if (reader_pool_submit(bench->pool, &request, answered, asked) != OK)
        die("submit");
}

static double cpu_of(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static double wall(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
    static const struct watch_item item = {WATCH_NAME, "nobody.example"};
    struct bench bench = {.loop = event_base_new(), .wanted = 4000};
    struct reader_pool_options options = {.slot_count = IN_FLIGHT, .slot_size = SLOT_SIZE, .program = READER_PROGRAM};
    struct buffer image = buffer_with_limit(1 << 20);
    if (count > 1 && text_to_number(span_of_text(arguments[1]), 100000000, &bench.wanted) != OK)
        die("wants a number of bodies");
    log_init("bench", LOG_WARNING, false);
    load_tile(&bench);
    if (watch_image_build(&item, 1, 1, &image) != OK || reader_pool_new(bench.loop, &options, &bench.pool) != OK ||
        reader_pool_set_image(bench.pool, buffer_span(&image)) != OK)
        die("cannot start");
    double owner = cpu_of(RUSAGE_SELF), start = wall();
    for (int i = 0; i < IN_FLIGHT && bench.asked < bench.wanted; i++)
        ask(&bench);
    event_base_dispatch(bench.loop);
    double seconds = wall() - start, entries = (double) bench.wanted * ENTRIES;
    owner = cpu_of(RUSAGE_SELF) - owner;
    reader_pool_free(bench.pool);
    double readers = cpu_of(RUSAGE_CHILDREN);
    printf("tiles through the pool: %.0f entries in %.2f s, %.0f a second; CPU per entry: owner %.3f us, readers %.3f us\n",
           entries, seconds, entries / seconds, owner / entries * 1e6, readers / entries * 1e6);
    memory_free(bench.sent);
    buffer_done(&image);
    event_base_free(bench.loop);
    return 0;
}
