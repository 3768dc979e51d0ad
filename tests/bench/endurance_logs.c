/* Many CT logs that grow without end, cheaply, for tests/bench/endurance: every log on a port of its own, as if on a host of its own.
 *
 * Entries are copies of made-up ones with serial, time and leaf_index of their own; only those that a watch is to find are made anew and
 * truly signed. Each log publishes once a second, a tenth of them every 100 ms.
 *
 * Usage: endurance_logs FOLDER LOGS ENTRIES_PER_SECOND INITIAL_ENTRIES WATCHES SEED
 *
 * Standard output, JSON lines: first what there is, then every planted entry when a head first covers it. FOLDER/sizes: the published sizes,
 * one a line, written anew ten times a second. SIGUSR1: start planting, one certificate a second, every second one into two logs.
 * SIGUSR2: stop growing. SIGTERM: end. */
#include <event2/event.h>
#include <libdeflate.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "drill/folder.h"
#include "drill/loop.h"
#include "drill/made_up.h"

#define LOGS_MAX 128
#define TEMPLATES 4000
#define PENDING_MAX 64
#define ENTRY_LIMIT ((size_t) 1024 * 1024)
#define TILE_LIMIT ((size_t) 64 * 1024 * 1024)
#define TICK_MS 100
#define TICKS 10 /* to a round: every log once */
#define ISSUERS_EXPECTED 2
#define SERIAL_MARK span_of("\xa0\x03\x02\x01\x02\x02\x10", 7) /* version 3, then a serial of 16 bytes */

struct template {
    struct buffer leaf_input, extra_data; /* as of an RFC 6962 log */
    size_t serial_at, extra_serial_at;    /* extra_serial_at 0: no precertificate there */
};

struct planted {
    uint64_t index;
    struct buffer leaf_input, extra_data;
};

/* Planted, and not yet covered by a head. */
struct pending {
    uint64_t index;
    char name[64];
    size_t issuer;
    bool is_precertificate;
    struct hash tbs_sha256;
};

struct endless {
    struct endless_logs *all;
    struct drill_log log;
    struct http *http;
    struct log_place place;
    char name[32];
    size_t number;
    double rate;       /* entries per second */
    uint64_t begin;    /* size at start */
    uint64_t *timestamps;
    size_t capacity;
    struct planted *planted;
    size_t planted_count, planted_capacity;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
};

struct endless_logs {
    const char *folder;
    struct made_up made_up;
    uint64_t random, watches, certificates;
    struct template *templates;
    struct endless *logs;
    size_t count;
    struct libdeflate_compressor *compressor;
    struct buffer leaf_input, extra_data, tile;
    int64_t began_ms;
    unsigned tick;
    bool is_planting, is_still;
};

/* ---- entries ---- */

static size_t find_serial(struct span bytes) {
    struct span mark = SERIAL_MARK;
    const uint8_t *found = memmem(bytes.bytes, bytes.size, mark.bytes, mark.size);
    return found == NULL ? 0 : (size_t) (found - bytes.bytes) + mark.size;
}

static result make_templates(struct endless_logs *all) {
    all->templates = memory_new_array(TEMPLATES, sizeof *all->templates);
    if (all->templates == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < TEMPLATES; i++) {
        struct template *template = &all->templates[i];
        struct made_up_order order = {.index = i, .timestamp_ms = (uint64_t) all->began_ms};
        struct drill_entry entry;
        TRY(made_up_entry(&all->made_up, &order, &entry));
        entry.has_leaf_index = false;
        template->leaf_input = buffer_with_limit(ENTRY_LIMIT);
        template->extra_data = buffer_with_limit(ENTRY_LIMIT);
        if (!entry_add_leaf_input(&template->leaf_input, &entry) || !entry_add_extra_data(&template->extra_data, &entry))
            return &fault_limit_reached;
        template->serial_at = find_serial(buffer_span(&template->leaf_input));
        if (entry.kind == ENTRY_PRECERTIFICATE)
            template->extra_serial_at = find_serial(buffer_span(&template->extra_data));
    }
    return OK;
}

static void write_number(uint8_t *place, size_t width, uint64_t number) {
    for (size_t i = 0; i < width; i++)
        place[i] = (uint8_t) (number >> 8 * (width - 1 - i));
}

