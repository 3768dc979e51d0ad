/* bench_reader [WATCHES [SECONDS]]: what an entry costs inside a reader, and the floor under it.
 *
 * Bodies are real: the data tiles of navigli2025h2, and the get-entries entries of live_ct.json, both gzipped as logs send
 * them. Floors: inflate alone; SHA-256 of leaves and inner nodes alone; base64 alone; the scanner alone. */
#include <jansson.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "reader/reader.h"
#include "rules/issuer_check.h"

#define SLOT_SIZE  ((size_t) 16 * 1024 * 1024)
#define AREA_SIZE  ((size_t) 4 * 1024 * 1024)
#define FILE_LIMIT ((size_t) 64 * 1024 * 1024)
#define BODIES_MAX 8

struct body {
    struct buffer sent; /* gzipped */
    uint64_t count;
};

struct bench {
    struct reader reader;
    struct body bodies[BODIES_MAX];
    size_t body_count;
    uint32_t task;
    double seconds;
};

static void die(const char *what) {
    fprintf(stderr, "bench_reader: %s\n", what);
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static void read_file(const char *name, struct buffer *ret_bytes) {
    char path[1000];
    snprintf(path, sizeof path, "%s/a-ct/%s", CORPORA_FOLDER, name);
    FILE *file = fopen(path, "rb");
    *ret_bytes = buffer_with_limit(FILE_LIMIT);
    if (file == NULL) {
        printf("skipped: the corpora are not here: %s\n", path);
        exit(77);
    }
    uint8_t chunk[65536];
    for (size_t count; (count = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_add(ret_bytes, span_of(chunk, count));
    fclose(file);
}

static void gzip(struct span plain, struct buffer *ret_sent) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    *ret_sent = buffer_with_limit(FILE_LIMIT);
    uint8_t *place = buffer_reserve(ret_sent, libdeflate_gzip_compress_bound(compressor, plain.size));
    size_t size = libdeflate_gzip_compress(compressor, plain.bytes, plain.size, place, ret_sent->capacity - 1);
    if (size == 0)
        die("gzip failed");
    buffer_grew(ret_sent, size);
    libdeflate_free_compressor(compressor);
}

static void load_tiles(struct bench *bench) {
    bench->task = READER_DATA_TILE;
    bench->body_count = 0;
    for (int i = 0; i < 3; i++) {
        char name[100];
        struct buffer raw;
        struct span plain;
        snprintf(name, sizeof name, "static-ct/navigli2025h2/tile/data/%03d", i);
        read_file(name, &raw);
        if (inflater_read(&bench->reader.inflater, READER_SNIFF, buffer_span(&raw), FILE_LIMIT, &plain) != OK)
            die("a tile does not inflate");
        struct body *body = &bench->bodies[bench->body_count++];
        gzip(plain, &body->sent);
        body->count = 256;
        printf("  tile %d: %zu bytes, %zu as sent\n", i, plain.size, body->sent.size);
        buffer_done(&raw);
    }
}

static void load_get_entries(struct bench *bench) {
    struct buffer raw, json = buffer_with_limit(FILE_LIMIT);
    read_file("rfc6962/live_ct.json", &raw);
    json_t *list = json_loadb((const char *) raw.bytes, raw.size, 0, NULL);
    struct body *body = &bench->bodies[0];
    buffer_add_text(&json, "{\"entries\":[");
    for (body->count = 0; body->count < 256; body->count++) {
        const json_t *entry = json_array_get(list, body->count % json_array_size(list));
        buffer_printf(&json, "%s{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"}", body->count == 0 ? "" : ",",
                      json_string_value(json_object_get(entry, "leaf_input")),
                      json_string_value(json_object_get(entry, "extra_data")));
    }
    buffer_add_text(&json, "]}");
    gzip(buffer_span(&json), &body->sent);
    printf("  get-entries: %zu bytes, %zu as sent\n", json.size, body->sent.size);
    bench->task = READER_GET_ENTRIES;
    bench->body_count = 1;
    buffer_done(&raw);
    buffer_done(&json);
    json_decref(list);
}

/* ------------------------------------------------------------------ what is measured: one body at a time */

static void run_whole(struct bench *bench, const struct body *body) {
    struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = bench->task, .encoding = READER_SNIFF,
                                     .body_size = body->sent.size, .wanted_end = body->count};
    bench->reader.slots = body->sent.bytes;
    reader_act(&bench->reader, &request);
    if (bench->reader.answer.entry_count != body->count)
        die("a body was not read to its end");
}

static void run_inflate(struct bench *bench, const struct body *body) {
    if (inflater_read(&bench->reader.inflater, READER_SNIFF, buffer_span(&body->sent), FILE_LIMIT, &bench->reader.plain) != OK)
        die("inflate");
}

static void run_scan(struct bench *bench, const struct body *body) {
    (void) body;
    if (get_entries_read(&bench->reader.list, bench->reader.plain) != OK)
        die("scan");
}

static void run_base64(struct bench *bench, const struct body *body) {
    for (size_t i = 0; i < body->count; i++)
        if (decode_base64(bench->reader.list.items[i].leaf_input, &bench->reader.leaf_bytes) != OK)
            die("base64");
}

