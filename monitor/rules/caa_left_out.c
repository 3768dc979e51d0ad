#include "rules/caa_left_out.h"

#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

#define ROOM_FIRST 1024

static bool put(uint64_t *hashes, size_t room, uint64_t hash) {
    size_t at = (size_t) hash & (room - 1);
    while (hashes[at] != 0 && hashes[at] != hash)
        at = (at + 1) & (room - 1);
    bool is_new = hashes[at] == 0;
    hashes[at] = hash;
    return is_new;
}

/* At most half of the room is taken. */
static bool grow(struct caa_left_out *left_out) {
    size_t room = left_out->room == 0 ? ROOM_FIRST : 2 * left_out->room;
    uint64_t *hashes = memory_new_array(room, sizeof *hashes);
    if (hashes == NULL)
        return false;
    for (size_t i = 0; i < left_out->room; i++)
        if (left_out->hashes[i] != 0)
            put(hashes, room, left_out->hashes[i]);
    memory_free(left_out->hashes);
    left_out->hashes = hashes;
    left_out->room = room;
    return true;
}

void caa_left_out_add(struct caa_left_out *left_out, const char *name) {
    bool is_full = left_out->count >= CAA_LEFT_OUT_MAX || (2 * left_out->count >= left_out->room && !grow(left_out));
    if (is_full) {
        left_out->is_cut = true;
        return;
    }
    uint64_t hash = XXH3_64bits(name, strlen(name));
    left_out->count += put(left_out->hashes, left_out->room, hash == 0 ? 1 : hash);
}

void caa_left_out_forget(struct caa_left_out *left_out) {
    memory_free(left_out->hashes);
    *left_out = (struct caa_left_out){0};
}
