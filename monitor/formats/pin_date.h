/* Dates in pin files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* As the platforms' formatters read yyyy-MM-dd when they are not lenient: any number of digits, and whatever behind them. *ret_time: Unix seconds
 * of midnight UTC; *ret_is_plain: written YYYY-MM-DD and no more. */
bool pin_date_read(const char *text, int64_t *ret_time, bool *ret_is_plain);
