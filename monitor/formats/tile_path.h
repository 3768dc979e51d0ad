/* Where tiles lie, relative to the monitoring prefix (C2SP tlog-tiles, static-ct-api). */
#pragma once

#include "base/result.h"
#include "base/span.h"

#define TILE_WIDTH 256
#define TILE_PATH_SIZE 80

/* "tile/<level>/x001/x234/067" with ".p/<width>" when width is 1 to 255; width 256 is a full tile. Level 0 to 7. */
void tile_path_hashes(unsigned level, uint64_t number, unsigned width, char ret_path[TILE_PATH_SIZE]);
void tile_path_data(uint64_t number, unsigned width, char ret_path[TILE_PATH_SIZE]);
/* "issuer/<hex>" */
void tile_path_issuer(const struct hash *fingerprint, char ret_path[TILE_PATH_SIZE]);
