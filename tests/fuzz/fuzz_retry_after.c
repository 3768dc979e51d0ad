/* Retry-After: never beyond a day, never negative but -1; digits alone are always seconds.
 *
 * library: net
 * parser: net/retry_after.c
 * seeds: retry-after */
#include "fuzz/harness.h"
#include "net/transfer.h"

#define DAY_MS ((int64_t) 24 * 3600 * 1000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const int64_t now_ms = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
    int64_t wait = retry_after_parse(span_of(bytes, size), now_ms);
    require(wait >= -1 && wait <= DAY_MS);
    bool is_digits = size > 0;
    uint64_t seconds = 0;
    for (size_t i = 0; i < size; i++) {
        is_digits = is_digits && bytes[i] >= '0' && bytes[i] <= '9';
        seconds = seconds > 1000000 ? seconds : seconds * 10 + (uint64_t) (bytes[i] - '0');
    }
    int64_t date_ms = http_date_parse(span_of(bytes, size));
    require(date_ms >= -1 || date_ms > -((int64_t) 1 << 60));
    if (date_ms > now_ms)
        require(is_digits || wait == (date_ms - now_ms > DAY_MS ? DAY_MS : date_ms - now_ms));
    if (is_digits)
        require(wait == (seconds * 1000 > (uint64_t) DAY_MS ? DAY_MS : (int64_t) seconds * 1000));
    return 0;
}