/* The serial's last 12 bytes say log and index. */
static void write_serial(struct buffer *entry, size_t serial_at, const struct endless *log, uint64_t index) {
    write_number(entry->bytes + serial_at + 4, 4, log->number);
    write_number(entry->bytes + serial_at + 8, 8, index);
}

static const struct planted *find_planted(const struct endless *log, uint64_t index) {
    size_t low = 0, high = log->planted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->planted[middle].index == index)
            return &log->planted[middle];
        if (log->planted[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* leaf_input and extra_data of an entry, into the shared buffers. */
static bool render(const struct endless *log, uint64_t index) {
    struct endless_logs *all = log->all;
    const struct planted *planted = find_planted(log, index);
    uint64_t mixed = index * 131 + log->number;
    const struct template *template = &all->templates[weak_random(&mixed) % TEMPLATES];
    buffer_reset(&all->leaf_input);
    buffer_reset(&all->extra_data);
    if (planted != NULL)
        return buffer_add(&all->leaf_input, buffer_span(&planted->leaf_input)) &&
               buffer_add(&all->extra_data, buffer_span(&planted->extra_data));
    if (!buffer_add(&all->leaf_input, buffer_span(&template->leaf_input)) ||
        !buffer_add(&all->extra_data, buffer_span(&template->extra_data)))
        return false;
    write_number(all->leaf_input.bytes + 2, 8, log->timestamps[index]);
    write_serial(&all->leaf_input, template->serial_at, log, index);
    if (template->extra_serial_at > 0)
        write_serial(&all->extra_data, template->extra_serial_at, log, index);
    if (!log->log.is_static)
        return true;
    /* CtExtensions: leaf_index, 5 bytes (static-ct-api) */
    all->leaf_input.size -= 2;
    return buffer_add(&all->leaf_input, span_of("\x00\x08\x00\x00\x05", 5)) && buffer_add_number(&all->leaf_input, 5, index);
}

static bool parse(struct endless_logs *all, struct leaf *ret_leaf) {
    return leaf_parse(buffer_span(&all->leaf_input), ret_leaf) == OK && leaf_add_extra_data(buffer_span(&all->extra_data), ret_leaf) == OK;
}

/* ---- what a log asks of its source ---- */

static bool add_entries(void *data, uint64_t begin, uint64_t end, struct evbuffer *out) {
    struct endless *log = data;
    struct endless_logs *all = log->all;
    buffer_reset(&all->tile);
    for (uint64_t i = begin; i < end; i++)
        if ((i > begin && !buffer_add_text(&all->tile, ",")) || !render(log, i) ||
            !entry_add_json(&all->tile, buffer_span(&all->leaf_input), buffer_span(&all->extra_data)))
            return false;
    return evbuffer_add(out, all->tile.bytes, all->tile.size) == 0;
}

static bool add_data_tile(void *data, uint64_t number, unsigned width, struct evbuffer *out, bool *ret_is_gzip) {
    struct endless *log = data;
    struct endless_logs *all = log->all;
    struct leaf leaf;
    buffer_reset(&all->tile);
    for (uint64_t i = number * 256; i < number * 256 + width; i++)
        if (!render(log, i) || !parse(all, &leaf) || !leaf_add_tile_leaf(&all->tile, &leaf))
            return false;
    size_t room = libdeflate_gzip_compress_bound(all->compressor, all->tile.size);
    AUTO_FREE uint8_t *packed = memory_new(room);
    size_t size = packed == NULL ? 0 : libdeflate_gzip_compress(all->compressor, all->tile.bytes, all->tile.size, packed, room);
    *ret_is_gzip = true;
    return size > 0 && evbuffer_add(out, packed, size) == 0;
}

static bool add_issuer(void *data, const struct hash *fingerprint, struct evbuffer *out) {
    const struct endless *log = data;
    const struct made_up *made_up = &log->all->made_up;
    for (size_t i = 0; i < MADE_UP_ISSUERS + MADE_UP_ROOTS; i++) {
        const struct buffer *der = i < MADE_UP_ISSUERS ? &made_up->issuers[i].certificate : &made_up->roots[i - MADE_UP_ISSUERS].certificate;
        struct hash hash;
        digest_of(buffer_span(der), &hash);
        if (hash_equal(&hash, fingerprint))
            return evbuffer_add(out, der->bytes, der->size) == 0;
    }
    return true;
}

static bool read_entry(void *data, uint64_t index, struct buffer *ret_leaf_input, struct buffer *ret_extra_data) {
    const struct endless *log = data;
    return render(log, index) && buffer_add(ret_leaf_input, buffer_span(&log->all->leaf_input)) &&
           buffer_add(ret_extra_data, buffer_span(&log->all->extra_data));
}

static const struct drill_source endless_source = {add_entries, add_data_tile, add_issuer, read_entry};

/* ---- growth ---- */

static result append(struct endless *log, uint64_t timestamp_ms) {
    uint64_t index = tree_size(&log->log.tree);
    struct leaf leaf;
    struct hash hash;
    uint64_t *timestamps = memory_grow(log->timestamps, index, &log->capacity, sizeof *timestamps);
    if (timestamps == NULL)
        return &fault_no_memory;
    log->timestamps = timestamps;
    log->timestamps[index] = timestamp_ms;
    if (!render(log, index) || !parse(log->all, &leaf))
        return &fault_limit_reached;
    leaf_hash(&leaf, &hash);
    return tree_append(&log->log.tree, &hash);
}

static result plant_into(struct endless *log, struct drill_entry *entry, const struct pending *pending) {
    struct planted *grown = memory_grow(log->planted, log->planted_count, &log->planted_capacity, sizeof *grown);
    if (grown == NULL)
        return &fault_no_memory;
    log->planted = grown;
    if (log->pending_count == PENDING_MAX)
        return &fault_limit_reached;
    uint64_t index = tree_size(&log->log.tree);
    struct planted *planted = &log->planted[log->planted_count++];
    *planted = (struct planted){index, buffer_with_limit(ENTRY_LIMIT), buffer_with_limit(ENTRY_LIMIT)};
    entry->has_leaf_index = log->log.is_static;
    entry->leaf_index = index;
    if (!entry_add_leaf_input(&planted->leaf_input, entry) || !entry_add_extra_data(&planted->extra_data, entry))
        return &fault_limit_reached;
    struct pending *place = &log->pending[log->pending_count++];
    *place = *pending;
    place->index = index;
    return append(log, entry->timestamp_ms);
}

static struct endless *choose_log(struct endless_logs *all) {
    return &all->logs[weak_random(&all->random) % all->count];
}

static size_t issuer_of(const struct endless_logs *all, const struct drill_entry *entry) {
    size_t i = 0;
    while (i < MADE_UP_ISSUERS - 1 && !hash_equal(&all->made_up.issuers[i].spki_sha256, &entry->issuer_key_hash))
        i++;
    return i;
}

static result plant(struct endless_logs *all) {
    struct drill_entry entry;
    struct pending pending = {0};
    uint64_t watch = weak_random(&all->random) % all->watches;
    snprintf(pending.name, sizeof pending.name, "c%llu.w%llu.endurance.test", (unsigned long long) all->certificates++,
             (unsigned long long) watch);
    struct made_up_order order = {.index = 1000000000 + all->certificates, .timestamp_ms = (uint64_t) clock_wall_ms(), .watched = pending.name};
    TRY(made_up_entry(&all->made_up, &order, &entry));
    pending.issuer = issuer_of(all, &entry);
    pending.is_precertificate = entry.kind == ENTRY_PRECERTIFICATE;
    digest_of(buffer_span(&all->made_up.tbs), &pending.tbs_sha256);
    struct endless *first = choose_log(all), *second = choose_log(all);
    TRY(plant_into(first, &entry, &pending));
    return all->certificates % 2 == 0 && second != first ? plant_into(second, &entry, &pending) : OK;
}

static void publish(struct endless *log) {
    log->log.published_size = tree_size(&log->log.tree);
    for (size_t i = 0; i < log->pending_count; i++) {
        const struct pending *pending = &log->pending[i];
        char tbs[HASH_HEX_SIZE];
        hash_to_hex(&pending->tbs_sha256, tbs);
        printf("{\"log\":%zu,\"index\":%llu,\"published_ms\":%lld,\"name\":\"%s\",\"issuer\":%zu,\"is_precertificate\":%s,\"tbs_sha256\":\"%s\"}\n",
               log->number, (unsigned long long) pending->index, (long long) clock_wall_ms(), pending->name, pending->issuer,
               pending->is_precertificate ? "true" : "false", tbs);
    }
    if (log->pending_count > 0)
        fflush(stdout);
    log->pending_count = 0;
}

static result grow(struct endless *log, int64_t now_ms) {
    double due = log->rate * (double) (now_ms - log->all->began_ms) / 1000;
    uint64_t target = log->begin + (uint64_t) due;
    while (tree_size(&log->log.tree) < target)
        TRY(append(log, (uint64_t) now_ms));
    publish(log);
    return OK;
}

static void write_sizes(struct endless_logs *all) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(ENTRY_LIMIT);
    char path[FOLDER_PATH_SIZE];
    struct reason reason;
    for (size_t i = 0; i < all->count; i++)
        buffer_printf(&text, "%llu\n", (unsigned long long) all->logs[i].log.published_size);
    if (!folder_path(path, all->folder, "sizes") || folder_write_fast(path, buffer_span(&text), &reason) != OK)
        fprintf(stderr, "sizes cannot be written\n");
}

static result tick(struct endless_logs *all) {
    if (all->is_planting && !all->is_still && all->tick % TICKS == 0)
        TRY(plant(all));
    for (size_t i = all->tick % TICKS; i < all->count && !all->is_still; i += TICKS)
        TRY(grow(&all->logs[i], clock_wall_ms()));
    all->tick++;
    write_sizes(all);
    return OK;
}

/* ---- events ---- */

static void on_tick(evutil_socket_t none, short events, void *context) {
    (void) none;
    (void) events;
    struct endless_logs *all = context;
    if (tick(all) != OK) {
        fprintf(stderr, "the logs cannot grow\n");
        all->is_still = true;
    }
}

static void on_plant(evutil_socket_t number, short events, void *context) {
    (void) number;
    (void) events;
    ((struct endless_logs *) context)->is_planting = true;
}

/* What is planted must be published: the last growth of every log. */
static void on_still(evutil_socket_t number, short events, void *context) {
    (void) number;
    (void) events;
    struct endless_logs *all = context;
    all->is_still = true;
    for (size_t i = 0; i < all->count; i++)
        publish(&all->logs[i]);
    write_sizes(all);
    printf("{\"still\":true}\n");
    fflush(stdout);
}

static result run(struct endless_logs *all, struct event_base *loop, struct reason *reason) {
    CLEANUP(stop_events_done) struct stop_events stop = {0};
    static const struct timeval period = {0, TICK_MS * 1000};
    TRY(stop_events_init(loop, &stop));
    struct event *events[] = {event_new(loop, -1, EV_PERSIST, on_tick, all), evsignal_new(loop, SIGUSR1, on_plant, all),
                              evsignal_new(loop, SIGUSR2, on_still, all)};
    result outcome = OK;
    for (size_t i = 0; i < 3; i++)
        if (events[i] == NULL || event_add(events[i], i == 0 ? &period : NULL) != 0)
            outcome = &fault_no_memory;
    if (outcome == OK)
        outcome = run_loop(loop, reason);
    for (size_t i = 0; i < 3; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    return outcome;
}

/* ---- start ---- */

static result open_log(struct endless *log, struct event_base *loop, struct reason *reason) {
    EVP_PKEY *key;
    snprintf(log->name, sizeof log->name, "log%02zu", log->number);
    TRY(key_new(&key));
    /* 9 of 14 are static-ct logs: 45 of 70 */
    TRY(drill_log_init(&log->log, log->name, log->number % 14 % 3 != 1, key));
    log->log.source = &endless_source;
    log->log.source_data = log;
    for (uint64_t i = 0; i < log->begin; i++)
        TRY(append(log, (uint64_t) (log->all->began_ms - (int64_t) ((double) (log->begin - i) * 1000 / log->rate))));
    log->log.published_size = log->begin;
    struct http_options options = {.logs = {&log->log}, .log_count = 1};
    TRY(http_new(loop, &options, 0, &log->http, reason));
    place_log(&log->log, http_port(log->http), &log->place);
    return OK;
}

/* Rates fall from the busiest log to the last by a factor of twelve, as among real logs. */
static result open_logs(struct endless_logs *all, struct event_base *loop, uint64_t rate, uint64_t initial, struct reason *reason) {
    double sum = 0;
    for (size_t i = 0; i < all->count; i++)
        sum += 1 / (1 + (double) i / 6);
    for (size_t i = 0; i < all->count; i++) {
        double share = 1 / (1 + (double) i / 6) / sum;
        all->logs[i].all = all;
        all->logs[i].number = i;
        all->logs[i].rate = share * (double) rate;
        all->logs[i].begin = (uint64_t) (share * (double) initial);
        TRY(open_log(&all->logs[i], loop, reason));
    }
    return OK;
}

static void say_ready(const struct endless_logs *all) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(ENTRY_LIMIT);
    char hex[HASH_HEX_SIZE];
    buffer_add_text(&text, "{\"logs\":[");
    for (size_t i = 0; i < all->count; i++) {
        const struct endless *log = &all->logs[i];
        hash_to_hex(&log->log.spki.sha256, hex);
        buffer_printf(&text, "%s{\"name\":\"%s\",\"url\":\"%s\",\"origin\":\"%s\",\"is_static\":%s,\"log_id\":\"%s\",\"rate\":%.2f,\"key\":\"",
                      i == 0 ? "" : ",", log->name, log->place.url, log->log.origin, log->log.is_static ? "true" : "false", hex, log->rate);
        buffer_add_base64(&text, span_of(log->log.spki.bytes, log->log.spki.size));
        buffer_add_text(&text, "\"}");
    }
    buffer_printf(&text, "],\"expected\":%d,\"issuers\":[", ISSUERS_EXPECTED);
    for (size_t i = 0; i < MADE_UP_ISSUERS; i++) {
        hash_to_hex(&all->made_up.issuers[i].spki_sha256, hex);
        buffer_printf(&text, "%s\"%s\"", i == 0 ? "" : ",", hex);
    }
    buffer_add_text(&text, "]}");
    puts(buffer_text(&text));
    fflush(stdout);
}

static bool number_of(const char *text, uint64_t most, uint64_t *ret_number) {
    return text_to_number(span_of_text(text), most, ret_number) == OK;
}

static result serve(struct endless_logs *all, uint64_t rate, uint64_t initial, struct reason *reason) {
    CLEANUP(loop_free_at) struct event_base *loop = event_base_new();
    all->compressor = libdeflate_alloc_compressor(1);
    all->logs = memory_new_array(all->count, sizeof *all->logs);
    all->leaf_input = buffer_with_limit(ENTRY_LIMIT);
    all->extra_data = buffer_with_limit(ENTRY_LIMIT);
    all->tile = buffer_with_limit(TILE_LIMIT);
    all->began_ms = clock_wall_ms();
    if (loop == NULL || all->compressor == NULL || all->logs == NULL)
        return &fault_no_memory;
    TRY(made_up_init(&all->made_up, all->random));
    TRY(make_templates(all));
    TRY(open_logs(all, loop, rate, initial, reason));
    all->began_ms = clock_wall_ms();
    write_sizes(all);
    say_ready(all);
    return run(all, loop, reason);
}

int main(int count, char **arguments) {
    static struct endless_logs all;
    uint64_t logs, rate, initial;
    struct reason reason = {""};
    if (count != 7 || !number_of(arguments[2], LOGS_MAX, &logs) || !number_of(arguments[3], 1000000, &rate) ||
        !number_of(arguments[4], 100000000, &initial) || !number_of(arguments[5], 100000000, &all.watches) ||
        !number_of(arguments[6], UINT64_MAX, &all.random) || logs == 0 || all.watches == 0) {
        fprintf(stderr, "usage: endurance_logs FOLDER LOGS ENTRIES_PER_SECOND INITIAL_ENTRIES WATCHES SEED\n");
        return 64;
    }
    all.folder = arguments[1];
    all.count = (size_t) logs;
    result outcome = serve(&all, rate, initial, &reason);
    if (outcome != OK)
        fprintf(stderr, "endurance_logs: %s (%s)\n", reason.text, outcome->name);
    return outcome == OK ? 0 : 1; /* what is left, the end of the process frees */
}
