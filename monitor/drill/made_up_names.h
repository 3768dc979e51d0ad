/* Made-up host names. Private to generate. */
#pragma once

#include "base/buffer.h"

#define MADE_UP_NAME_SIZE 128

/* How many names a certificate has: mostly one or two, seldom up to 100. */
unsigned made_up_name_count(uint64_t *random);
/* A registrable domain that holds `index`, so that it is unique. */
void made_up_domain(uint64_t *random, uint64_t index, char ret_name[MADE_UP_NAME_SIZE]);
/* The name at `place` (0 first) of a certificate for `domain`. */
void made_up_host(uint64_t *random, const char *domain, unsigned place, char ret_name[MADE_UP_NAME_SIZE]);
