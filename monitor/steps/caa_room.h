/* Names whose CAA records are not polled for want of room: how many, and when that is told. */
#pragma once

#include "base/result.h"
#include "rules/caa_left_out.h"
#include "steps/told.h"

struct caa_poller;

struct caa_room {
    struct caa_left_out left_out; /* since the last reading of all names began */
    size_t told_count, scanned_count; /* names when all had been read */
    enum told told;
    int64_t due_ms; /* monotonic: another number is not told sooner */
};

/* Tells how many names there is no room for, or that there is for all. */
MUST_CHECK result caa_room_look(struct caa_poller *poller, int64_t now_ms);