static void run_hash(struct bench *bench, const struct body *body) {
    struct cursor tile = cursor_of(bench->reader.plain);
    struct hash hash = {{0}}, other;
    struct leaf leaf;
    for (size_t i = 0; i < body->count; i++) {
        if (bench->task == READER_DATA_TILE && leaf_next_in_tile(&tile, &leaf) == OK)
            leaf_hash(&leaf, &hash);
        if (bench->task == READER_GET_ENTRIES)
            merkle_leaf_hash(span_of(bench->reader.plain.bytes + i, bench->reader.list.items[i].leaf_input.size / 4 * 3), &hash);
        merkle_node_hash(&hash, &hash, &other);
    }
}

static double measure(struct bench *bench, const char *name, void (*run)(struct bench *, const struct body *)) {
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        double start = cpu_seconds(), spent;
        uint64_t entries = 0;
        do {
            for (size_t i = 0; i < bench->body_count; i++) {
                run(bench, &bench->bodies[i]);
                entries += bench->bodies[i].count;
            }
            spent = cpu_seconds() - start;
        } while (spent < bench->seconds / 5);
        best = spent / (double) entries < best ? spent / (double) entries : best;
    }
    printf("  %-34s %7.3f us per entry\n", name, best * 1e6);
    return best;
}

/* Names that nobody has a certificate for, so that no reports are written. */
static void build_image(struct bench *bench, size_t watches, struct buffer *image) {
    struct watch_item *items = memory_new_array(watches, sizeof *items);
    char(*names)[40] = memory_new_array(watches, sizeof *names);
    for (size_t i = 0; i < watches; i++) {
        snprintf(names[i], sizeof names[i], "%snobody-%zu.com", i % 2 == 0 ? "" : "www.", i);
        items[i] = (struct watch_item){i % 3 == 0 ? WATCH_SUBTREE : WATCH_NAME, names[i]};
    }
    double start = cpu_seconds();
    if (watch_image_build(items, watches, 0, image) != OK || watch_image_open(buffer_span(image), &bench->reader.image) != OK)
        die("image");
    printf("%zu watches: image of %zu bytes built in %.3f s\n", watches, image->size, cpu_seconds() - start);
    memory_free(items);
    memory_free(names);
}

static void bench_lookups(struct bench *bench, size_t watches) {
    enum { lookups = 1000000 };
    struct watch_hits *hits = &bench->reader.hits;
    char name[64];
    for (int is_hit = 0; is_hit < 2; is_hit++) {
        double start = cpu_seconds(), printing;
        watch_hits_reset(hits);
        for (size_t i = 0; i < lookups; i++)
            snprintf(name, sizeof name, is_hit ? "www.nobody-%zu.com" : "www.somebody-%zu.com", (i * 7919 | 1) % (watches | 1));
        printing = cpu_seconds() - start;
        start = cpu_seconds();
        uint64_t found = 0;
        for (size_t i = 0; i < lookups; i++) {
            int size = snprintf(name, sizeof name, is_hit ? "www.nobody-%zu.com" : "www.somebody-%zu.com", (i * 7919 | 1) % (watches | 1));
            watch_hits_reset(hits);
            watch_find_dns(&bench->reader.image, span_of(name, (size_t) size), hits);
            found += hits->count;
        }
        printf("  look-up of %s: %.0f ns (%llu of %d found)\n", is_hit ? "watched names" : "other names",
               (cpu_seconds() - start - printing) * 1e9 / lookups, (unsigned long long) found, lookups);
    }
}

static void drop_bodies(struct bench *bench) {
    for (size_t i = 0; i < bench->body_count; i++)
        buffer_done(&bench->bodies[i].sent);
}

int main(int count, char **arguments) {
    static struct bench bench = {.seconds = 1};
    static uint8_t area[AREA_SIZE];
    uint64_t watches = 10, seconds = 1;
    struct buffer image = buffer_with_limit((size_t) 4 << 30);
    if ((count > 1 && text_to_number(span_of_text(arguments[1]), 100000000, &watches) != OK) ||
        (count > 2 && text_to_number(span_of_text(arguments[2]), 1000, &seconds) != OK))
        die("wants numbers: WATCHES and SECONDS");
    bench.seconds = (double) seconds;
    bench.reader.slot_count = 1;
    bench.reader.slot_size = SLOT_SIZE;
    bench.reader.area = area;
    bench.reader.area_size = sizeof area;
    if (digest_init() != OK || issuer_check_warm_up() != OK || reader_init(&bench.reader) != OK)
        die("cannot start");
    build_image(&bench, watches, &image);
    bench_lookups(&bench, watches);

    puts("static-ct-api data tiles");
    load_tiles(&bench);
    double whole = measure(&bench, "reader, whole", run_whole);
    printf("  matches %llu, unreadable %llu\n", (unsigned long long) bench.reader.answer.match_count,
           (unsigned long long) bench.reader.answer.unreadable_count);
    double floor = measure(&bench, "floor: inflate", run_inflate) + measure(&bench, "floor: SHA-256 of leaves and nodes", run_hash);
    printf("  %-34s %7.3f us per entry\n", "above the floor", (whole - floor) * 1e6);
    drop_bodies(&bench);

    puts("RFC 6962 get-entries");
    load_get_entries(&bench);
    whole = measure(&bench, "reader, whole", run_whole);
    floor = measure(&bench, "floor: inflate", run_inflate) + measure(&bench, "floor: scan JSON", run_scan) +
            measure(&bench, "floor: base64 of leaf_input", run_base64) +
            measure(&bench, "floor: SHA-256 of leaves and nodes", run_hash);
    printf("  %-34s %7.3f us per entry\n", "above the floor", (whole - floor) * 1e6);
    drop_bodies(&bench);
    reader_done(&bench.reader);
    buffer_done(&image);
    return 0;
}
