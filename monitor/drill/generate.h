/* Large test logs, written as a folder for serve_files. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"

#define GENERATE_WATCHES_MAX 16

struct generate_options {
    const char *folder;
    uint64_t entries;
    uint64_t seed;
    struct {
        const char *name;
        uint64_t every; /* index % every == 0 carries the name */
    } watches[GENERATE_WATCHES_MAX];
    size_t watch_count;
};

/* Distinct entries like those of a public log: 60 % precertificates, RSA-2048 and P-256 subject keys, 1 to 100 names, chains of two.
 * The same seed and count give the same bytes, keys included: these keys protect nothing. `ret_summary`: log.json's text. */
MUST_CHECK result generate_log(const struct generate_options *options, struct buffer *ret_summary, struct reason *reason);

/* Takes the data tiles of `tiles_folder` (tile/data/… and, where they are, issuer/…) and writes them as such a folder. */
MUST_CHECK result wrap_tiles(const char *tiles_folder, const char *folder, struct buffer *ret_summary, struct reason *reason);
