#include "rules/tlsa_agreed.h"

static bool has(const struct caa_answer *answer, struct span data) {
    for (size_t i = 0; i < answer->data_count; i++)
        if (span_equal(answer->data[i], data))
            return true;
    return false;
}

/* In whatever order, and however often each. */
static bool is_same(const struct caa_answer *one, const struct caa_answer *other) {
    bool is_so = one->outcome == other->outcome;
    for (size_t i = 0; is_so && i < one->data_count; i++)
        is_so = has(other, one->data[i]);
    for (size_t i = 0; is_so && i < other->data_count; i++)
        is_so = has(one, other->data[i]);
    return is_so;
}

static result trouble(struct tlsa_agreed *agreed, const char *sentence) {
    agreed->trouble = sentence;
    return sentence == NULL ? &fault_no_memory : OK;
}

static const struct tlsa_voice *failed_of(const struct tlsa_voice *voices, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (voices[i].answer->outcome == CAA_FAILED || voices[i].answer->outcome == CAA_BOGUS)
            return &voices[i];
    return NULL;
}

/* The voice that counts: of one that validates, where there is one. */
static const struct tlsa_voice *chosen_of(const struct tlsa_voice *voices, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (voices[i].is_validating)
            return &voices[i];
    return &voices[0];
}

result tlsa_agree(const struct tlsa_voice *voices, size_t count, struct arena *arena, struct tlsa_agreed *ret_agreed) {
    *ret_agreed = (struct tlsa_agreed){.source = ""};
    if (count == 0)
        return trouble(ret_agreed, "no resolver was asked");
    const struct tlsa_voice *failed = failed_of(voices, count), *chosen = chosen_of(voices, count);
    if (failed != NULL) {
        const char *detail = failed->answer->detail[0] == '\0' ? failed->answer->why : failed->answer->detail;
        return trouble(ret_agreed, arena_printf(arena, "%s, of %s", detail, failed->resolver));
    }
    for (size_t i = 0; i < count; i++)
        if (!is_same(voices[i].answer, chosen->answer))
            return trouble(ret_agreed, arena_printf(arena, "%s and %s say different things", chosen->resolver, voices[i].resolver));
        else if (voices[i].is_validating && voices[i].answer->is_authenticated != chosen->answer->is_authenticated)
            return trouble(ret_agreed, arena_printf(arena, "%s and %s disagree whether they are DNSSEC-secure", chosen->resolver, voices[i].resolver));
    if (chosen->answer->outcome == CAA_RECORDS && !chosen->is_validating)
        return trouble(ret_agreed, arena_printf(arena, "there are some, and no resolver that is known to validate says whether they are DNSSEC-secure, as only %s was asked "
                                                       "(`--validating`, or `is_validating` in the settings)", chosen->resolver));
    ret_agreed->answer = chosen->answer;
    ret_agreed->is_secure = chosen->answer->is_authenticated;
    ret_agreed->source = chosen->resolver;
    return OK;
}
