#include "reports/rate.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/memory.h"

enum { SETS = 1024, WAYS = 8 };
#define DAY_MS ((int64_t) 24 * 3600 * 1000)
#define MINUTE_MS 60000

/* A bucket that fills by itself; in thousandths of a request. */
struct bucket {
    int64_t level, filled_ms;
};

struct source {
    uint64_t key; /* 0: free */
    struct bucket bucket;
    int64_t day;
    unsigned added;
};

struct rate {
    struct rate_limits limits;
    uint8_t secret[16];
    struct bucket all;
    struct source sources[SETS][WAYS];
};

result rate_new(const struct rate_limits *limits, const uint8_t secret[16], struct rate **ret_rate) {
    struct rate *rate = memory_new(sizeof *rate);
    if (rate == NULL)
        return &fault_no_memory;
    rate->limits = *limits;
    memcpy(rate->secret, secret, sizeof rate->secret);
    rate->all = (struct bucket){.level = (int64_t) limits->per_second * 1000};
    *ret_rate = rate;
    return OK;
}

void rate_free(struct rate *rate) {
    memory_free(rate);
}

static void source_of_v6(const struct in6_addr *address, char ret_source[RATE_SOURCE_SIZE]) {
    const uint8_t *bytes = address->s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(address))
        snprintf(ret_source, RATE_SOURCE_SIZE, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    else
        snprintf(ret_source, RATE_SOURCE_SIZE, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
}

static void source_of_v4(const struct in_addr *address, char ret_source[RATE_SOURCE_SIZE]) {
    const uint8_t *bytes = (const uint8_t *) &address->s_addr;
    snprintf(ret_source, RATE_SOURCE_SIZE, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

void rate_source_of(const struct sockaddr *address, char ret_source[RATE_SOURCE_SIZE]) {
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        source_of_v6(&v6.sin6_addr, ret_source);
    } else if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        source_of_v4(&v4.sin_addr, ret_source);
    } else {
        snprintf(ret_source, RATE_SOURCE_SIZE, "?");
    }
}

bool rate_source_of_text(const char *text, char ret_source[RATE_SOURCE_SIZE]) {
    struct in6_addr v6;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        source_of_v4(&v4, ret_source);
        return true;
    }
    bool is_v6 = inet_pton(AF_INET6, text, &v6) == 1;
    if (is_v6)
        source_of_v6(&v6, ret_source);
    return is_v6;
}

/* IPv4 as IPv6 writes it. */
static struct in6_addr mapped_of(const struct in_addr *v4) {
    struct in6_addr v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(v6.s6_addr + 12, v4, sizeof *v4);
    return v6;
}

static bool address_of(const struct sockaddr *address, struct in6_addr *ret_v6) {
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        *ret_v6 = v6.sin6_addr;
    } else if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        *ret_v6 = mapped_of(&v4.sin_addr);
    }
    return address->sa_family == AF_INET6 || address->sa_family == AF_INET;
}

bool rate_is_address(const struct sockaddr *address, const char *text) {
    struct in6_addr given, written;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1)
        written = mapped_of(&v4);
    else if (inet_pton(AF_INET6, text, &written) != 1)
        return false;
    return address_of(address, &given) && IN6_ARE_ADDR_EQUAL(&given, &written);
}

/* It holds `capacity`, which flows in within `full_ms`. */
static bool bucket_take(struct bucket *bucket, int64_t capacity, int64_t full_ms, int64_t now_ms) {
    int64_t passed = now_ms > bucket->filled_ms ? now_ms - bucket->filled_ms : 0;
    int64_t gained = passed >= full_ms ? capacity : passed * capacity / full_ms;
    if (bucket->level + gained >= capacity) {
        bucket->level = capacity;
        bucket->filled_ms = now_ms > bucket->filled_ms ? now_ms : bucket->filled_ms;
    } else {
        bucket->level += gained;
        bucket->filled_ms += gained * full_ms / capacity; /* what is not yet a whole thousandth is not lost */
    }
    if (bucket->level < 1000)
        return false;
    bucket->level -= 1000;
    return true;
}

/* The place of a source: its own, else the one that was idle for longest, made new. */
static struct source *find(struct rate *rate, const char *source, int64_t now_ms) {
    struct hash hash;
    uint64_t key, set;
    const struct span parts[] = {span_of(rate->secret, sizeof rate->secret), span_of_text(source)};
    digest_of_parts(parts, 2, &hash);
    memcpy(&key, hash.bytes, sizeof key);
    memcpy(&set, hash.bytes + 8, sizeof set);
    key = key == 0 ? 1 : key;
    struct source *ways = rate->sources[set % SETS], *oldest = ways;
    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].key == key)
            return &ways[i];
        if (ways[i].bucket.filled_ms < oldest->bucket.filled_ms)
            oldest = &ways[i];
    }
    *oldest = (struct source){.key = key, .bucket = {.level = (int64_t) rate->limits.per_minute_source * 1000, .filled_ms = now_ms}, .day = now_ms / DAY_MS};
    return oldest;
}

enum rate_answer rate_take(struct rate *rate, const char *source, int64_t now_ms) {
    struct source *place = find(rate, source, now_ms);
    int64_t per_minute = (int64_t) rate->limits.per_minute_source * 1000, per_second = (int64_t) rate->limits.per_second * 1000;
    if (!bucket_take(&place->bucket, per_minute, MINUTE_MS, now_ms))
        return RATE_SOURCE_LIMIT;
    return bucket_take(&rate->all, per_second, 1000, now_ms) ? RATE_GO : RATE_LIMIT;
}

static struct source *of_today(struct rate *rate, const char *source, int64_t now_ms) {
    struct source *place = find(rate, source, now_ms);
    if (place->day != now_ms / DAY_MS) {
        place->day = now_ms / DAY_MS;
        place->added = 0;
    }
    return place;
}

bool rate_may_add(struct rate *rate, const char *source, int64_t now_ms) {
    return of_today(rate, source, now_ms)->added < rate->limits.new_per_day_source;
}

void rate_note_added(struct rate *rate, const char *source, int64_t now_ms) {
    of_today(rate, source, now_ms)->added++;
}
