/* Watches as a person writes them, one a line, then names and addresses: the image against a naive matcher over the same.
 *
 * library: idn2
 * parser: rules/watch_item.c rules/watch_build.c rules/watch_image.c
 * seeds: watch-items */
#include <stdio.h>

#include "base/memory.h"
#include "fuzz/naive_match.h"

enum { ITEMS_MAX = 320, VALUE_SIZE = 256 };

struct watches {
    struct watch_item items[ITEMS_MAX];
    char values[ITEMS_MAX][VALUE_SIZE];
    uint32_t first[ITEMS_MAX]; /* the lowest number of an equal item: that is the one that matches */
    size_t count;
};

static bool next_line(struct span *rest, struct span *ret_line) {
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->bytes, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t) (end - rest->bytes);
    *ret_line = span_of(rest->bytes, size);
    *rest = end == NULL ? span_of(NULL, 0) : span_of(end + 1, rest->size - size - 1);
    return true;
}

/* A value that was normalised must be taken again, as itself. */
static void parse_again(enum watch_kind kind, const char *value) {
    char again[VALUE_SIZE], text[VALUE_SIZE + 8];
    enum watch_kind other;
    static const char *const before[] = {"", ".", "", "sha256:", "@"};
    snprintf(text, sizeof text, "%s%s", before[kind], value);
    require(watch_item_parse(span_of_text(text), &other, again, NULL) == OK && other == kind && strcmp(value, again) == 0);
}

static void add_watch(struct watches *watches, struct span line) {
    enum watch_kind kind;
    struct reason reason = {""};
    char *value = watches->values[watches->count];
    result outcome = watch_item_parse(line, &kind, value, &reason);
    require(outcome == OK || reason.text[0] != '\0');
    if (outcome != OK)
        return;
    parse_again(kind, value);
    watches->items[watches->count] = (struct watch_item){.kind = kind, .value = value};
    uint32_t first = 0;
    while (watches->items[first].kind != kind || strcmp(watches->items[first].value, value) != 0)
        first++;
    watches->first[watches->count++] = first;
}

/* Of more terminals than there is room for the lowest are told. */
static bool is_crowded_out(const struct watch_hits *hits, uint32_t terminal) {
    bool is_so = hits->count == REPORT_TERMINALS_MAX && hits->total > hits->count;
    for (size_t i = 0; i < hits->count; i++)
        is_so = is_so && hits->terminals[i] < terminal;
    return is_so;
}

static void check_hits(const struct watches *watches, const struct watch_hits *hits, bool (*fits)(const struct watch_item *, struct span),
                       struct span name, struct span before) {
    for (uint32_t i = 0; i < watches->count; i++) {
        const struct watch_item *item = &watches->items[i];
        bool is_hit = false;
        for (size_t k = 0; k < hits->count; k++)
            is_hit = is_hit || (hits->terminals[k] < watches->count && hits->terminals[k] == i);
        bool is_wanted = watches->first[i] == i && (fits(item, name) || (before.bytes != NULL && fits(item, before)));
        require(is_wanted || !is_hit);
        require(is_hit || !is_wanted || (hits->is_nearly_all && is_below(item->value, hits->broad_suffix)) || is_crowded_out(hits, i));
    }
}

static bool dns_fits(const struct watch_item *item, struct span name) {
    return (item->kind == WATCH_NAME || item->kind == WATCH_SUBTREE) && name_fits(item->value, item->kind == WATCH_SUBTREE, name);
}

static bool email_fits(const struct watch_item *item, struct span name) {
    return item->kind == WATCH_EMAIL && name_fits(item->value, false, name);
}

static bool ip_fits(const struct watch_item *item, struct span address) {
    return item->kind == WATCH_ADDRESS && address_fits(item->value, address);
}

static bool key_fits(const struct watch_item *item, struct span key) {
    char hex[HASH_HEX_SIZE];
    text_of_hex(key, hex);
    return item->kind == WATCH_KEY && strcmp(hex, item->value) == 0;
}

/* As names reach the look-up: no empty labels, no dots at the ends, lower case. */
static bool is_normal(struct span name) {
    uint8_t before = '.';
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.bytes[i];
        if (byte == 0 || strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.*?", byte) == NULL || (byte == '.' && before == '.'))
            return false;
        before = byte;
    }
    return before != '.';
}

static void look_up(const struct watches *watches, const struct watch_image *image, struct span line) {
    static struct watch_hits hits;
    uint8_t address[16];
    char text[INET6_ADDRSTRLEN] = "";
    struct hash key;
    if (is_normal(line)) {
        watch_hits_reset(&hits);
        watch_find_dns(image, line, &hits);
        check_hits(watches, &hits, dns_fits, line, span_of(NULL, 0));
        watch_hits_reset(&hits);
        watch_find_email(image, line, &hits);
        check_hits(watches, &hits, email_fits, line, span_of(NULL, 0));
    }
    if (line.size < sizeof text) {
        memcpy(text, line.bytes, line.size);
        text[line.size] = '\0';
    }
    size_t size = inet_pton(AF_INET, text, address) == 1 ? 4 : inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
    if (size > 0) {
        watch_hits_reset(&hits);
        watch_find_address(image, span_of(address, size), &hits);
        check_hits(watches, &hits, ip_fits, span_of(address, size), span_of(NULL, 0));
    }
    if (hash_from_hex(line, &key) == OK) {
        watch_hits_reset(&hits);
        watch_find_key(image, &key, &hits);
        check_hits(watches, &hits, key_fits, span_of(key.bytes, HASH_SIZE), span_of(NULL, 0));
        require(watch_image_has_keys(image) || hits.count == 0);
    }
}

/* Two names of one entry: what either reaches. */
static void look_up_both(const struct watches *watches, const struct watch_image *image, struct span one, struct span other) {
    static struct watch_hits hits;
    if (one.bytes == NULL || !is_normal(one) || !is_normal(other))
        return;
    watch_hits_reset(&hits);
    watch_find_dns(image, one, &hits);
    watch_find_dns(image, other, &hits);
    check_hits(watches, &hits, dns_fits, other, one);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct watches watches;
    CLEANUP(buffer_done) struct buffer image_bytes = buffer_with_limit((size_t) 4 * 1024 * 1024);
    struct watch_image image;
    struct span rest = span_of(bytes, size), line;
    watches.count = 0;
    while (watches.count < ITEMS_MAX && next_line(&rest, &line) && line.size > 0) /* an empty line, then names */
        add_watch(&watches, line);
    require(watch_image_build(watches.items, watches.count, 7, &image_bytes) == OK);
    require(watch_image_open(buffer_span(&image_bytes), &image) == OK);
    require(watch_image_generation(&image) == 7);
    for (struct span before = {0}; next_line(&rest, &line); before = line) {
        look_up(&watches, &image, line);
        look_up_both(&watches, &image, before, line);
    }
    return 0;
}
