/* RFC 9110 10.2.3 and 5.6.7; generous with the zone, which some logs write as "UTC" or local names. */
#include "base/text.h"
#include "net/transfer.h"

#define RETRY_AFTER_MAX_MS ((int64_t) 24 * 3600 * 1000)
#define DATE_WORDS_MAX 8

static bool is_between_words(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == ',' || byte == '-' || byte == '\r' || byte == '\n';
}

/* Splits at blanks, commas and hyphens, so that the three forms of a date differ only in the order of words. */
static size_t split_words(struct span text, struct span words[DATE_WORDS_MAX]) {
    size_t count = 0;
    for (size_t at = 0; at < text.size && count < DATE_WORDS_MAX;) {
        while (at < text.size && is_between_words(text.bytes[at]))
            at++;
        size_t begin = at;
        while (at < text.size && !is_between_words(text.bytes[at]))
            at++;
        if (at > begin)
            words[count++] = span_of(text.bytes + begin, at - begin);
    }
    return count;
}

/* Decimal digits, any number of leading zeros allowed as in "06" (RFC 9110 10.2.3: 1*DIGIT). */
static bool read_digits(struct span text, uint64_t maximum, uint64_t *ret_number) {
    uint64_t number = 0;
    while (text.size > 1 && text.bytes[0] == '0')
        text = span_of(text.bytes + 1, text.size - 1);
    if (text.size == 0 || text.size > 9)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        number = number * 10 + (uint64_t) (text.bytes[i] - '0');
    }
    if (number > maximum)
        return false;
    *ret_number = number;
    return true;
}

static bool read_month(struct span word, unsigned *ret_month) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned month = 0; month < 12; month++)
        if (word.size == 3 && memcmp(word.bytes, names + (size_t) 3 * month, 3) == 0) {
            *ret_month = month + 1;
            return true;
        }
    return false;
}

/* "08:49:37" as seconds of the day. */
static bool read_clock(struct span word, int64_t *ret_seconds) {
    uint64_t hours, minutes, seconds;
    if (word.size != 8 || word.bytes[2] != ':' || word.bytes[5] != ':' || !read_digits(span_of(word.bytes, 2), 23, &hours) ||
        !read_digits(span_of(word.bytes + 3, 2), 59, &minutes) || !read_digits(span_of(word.bytes + 6, 2), 60, &seconds))
        return false;
    *ret_seconds = (int64_t) (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* RFC 850 writes two digits: 70 to 99 are of the last century. */
static bool read_year(struct span word, int64_t *ret_year) {
    uint64_t year;
    if ((word.size != 2 && word.size != 4) || !read_digits(word, 9999, &year))
        return false;
    if (word.size == 2)
        year += year < 70 ? 2000 : 1900;
    *ret_year = (int64_t) year;
    return true;
}

static bool read_http_date(struct span text, int64_t *ret_seconds) {
    struct span words[DATE_WORDS_MAX];
    size_t count = split_words(text, words);
    if (count < 5)
        return false;
    unsigned month;
    bool is_asctime = read_month(words[1], &month); /* Sun Nov  6 08:49:37 1994 */
    struct span day_word = words[is_asctime ? 2 : 1];
    struct span clock_word = words[is_asctime ? 3 : 4];
    struct span year_word = words[is_asctime ? 4 : 3];
    uint64_t day;
    int64_t year, seconds;
    if ((!is_asctime && !read_month(words[2], &month)) || !read_digits(day_word, 31, &day) || day == 0 ||
        !read_year(year_word, &year) || !read_clock(clock_word, &seconds))
        return false;
    *ret_seconds = time_of_date(year, month, (unsigned) day) + seconds;
    return true;
}

static struct span trim(struct span text) {
    while (text.size > 0 && is_between_words(text.bytes[0]) && text.bytes[0] != '-')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && is_between_words(text.bytes[text.size - 1]))
        text.size--;
    return text;
}

int64_t http_date_parse(struct span value) {
    int64_t seconds;
    return read_http_date(trim(value), &seconds) ? seconds * 1000 : -1;
}

int64_t retry_after_parse(struct span value, int64_t now_wall_ms) {
    value = trim(value);
    bool is_number = value.size > 0;
    for (size_t i = 0; i < value.size; i++)
        is_number = is_number && value.bytes[i] >= '0' && value.bytes[i] <= '9';
    uint64_t delay;
    if (is_number)
        return read_digits(value, RETRY_AFTER_MAX_MS / 1000, &delay) ? (int64_t) delay * 1000 : RETRY_AFTER_MAX_MS;
    int64_t seconds;
    if (!read_http_date(value, &seconds))
        return -1;
    int64_t wait_ms = seconds * 1000 - now_wall_ms;
    if (wait_ms < 0)
        return 0;
    return wait_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : wait_ms;
}
