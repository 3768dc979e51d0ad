/* How many requests each source, and all together, may make. Pure: the time comes in. */
#pragma once

#include <netinet/in.h>

#include "base/result.h"
#include "base/span.h"

#define RATE_SOURCE_SIZE 48

/* Whom the limits are about: an IPv4 address, or the first 64 bits of an IPv6 address, which one household or server has to itself; as text. */
void rate_source_of(const struct sockaddr *address, char ret_source[RATE_SOURCE_SIZE]);
/* The same of a written address; false: it is none. */
bool rate_source_of_text(const char *text, char ret_source[RATE_SOURCE_SIZE]);

/* Is it the address that is written there, all of it? False: another, or none is written. */
bool rate_is_address(const struct sockaddr *address, const char *text);

struct rate_limits {
    unsigned per_minute_source, per_second; /* so many at once, too */
    unsigned new_per_day_source;            /* distinct reports */
};

struct rate;
MUST_CHECK result rate_new(const struct rate_limits *limits, const uint8_t secret[16], struct rate **ret_rate);
void rate_free(struct rate *rate);

enum rate_answer { RATE_GO, RATE_SOURCE_LIMIT, RATE_LIMIT };
/* One request. What is not remembered (8,192 sources are) has made none. */
enum rate_answer rate_take(struct rate *rate, const char *source, int64_t now_ms);
/* May that source bring a report that nobody has sent yet? And: it did. */
bool rate_may_add(struct rate *rate, const char *source, int64_t now_ms);
void rate_note_added(struct rate *rate, const char *source, int64_t now_ms);
