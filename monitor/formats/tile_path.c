#include "formats/tile_path.h"

#include <stdio.h>

#include "base/text.h"

#define GROUPS_MAX 7 /* of three digits: 2^64 has 20 */

/* Appends "x001/x234/067" and the partial suffix at `at` of `ret_path`. */
static void add_number(char ret_path[TILE_PATH_SIZE], size_t at, uint64_t number, unsigned width) {
    unsigned groups[GROUPS_MAX];
    size_t count = 0;
    do {
        groups[count++] = (unsigned) (number % 1000);
        number /= 1000;
    } while (number > 0);
    while (count-- > 0)
        at += (size_t) snprintf(ret_path + at, TILE_PATH_SIZE - at, count > 0 ? "x%03u/" : "%03u", groups[count]);
    if (width < TILE_WIDTH)
        snprintf(ret_path + at, TILE_PATH_SIZE - at, ".p/%u", width);
}

void tile_path_hashes(unsigned level, uint64_t number, unsigned width, char ret_path[TILE_PATH_SIZE]) {
    int at = snprintf(ret_path, TILE_PATH_SIZE, "tile/%u/", level);
    add_number(ret_path, (size_t) at, number, width);
}

void tile_path_data(uint64_t number, unsigned width, char ret_path[TILE_PATH_SIZE]) {
    int at = snprintf(ret_path, TILE_PATH_SIZE, "tile/data/");
    add_number(ret_path, (size_t) at, number, width);
}

void tile_path_issuer(const struct hash *fingerprint, char ret_path[TILE_PATH_SIZE]) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(fingerprint, hex);
    snprintf(ret_path, TILE_PATH_SIZE, "issuer/%s", hex);
}
