/* Tile paths against the plain reading of the rule: groups of three digits, all but the last with an x before them.
 *
 * parser: formats/tile_path.c
 * seeds: number */
#include <stdio.h>

#include "formats/tile_path.h"
#include "fuzz/harness.h"

static void write_slowly(const char *kind, uint64_t number, unsigned width, char ret_path[200]) {
    char digits[32], path[100] = "";
    size_t count = (size_t) snprintf(digits, sizeof digits, "%llu", (unsigned long long) number);
    size_t padding = (3 - count % 3) % 3, used = 0;
    char padded[40];
    snprintf(padded, sizeof padded, "%.*s%s", (int) padding, "00", digits);
    for (size_t at = 0; at < count + padding; at += 3)
        used += (size_t) snprintf(path + used, sizeof path - used, "%s%.3s%s", at + 3 < count + padding ? "x" : "", padded + at,
                                  at + 3 < count + padding ? "/" : "");
    char partial[16] = "";
    if (width < TILE_WIDTH)
        snprintf(partial, sizeof partial, ".p/%u", width);
    snprintf(ret_path, 200, "tile/%s/%s%s", kind, path, partial);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct cursor input = cursor_of(span_of(bytes, size));
    unsigned width = next_choice(&input) + 1u, level = next_choice(&input) % 8u;
    uint64_t number = next_number(&input, 8) >> next_choice(&input) % 64;
    char ours[TILE_PATH_SIZE], theirs[200], kind[4];
    struct hash fingerprint = {{0}};
    snprintf(kind, sizeof kind, "%u", level);
    tile_path_hashes(level, number, width, ours);
    write_slowly(kind, number, width, theirs);
    require(strcmp(ours, theirs) == 0);
    tile_path_data(number, width, ours);
    write_slowly("data", number, width, theirs);
    require(strcmp(ours, theirs) == 0);
    (void) cursor_copy(&input, HASH_SIZE, fingerprint.bytes);
    tile_path_issuer(&fingerprint, ours);
    require(strlen(ours) == 7 + 2 * HASH_SIZE && strncmp(ours, "issuer/", 7) == 0);
    return 0;
}
