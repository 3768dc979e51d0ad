/* The members of a ZIP in memory (APPNOTE.TXT 6.3.10). A bounded reader of our own: libzip would make a structure of every member before the first
 * can be asked for, and refuses archives that Android installs. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"
#include "formats/little_endian.h"

struct zip_archive {
    struct span bytes;
    struct span directory;
    result fault;          /* of a refusal, which says why in `reason` */
    struct reason *reason;
};

struct zip_member {
    struct span name; /* borrowed */
    uint32_t method, crc, compressed_size, size, offset;
};

bool zip_is_likely(struct span bytes);
/* Error: `fault`, with what was wanted in `reason`, which has to live as long as the archive. */
MUST_CHECK result zip_open(struct span bytes, result fault, struct zip_archive *ret_archive, struct reason *reason);
/* The member at the cursor, which begins as cursor_of(archive->directory); false at the end, or where the directory breaks off. */
bool zip_next(struct cursor *cursor, struct zip_member *ret_member);
/* The member of that name: *ret_count says how many have it, and *ret_member is the last of them. */
void zip_find(const struct zip_archive *archive, const char *name, struct zip_member *ret_member, size_t *ret_count);
/* Its contents, from the arena or, where it is stored, borrowed from the archive. Error: the archive's fault: larger than `size_max`, damaged, or
 * packed in a way that we do not know; fault_no_memory. */
MUST_CHECK result zip_extract(const struct zip_archive *archive, const struct zip_member *member, size_t size_max, struct arena *arena,
                              struct span *ret_bytes);
