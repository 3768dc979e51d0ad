/* What the files beside this one share: each defines functions of libraries under their own names, which fail when orders.c says so. */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "failing/failing_calls.h"

/* Counts a call of `family`, and says whether it fails; `function` is what is reported (without it, the family's name). */
bool call_fails(enum call_family family);
bool call_fails_as(enum call_family family, const char *function);
/* The next function of that name, behind ours. */
void *call_next(const char *name);

/* Takes over what OpenSSL allocates, before the program gives it memory of its own. */
void openssl_spare(void);
/* OpenSSL asks the program for memory and is refused; some of its functions lose the error, all leave the refusal. */
void openssl_refuse(void);

/* Sets the variable `real`, a pointer to a function, at the first call. */
#define FIND_REAL(name) \
    if (real == NULL) { \
        void *found_ = call_next(#name); \
        memcpy(&real, &found_, sizeof real); \
    }

/* Defines a function that fails with `failure` (an expression, which may set errno) or calls the real one. */
#define STAND_BEFORE(family, type, name, parameters, arguments, failure) \
    type name parameters { \
        static type(*real) parameters; \
        if (call_fails_as(family, #name)) \
            return failure; \
        FIND_REAL(name) \
        return real arguments; \
    }

#define WITH_ERRNO(code, value) (errno = (code), (value))
