/* The one result type of pinwatch: OK, or a pointer to a constant that says what went wrong. */
#pragma once

/* The family tells the caller, and in the end the operator, what to do. */
enum fault_family {
    FAULT_RETRY,    /* the world was unkind: time-out, refused connection, no memory; try again later */
    FAULT_INPUT,    /* foreign bytes break a rule: refuse them, say which rule, go on with the rest */
    FAULT_LOG,      /* a log contradicts itself or its signature: keep the evidence, raise a finding */
    FAULT_SETTINGS, /* a person must change a setting, a right or a file */
    FAULT_BUG,      /* pinwatch is wrong */
};

struct fault {
    enum fault_family family;
    const char *name;   /* stable, e.g. "der.length-not-minimal"; [a-z0-9.-], at most 63 characters */
    const char *object; /* what was looked at, e.g. "DER element" */
    const char *clause; /* the rule, e.g. "X.690 10.1"; "" where no document rules */
    const char *wrong;  /* what was found */
    const char *wanted; /* what should have been there */
};

typedef const struct fault *result;

#define OK ((result) 0)
#define MUST_CHECK __attribute__((warn_unused_result))

#define FAULT(symbol, family_, name_, object_, clause_, wrong_, wanted_) \
    const struct fault symbol = {.family = (family_), .name = (name_), .object = (object_), \
                                 .clause = (clause_), .wrong = (wrong_), .wanted = (wanted_)}

/* Leaves the function with the result of `expression` unless it is OK. */
#define TRY(expression) \
    do { \
        result try_outcome_ = (expression); \
        if (try_outcome_ != OK) \
            return try_outcome_; \
    } while (0)

/* Faults that any code may return. */
extern const struct fault fault_no_memory;
extern const struct fault fault_limit_reached;
extern const struct fault fault_machine; /* descriptors, disk, processes or randomness gave out, as memory may; it passes */
extern const struct fault fault_library; /* a call into a library failed that cannot fail on valid input */

/* What a refusal of the kernel means: fault_no_memory or fault_machine where `error` (an errno) passes by itself, else `otherwise`. */
result fault_of_errno(int error, result otherwise) MUST_CHECK;
const char *fault_family_name(enum fault_family family);
