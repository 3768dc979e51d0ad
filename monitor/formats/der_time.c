#include "base/text.h"
#include "formats/der.h"

/* Takes `count` decimal digits, which stand at the cursor. */
static bool take_digits(struct cursor *cursor, size_t count, unsigned *ret_number) {
    struct span raw;
    unsigned number = 0;
    if (!cursor_take(cursor, count, &raw))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (raw.bytes[i] < '0' || raw.bytes[i] > '9')
            return false;
        number = number * 10 + (unsigned) (raw.bytes[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool next_is_digit(const struct cursor *cursor) {
    uint8_t next;
    return cursor_peek(cursor, &next) && next >= '0' && next <= '9';
}

/* Seconds east of UTC from what follows the time: "Z", "+hhmm", or nothing. */
static bool take_offset(struct cursor *cursor, int64_t *ret_offset, bool *is_odd) {
    uint8_t sign = 0;
    unsigned hours, minutes;
    *ret_offset = 0;
    *is_odd = *is_odd || !der_is_next(cursor, 'Z');
    if (cursor_at_end(cursor))
        return true;
    if (!cursor_u8(cursor, &sign))
        return false;
    if (sign == 'Z')
        return cursor_at_end(cursor);
    if ((sign != '+' && sign != '-') || !take_digits(cursor, 2, &hours) ||
        !take_digits(cursor, 2, &minutes) || !cursor_at_end(cursor) || hours > 23 || minutes > 59)
        return false;
    int64_t offset = (int64_t) hours * 3600 + (int64_t) minutes * 60;
    *ret_offset = sign == '+' ? offset : -offset;
    return true;
}

static void skip_fraction(struct cursor *cursor, bool *is_odd) {
    uint8_t next;
    if (!cursor_peek(cursor, &next) || (next != '.' && next != ','))
        return;
    *is_odd = true;
    (void) cursor_skip(cursor, 1);
    while (next_is_digit(cursor))
        (void) cursor_skip(cursor, 1);
}

static unsigned days_in_month(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool take_year(struct cursor *cursor, uint8_t tag, unsigned *ret_year, bool *is_odd) {
    if (tag == DER_UTC_TIME) {
        if (!take_digits(cursor, 2, ret_year))
            return false;
        *ret_year += *ret_year < 50 ? 2000 : 1900;
        return true;
    }
    if (!take_digits(cursor, 4, ret_year))
        return false;
    if (*ret_year < 2050)
        *is_odd = true;
    return true;
}

struct moment {
    unsigned year, month, day, hour, minute, second;
};

static bool take_moment(struct cursor *cursor, uint8_t tag, struct moment *moment, bool *is_odd) {
    if (!take_year(cursor, tag, &moment->year, is_odd) || !take_digits(cursor, 2, &moment->month) ||
        !take_digits(cursor, 2, &moment->day) || !take_digits(cursor, 2, &moment->hour) ||
        !take_digits(cursor, 2, &moment->minute))
        return false;
    if (next_is_digit(cursor))
        return take_digits(cursor, 2, &moment->second);
    *is_odd = true;
    return true;
}

static bool moment_exists(const struct moment *moment) {
    return moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= days_in_month(moment->year, moment->month) && moment->hour < 24 && moment->minute < 60 &&
           moment->second < 60;
}

result der_time(uint8_t tag, struct span content, int64_t *ret_seconds, bool *is_odd) {
    struct cursor cursor = cursor_of(content);
    struct moment moment = {.second = 0};
    int64_t offset = 0;
    bool odd = false;
    if ((tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME) || !take_moment(&cursor, tag, &moment, &odd))
        return &fault_der_time;
    skip_fraction(&cursor, &odd);
    if (!take_offset(&cursor, &offset, &odd) || !moment_exists(&moment))
        return &fault_der_time;
    *ret_seconds = time_of_date((int64_t) moment.year, moment.month, moment.day) + (int64_t) moment.hour * 3600 +
                   (int64_t) moment.minute * 60 + (int64_t) moment.second - offset;
    if (odd)
        *is_odd = true;
    return OK;
}
