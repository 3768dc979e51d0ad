/* One pin as a JSON object, as `pins import --json` prints it (docs/json.md). */
#pragma once

#include <jansson.h>

#include "formats/pin_set.h"

/* A new reference; what memory was lacking for is missing in it: see memory_mark. */
json_t *pin_to_json(const struct pin *pin, enum pin_format format);
