/* The TLSA records of a rotation's host: from a file, or asked for in the DNS. */
#pragma once

#include "cli/pins_rotation.h"

/* Does `--tlsa` ask resolvers? */
bool rotation_asks_tlsa(const struct rotation_options *options);
/* Fills the question. Prints why when that is not possible, and returns the exit code; records that cannot be resolved are an answer. */
int rotation_read_tlsa(const struct rotation_options *options, struct rotation *rotation);
