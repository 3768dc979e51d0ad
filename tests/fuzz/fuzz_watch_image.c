/* A watch image with any contents, as a reader is given it: opened or refused, and look-ups end without harm.
 *
 * The input: struct watch_header and what follows; magic and size are put right, so that the rest is reached. Then, behind the size
 * that the header asks for, names.
 *
 * seeds: watch-image
 * beside: watch_items */
#include "fuzz/harness.h"
#include "rules/watch_layout.h"

enum { IMAGE_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static _Alignas(64) uint8_t memory[IMAGE_MAX];
    static struct watch_hits hits;
    struct watch_header header = {0};
    struct watch_image image;
    memcpy(&header, bytes, size < sizeof header ? size : sizeof header);
    header.magic = WATCH_MAGIC;
    header.size = watch_image_size(&header);
    if (header.size > IMAGE_MAX)
        return 0;
    memset(memory, 0, header.size);
    memcpy(memory, bytes, size < header.size ? size : header.size);
    memcpy(memory, &header, sizeof header);
    if (watch_image_open(span_of(memory, header.size), &image) != OK)
        return 0;
    struct span names[] = {span_of_text("www.example.com"), span_of_text("*.example.com"), span_of_text("?.a*.?.*b"), span_of_text("?"),
                           size > header.size ? span_of(bytes + header.size, size - header.size) : span_of("", 0)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        watch_hits_reset(&hits);
        watch_find_dns(&image, names[i], &hits);
        watch_find_email(&image, names[i], &hits);
        watch_find_address(&image, names[i].size > 4 ? span_of(names[i].bytes, 4) : names[i], &hits);
        require(hits.count <= REPORT_TERMINALS_MAX && strlen(hits.broad_suffix) < sizeof hits.broad_suffix);
    }
    struct hash key = {{0}};
    watch_find_key(&image, &key, &hits);
    return 0;
}
