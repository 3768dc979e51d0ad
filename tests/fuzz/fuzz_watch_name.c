/* Look-ups of any bytes in one image against the plain reading of the rules, item by item.
 *
 * seeds: watch-name
 * beside: watch_items */
#include "fuzz/naive_match.h"

static const struct watch_item items[] = {
    {WATCH_NAME, "example.com"},   {WATCH_NAME, "www.example.com"}, {WATCH_SUBTREE, "example.org"},
    {WATCH_NAME, "a.b.c.d"},       {WATCH_SUBTREE, "b.c.d"},        {WATCH_NAME, "c.d"},
    {WATCH_NAME, "w.example.com"}, {WATCH_NAME, "wx.co.uk"},        {WATCH_SUBTREE, "x.www.example.com"},
    {WATCH_NAME, "b.b.b.b"},       {WATCH_NAME, "a.b.b.b"},         {WATCH_SUBTREE, "b.a.b"},
    {WATCH_ADDRESS, "192.0.2.0/24"}, {WATCH_ADDRESS, "2001:db8::/32"},
};
#define ITEMS (sizeof items / sizeof items[0])

static const struct watch_image *image_once(void) {
    static struct buffer bytes;
    static struct watch_image image;
    if (image.header == NULL) {
        bytes = buffer_with_limit(1 << 20);
        require(watch_image_build(items, ITEMS, 1, &bytes) == OK && watch_image_open(buffer_span(&bytes), &image) == OK);
    }
    return &image;
}

static bool item_fits(const struct watch_item *item, struct span name) {
    return item->kind != WATCH_ADDRESS && name.size > 0 && name_fits(item->value, item->kind == WATCH_SUBTREE, name);
}

static bool address_item_fits(const struct watch_item *item, struct span address) {
    return item->kind == WATCH_ADDRESS && address_fits(item->value, address);
}

static void check(const struct watch_hits *hits, bool (*fits)(const struct watch_item *, struct span), struct span name) {
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool is_hit = false;
        for (size_t k = 0; k < hits->count; k++)
            is_hit = is_hit || hits->terminals[k] == i;
        bool is_wanted = fits(&items[i], name);
        require(is_wanted || !is_hit);
        require(is_hit || !is_wanted || (hits->is_nearly_all && is_below(items[i].value, hits->broad_suffix)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct watch_hits hits;
    struct span name = span_of(bytes, size);
    watch_hits_reset(&hits);
    watch_find_dns(image_once(), name, &hits);
    check(&hits, item_fits, name);
    watch_hits_reset(&hits);
    watch_find_email(image_once(), name, &hits);
    require(hits.count == 0);
    watch_hits_reset(&hits);
    watch_find_address(image_once(), name, &hits);
    check(&hits, address_item_fits, name);
    return 0;
}
