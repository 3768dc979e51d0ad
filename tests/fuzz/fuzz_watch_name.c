/* Look-ups in the image against the plain reading of the rules, name by name. */
#include <stdlib.h>

#include "rules/watch_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct watch_item items[] = {
    {WATCH_NAME, "example.com"},   {WATCH_NAME, "www.example.com"}, {WATCH_SUBTREE, "example.org"},
    {WATCH_NAME, "a.b.c.d"},       {WATCH_SUBTREE, "b.c.d"},        {WATCH_NAME, "c.d"},
    {WATCH_NAME, "w.example.com"}, {WATCH_NAME, "wx.co.uk"},        {WATCH_SUBTREE, "x.www.example.com"},
    {WATCH_NAME, "b.b.b.b"},       {WATCH_NAME, "a.b.b.b"},         {WATCH_SUBTREE, "b.a.b"},
};
#define ITEMS (sizeof items / sizeof items[0])

static struct span last_label(struct span *rest) {
    const uint8_t *dot = rest->size == 0 ? NULL : memrchr(rest->bytes, '.', rest->size);
    size_t begin = dot == NULL ? 0 : (size_t) (dot - rest->bytes) + 1;
    struct span label = span_of(rest->bytes + begin, rest->size - begin);
    *rest = dot == NULL ? span_of(NULL, 0) : span_of(rest->bytes, begin - 1);
    return label;
}

static bool has(struct span text, char wanted) {
    return text.size > 0 && memchr(text.bytes, wanted, text.size) != NULL;
}

static bool label_fits(struct span pattern, struct span label) {
    if (has(pattern, '?'))
        return true;
    if (!has(pattern, '*'))
        return span_equal(pattern, label);
    size_t before = 0, after = 0;
    while (pattern.bytes[before] != '*')
        before++;
    while (pattern.bytes[pattern.size - 1 - after] != '*')
        after++;
    return label.size >= before + after && memcmp(pattern.bytes, label.bytes, before) == 0 &&
           memcmp(pattern.bytes + pattern.size - after, label.bytes + label.size - after, after) == 0;
}

static bool item_fits(const struct watch_item *item, struct span name) {
    struct span wanted = span_of_text(item->value);
    if (name.size == 0)
        return false;
    while (wanted.bytes != NULL) {
        if (name.bytes == NULL)
            return false;
        struct span pattern = last_label(&name), label = last_label(&wanted);
        if (!label_fits(pattern, label))
            return false;
    }
    return name.bytes == NULL || item->kind == WATCH_SUBTREE;
}

static const struct watch_image *image_once(void) {
    static struct buffer bytes;
    static struct watch_image image;
    if (image.header == NULL) {
        bytes = buffer_with_limit(1 << 20);
        if (watch_image_build(items, ITEMS, 1, &bytes) != OK || watch_image_open(buffer_span(&bytes), &image) != OK)
            abort();
    }
    return &image;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct watch_hits hits;
    struct span name = span_of(bytes, size);
    watch_hits_reset(&hits);
    watch_find_dns(image_once(), name, &hits);
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool is_hit = false;
        for (size_t k = 0; k < hits.count; k++)
            is_hit = is_hit || hits.terminals[k] == i;
        bool is_wanted = item_fits(&items[i], name);
        if (is_hit && !is_wanted)
            abort();
        if (is_wanted && !is_hit && !hits.is_nearly_all)
            abort();
    }
    watch_hits_reset(&hits);
    watch_find_email(image_once(), name, &hits);
    watch_find_address(image_once(), name, &hits);
    return 0;
}
