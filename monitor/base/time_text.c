#include <stdio.h>

#include "base/text.h"

#define SECONDS_PER_DAY 86400

/* Days since 1970-01-01 (algorithm: civil calendar counted from March, eras of 400 years). */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t) month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t) day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t time_of_date(int64_t year, unsigned month, unsigned day) {
    return days_of_date(year, month, day) * SECONDS_PER_DAY;
}

struct date {
    int64_t year;
    int month, day;
};

static struct date date_of_days(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    struct date date = {.day = (int) (day_of_year - (153 * shifted + 2) / 5 + 1),
                        .month = (int) (shifted < 10 ? shifted + 3 : shifted - 9)};
    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}

static void write_time(int64_t unix_seconds, const char *fraction, char ret_text[RFC3339_SIZE]) {
    int64_t days = unix_seconds / SECONDS_PER_DAY - (unix_seconds % SECONDS_PER_DAY < 0);
    int second = (int) (unix_seconds - days * SECONDS_PER_DAY);
    struct date date = date_of_days(days);
    ret_text[0] = '\0';
    if (date.year < 0 || date.year > 9999)
        return;
    snprintf(ret_text, RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%.4sZ", (unsigned) date.year % 10000,
             (unsigned) date.month % 100, (unsigned) date.day % 100, (unsigned) second / 3600 % 100, (unsigned) second / 60 % 60,
             (unsigned) second % 60, fraction);
}

void text_of_time(int64_t unix_seconds, char ret_text[RFC3339_SIZE]) {
    write_time(unix_seconds, "", ret_text);
}

void text_of_time_ms(int64_t unix_ms, char ret_text[RFC3339_SIZE]) {
    char fraction[8];
    int64_t seconds = unix_ms / 1000 - (unix_ms % 1000 < 0);
    snprintf(fraction, sizeof fraction, ".%03d", (int) (unix_ms - seconds * 1000) % 1000);
    write_time(seconds, fraction, ret_text);
}

/* Two or four digits at `at`; -1 when they are not digits. */
static int digits_at(struct span text, size_t at, size_t count) {
    int number = 0;
    for (size_t i = at; i < at + count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return -1;
        number = number * 10 + (text.bytes[i] - '0');
    }
    return number;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool read_fields(struct span text, int64_t *ret_seconds) {
    int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
    int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    *ret_seconds = time_of_date(year, (unsigned) month, (unsigned) day) + hour * 3600 + minute * 60 + second;
    return true;
}

/* Reads "YYYY-MM-DDThh:mm:ss", 19 characters. */
static bool read_date_and_time(struct span text, int64_t *ret_seconds) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] != 'd' && text.bytes[i] != shape[i] && !(shape[i] == 'T' && (text.bytes[i] == 't' || text.bytes[i] == ' ')))
            return false;
    return read_fields(text, ret_seconds);
}

/* Reads "Z" or "+hh:mm" as seconds east of UTC. */
static bool read_offset(struct span text, int64_t *ret_offset) {
    if (text.size == 1 && (text.bytes[0] == 'Z' || text.bytes[0] == 'z')) {
        *ret_offset = 0;
        return true;
    }
    if (text.size != 6 || (text.bytes[0] != '+' && text.bytes[0] != '-') || text.bytes[3] != ':')
        return false;
    int hours = digits_at(text, 1, 2), minutes = digits_at(text, 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_offset = (hours * 3600 + minutes * 60) * (text.bytes[0] == '-' ? -1 : 1);
    return true;
}

result text_to_time_ms(struct span text, int64_t *ret_unix_ms) {
    int64_t seconds, offset, fraction_ms = 0, weight = 100;
    if (text.size < 20 || text.size > 40 || !read_date_and_time(text, &seconds))
        return &fault_text_time;
    size_t at = 19;
    if (text.bytes[at] == '.') {
        at++;
        size_t first = at;
        for (; at < text.size && text.bytes[at] >= '0' && text.bytes[at] <= '9'; at++, weight /= 10)
            fraction_ms += (text.bytes[at] - '0') * weight;
        if (at == first)
            return &fault_text_time;
    }
    if (!read_offset(span_of(text.bytes + at, text.size - at), &offset))
        return &fault_text_time;
    *ret_unix_ms = (seconds - offset) * 1000 + fraction_ms;
    return OK;
}
