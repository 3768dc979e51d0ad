/* The releases and pin documents of the database, for a rotation. */
#pragma once

#include "cli/pins_rotation.h"

/* Fills the releases of the question, and what is known of CAs. Prints why when that is not possible, and returns the exit code. */
int rotation_read_database(const struct rotation_options *options, struct rotation *rotation);
