/* Who signs the next certificate: the ways up from it, and what CAA says about the CA. */
#pragma once

#include "cli/pins_rotation.h"

/* Fills the candidates of the question, and its CAA: `next` is what was given or served, the leaf first; `chain` may be empty. Prints why
 * when that is not possible, and returns the exit code. */
int rotation_find_issuer(const struct rotation_options *options, const struct pins_keys *next, const struct pins_keys *chain, struct rotation *rotation);
