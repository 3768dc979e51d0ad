/* Names of public keys as Chromium's .pins files give them, and the text around the JSON that refers to them. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/cursor.h"
#include "formats/pin_builder.h"

struct chromium_names {
    json_t *hex_of_name; /* owned: name -> its digest in hex */
    bool has_timestamp;
    int64_t timestamp;   /* Unix seconds: when the list was last looked over */
};

/* A capital letter, then letters, digits and underscores. */
bool chromium_name_is_valid(struct span name);
/* Reads names up to the end of the text, or to where JSON begins ("{" or "//" in place of a name), where the cursor then stands. With
 * `adds_sets`, each name becomes a set without host. Refuses the file where it holds a private key. */
MUST_CHECK result chromium_names_read(struct pin_builder *builder, struct cursor *text, unsigned *line, bool adds_sets,
                                      struct chromium_names *names, struct reason *reason);
/* The JSON at the cursor up to the end of its outermost object, without // comments and tabs, appended to `out` with as many line breaks as it has;
 * the cursor then stands behind it. */
void chromium_json_take(struct cursor *text, struct buffer *out);
