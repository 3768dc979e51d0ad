/* The ready lines for each platform: what to put into an app, a zone or a header so that keys are pinned. */
#pragma once

#include "cli/pins_keys.h"
#include "formats/pin_file.h"

struct pins_lines_wish {
    const struct pins_key *keys;
    size_t count;
    const char *host;  /* A-labels; NULL: not known, then only formats without hosts have lines */
    uint16_t port;     /* for TLSA */
    bool are_cas;      /* the keys are those of CAs, not of the server */
};

/* "Android network security config": NULL past the last platform. */
const char *pins_lines_title(size_t platform);
enum pin_format pins_lines_format(size_t platform);
/* Appends the lines; nothing where the platform cannot say it. Fails only without memory. */
MUST_CHECK result pins_lines_write(const struct pins_lines_wish *wish, size_t platform, struct arena *arena, struct buffer *out);
