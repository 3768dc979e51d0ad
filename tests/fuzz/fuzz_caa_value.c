/* Values of issue: exactly those that a regular expression of RFC 8659 4.2 accepts, and the parts are what stands in the value.
 *
 * library: formats
 * parser: formats/caa_value.c
 * seeds: caa-value */
#include <regex.h>

#include "caa_grammar.h"
#include "formats/caa_record.h"
#include "fuzz/harness.h"

enum { EXPRESSION_SIZE_MAX = 400 }; /* longer ones take it long */

static bool is_in_grammar(const uint8_t *bytes, size_t size) {
    static regex_t grammar;
    static bool is_ready;
    char text[EXPRESSION_SIZE_MAX + 1];
    if (!is_ready)
        require(regcomp(&grammar, CAA_GRAMMAR, REG_EXTENDED | REG_NOSUB) == 0);
    is_ready = true;
    memcpy(text, bytes, size);
    text[size] = '\0';
    return strlen(text) == size && regexec(&grammar, text, 0, NULL, 0) == 0;
}

static bool is_part(struct span part, const uint8_t *bytes, size_t size) {
    return part.size == 0 || (part.bytes >= bytes && part.bytes + part.size <= bytes + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct caa_issuer_value value;
    struct reason reason = {""};
    result outcome = caa_issuer_value_parse(span_of(bytes, size), &value, &reason);
    require(outcome == OK || (outcome == &fault_caa_record && reason.text[0] != '\0'));
    require(caa_issuer_value_parse(span_of(bytes, size), &value, NULL) == outcome);
    if (size > 0 && size <= EXPRESSION_SIZE_MAX)
        require((outcome == OK) == is_in_grammar(bytes, size));
    if (outcome != OK)
        return 0;
    require(is_part(value.domain, bytes, size) && value.parameter_count <= CAA_PARAMETERS_MAX);
    require(!value.has_more_parameters || value.parameter_count == CAA_PARAMETERS_MAX);
    for (size_t i = 0; i < value.parameter_count; i++)
        require(value.parameters[i].tag.size > 0 && is_part(value.parameters[i].tag, bytes, size) && is_part(value.parameters[i].value, bytes, size));
    return 0;
}
