/* The path of a tile as a client asks for it (C2SP tlog-tiles; static-ct-api). */
#pragma once

#include "base/span.h"
#include "formats/tile_path.h"

struct tile_request {
    bool is_data;
    unsigned level; /* 0 for data */
    uint64_t number;
    unsigned width; /* 1 to 256 */
};

/* `path` is what follows "tile/", e.g. "0/x001/067.p/12"; only the one spelling of each tile is taken. */
bool tile_request_parse(struct span path, struct tile_request *ret_tile);
