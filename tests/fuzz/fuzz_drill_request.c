/* What clients send to the drill's server: tile paths, of which only the one spelling is taken, and chains.
 *
 * library: drill
 * parser: drill/tile_request.c drill/chain_request.c formats/tile_path.c
 * seeds: drill-request */
#include "drill/http_parts.h"
#include "drill/tile_request.h"
#include "formats/tile_path.h"
#include "fuzz/harness.h"

static void check_tile(struct span path) {
    struct tile_request tile;
    char again[TILE_PATH_SIZE];
    if (!tile_request_parse(path, &tile))
        return;
    require(tile.width >= 1 && tile.width <= TILE_WIDTH && tile.level <= 5);
    if (tile.is_data)
        tile_path_data(tile.number, tile.width, again);
    else
        tile_path_hashes(tile.level, tile.number, tile.width, again);
    require(strncmp(again, "tile/", 5) == 0 && span_equal(span_of_text(again + 5), path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct chain_request chain;
    check_tile(span_of(bytes, size));
    if (chain_request_read(span_of(bytes, size), &chain)) {
        require(chain.count > 0);
        for (size_t i = 0; i < chain.count; i++)
            require(chain.certificates[i].size > 0);
        chain_request_done(&chain);
    }
    return 0;
}
