/* What readers of pins build documents with, and read values and hosts by. */
#pragma once

#include "formats/pin_set.h"

/* What readers build a document with. Everything is taken from the arena. */
struct pin_builder {
    struct arena *arena;
    struct pin_document *document;
    size_t set_rooms, remark_rooms;
    size_t remarks_left_out; /* beyond PIN_REMARKS_MAX; pin_builder_end says how many, in a remark of the worst kind among them */
    enum pin_remark_kind worst_left_out;
    bool is_full;            /* PIN_SETS_MAX or PINS_OF_SET_MAX was reached */
    size_t *places, place_rooms, placed; /* of pin_builder_set_of */
};

struct pin_builder pin_builder_of(struct arena *arena, struct pin_document *document);
/* An empty set with the defaults of the document's format (pinned, enforced, exact, trusts_system, secure, no groups) at the end of the
 * document; valid until the next is added. NULL: no memory, or PIN_SETS_MAX; pin_builder_refusal says which. */
struct pin_set *pin_builder_add_set(struct pin_builder *builder, unsigned line);
/* A pin at the end of the set's group number `group` (0 or 1), made where missing. NULL as above. */
struct pin *pin_builder_add_pin(struct pin_builder *builder, struct pin_set *set, size_t group);
/* The first set with this host, in a document in which every set has one; NULL: none. What was there to be found must not be taken out again. */
MUST_CHECK result pin_builder_set_of(struct pin_builder *builder, const char *host, const struct pin_set **ret_set);
/* What a reader that got NULL returns: fault_limit_reached (pin_file_read makes a refusal of the file of it: part of it would be no pin set)
 * or fault_no_memory. */
MUST_CHECK result pin_builder_refusal(const struct pin_builder *builder);
MUST_CHECK result pin_builder_remark(struct pin_builder *builder, enum pin_remark_kind kind, unsigned line, const char *rule,
                                     const char *format, ...) __attribute__((format(printf, 5, 6)));
MUST_CHECK result pin_builder_end(struct pin_builder *builder);

/* How a value may be written. */
struct pin_value_form {
    size_t size;     /* bytes; 0: 1 to PIN_VALUE_SIZE_MAX */
    bool allows_hex; /* with or without colons, beside base64 */
};
#define PIN_BASE64(size_) ((struct pin_value_form){.size = (size_)})

/* A digest as people write it: base64 (white space around it and in it, missing padding, left-over bits and URL alphabet tolerated, each told as a
 * warning through the builder), or hex. False after an error remark: it is neither, or of another size. */
MUST_CHECK result pin_value_read(struct pin_builder *builder, struct span text, struct pin_value_form form, unsigned line,
                                 struct span *ret_value, bool *ret_is_value);
/* Bytes that a PIN_FULL pin may have: one SEQUENCE of DER, as certificates and public keys are. */
bool pin_value_is_der(struct span value);
/* A host as pin files write it, to A-labels in lower case without a trailing dot (letters beyond ASCII and that dot are told as warnings).
 * False after an error remark: no host name (a scheme, a port, a path, a wildcard, an IP address). */
MUST_CHECK result pin_host_read(struct pin_builder *builder, struct span text, unsigned line, const char **ret_host, bool *ret_is_host);
