/* The commands of pinwatch-drill that serve; each runs until SIGTERM or SIGINT. */
#pragma once

#include <stdint.h>

#include "base/reason.h"
#include "base/result.h"

struct serve_options {
    const char *folder;
    unsigned port;  /* 0: the one that drill.json remembers, else any free one */
    unsigned batch; /* most entries in one get-entries answer; 0: default */
    uint64_t size;  /* serve-files: only the first so many entries; 0: all */
};

/* A growing RFC 6962 log, a growing static-ct log and two CAs; everything lives in the folder. */
MUST_CHECK result serve_live(const struct serve_options *options, struct reason *reason);
/* A folder that generate or wrap wrote, under both protocols. */
MUST_CHECK result serve_files(const struct serve_options *options, struct reason *reason);
