#include "formats/pin_date.h"

#include "base/ascii.h"
#include "base/text.h"

/* Digits from *at on, at most nine; false when there are none, or more. */
static bool take_number(const char **at, unsigned *ret_number, unsigned *ret_digits) {
    *ret_number = *ret_digits = 0;
    for (; ascii_is_digit((uint8_t) **at); ++*at, ++*ret_digits) {
        if (*ret_digits == 9)
            return false;
        *ret_number = 10 * *ret_number + (unsigned) (**at - '0');
    }
    return *ret_digits > 0;
}

static bool is_date(unsigned year, unsigned month, unsigned day) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= (unsigned) days[month - 1] + (month == 2 && is_leap);
}

bool pin_date_read(const char *text, int64_t *ret_time, bool *ret_is_plain) {
    unsigned numbers[3], digits[3];
    for (size_t i = 0; i < 3; i++) {
        if (i > 0 && *text++ != '-')
            return false;
        if (!take_number(&text, &numbers[i], &digits[i]))
            return false;
    }
    if (!is_date(numbers[0], numbers[1], numbers[2]))
        return false;
    *ret_time = time_of_date(numbers[0], numbers[1], numbers[2]);
    *ret_is_plain = digits[0] == 4 && digits[1] == 2 && digits[2] == 2 && *text == '\0';
    return true;
}
