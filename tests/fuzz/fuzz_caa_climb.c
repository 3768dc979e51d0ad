/* A name and what its owners say: the climb asks each ancestor once, from the name itself to the top-level domain, and ends at the first that
 * has records or fails.
 *
 * parser: rules/caa_climb.c
 * seeds: caa-climb */
#include "fuzz/harness.h"
#include "rules/caa_climb.h"

static void check_end(const struct caa_climb *climb, enum caa_outcome last) {
    bool is_found = climb->step_count > 0 && last == CAA_RECORDS;
    require(climb->is_done);
    require((caa_climb_relevant(climb) != NULL) == is_found);
    require(!is_found || caa_climb_relevant(climb) == &climb->steps[climb->step_count - 1]);
    require(caa_climb_has_failed(climb) == (climb->step_count > 0 && (last == CAA_FAILED || last == CAA_BOGUS)));
    bool is_secure = climb->step_count > 0 && last != CAA_FAILED && last != CAA_BOGUS;
    for (size_t i = 0; i < climb->step_count; i++)
        is_secure = is_secure && climb->steps[i].answer.is_from_validator && climb->steps[i].answer.is_authenticated;
    require((caa_climb_dnssec(climb) == CAA_DNSSEC_SECURE) == is_secure);
    require(caa_dnssec_name(caa_climb_dnssec(climb))[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct caa_climb climb;
    struct dns_name name, owner;
    const uint8_t *end = size == 0 ? NULL : memchr(bytes, '\n', size);
    size_t name_size = end == NULL ? size : (size_t) (end - bytes);
    if (dns_name_from_text(span_of(bytes, name_size), &name, NULL) != OK)
        return 0;
    name_size += end != NULL;
    struct cursor answers = cursor_of(span_of(bytes + name_size, size - name_size));
    enum caa_outcome last = CAA_EMPTY;
    caa_climb_start(&climb, &name);
    unsigned labels = dns_name_label_count(&name) - dns_name_is_wildcard(&name);
    while (caa_climb_next(&climb, &owner)) {
        uint8_t choice = next_choice(&answers);
        struct caa_answer answer = {.outcome = choice % 8 < 5 ? CAA_EMPTY : (enum caa_outcome) (choice % 8 == 5 ? CAA_RECORDS : choice % 8 == 6 ? CAA_FAILED : CAA_BOGUS),
                                    .why = "",
                                    .detail = "",
                                    .is_from_validator = (choice & 0x08) == 0,
                                    .is_authenticated = (choice & 0x10) == 0};
        require(last == CAA_EMPTY && !dns_name_is_root(&owner) && dns_name_is_within(&name, &owner));
        require(dns_name_label_count(&owner) == labels - climb.step_count);
        last = answer.outcome;
        caa_climb_answer(&climb, &answer);
    }
    require(last != CAA_EMPTY || climb.step_count == labels);
    check_end(&climb, last);
    return 0;
}
