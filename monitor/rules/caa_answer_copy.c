#include "rules/caa_answer.h"

const char *caa_outcome_name(enum caa_outcome outcome) {
    static const char *const names[] = {
        [CAA_RECORDS] = "records", [CAA_EMPTY] = "empty", [CAA_FAILED] = "failed", [CAA_BOGUS] = "bogus"};
    return names[outcome];
}

struct caa_answer caa_answer_failed(const char *why, const char *detail) {
    return (struct caa_answer){.outcome = CAA_FAILED, .why = why, .detail = detail};
}

static result copy_records(const struct caa_answer *answer, struct arena *arena, struct caa_answer *copy) {
    struct caa_record *records = arena_take_array(arena, answer->record_count + 1, sizeof *records);
    if (records == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < answer->record_count; i++)
        TRY(caa_record_copy(&answer->records[i], arena, &records[i]));
    copy->records = records;
    return OK;
}

static result copy_data(const struct caa_answer *answer, struct arena *arena, struct caa_answer *copy) {
    struct span *data = arena_take_array(arena, answer->data_count + 1, sizeof *data);
    if (data == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < answer->data_count; i++) {
        const uint8_t *bytes = arena_copy(arena, answer->data[i]);
        if (bytes == NULL && answer->data[i].size > 0)
            return &fault_no_memory;
        data[i] = span_of(bytes, answer->data[i].size);
    }
    copy->data = data;
    return OK;
}

static result copy_chain(const struct caa_answer *answer, struct arena *arena, struct caa_answer *copy) {
    const char **chain = arena_take_array(arena, answer->chain_count + 1, sizeof *chain);
    if (chain == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < answer->chain_count; i++) {
        chain[i] = arena_copy_text(arena, answer->chain[i]);
        if (chain[i] == NULL)
            return &fault_no_memory;
    }
    copy->chain = chain;
    return OK;
}

result caa_answer_copy(const struct caa_answer *answer, struct arena *arena, struct caa_answer *ret_copy) {
    struct caa_answer copy = *answer;
    TRY(copy_records(answer, arena, &copy));
    TRY(copy_data(answer, arena, &copy));
    TRY(copy_chain(answer, arena, &copy));
    copy.why = arena_copy_text(arena, answer->why);
    copy.detail = arena_copy_text(arena, answer->detail);
    if (copy.why == NULL || copy.detail == NULL)
        return &fault_no_memory;
    *ret_copy = copy;
    return OK;
}

bool caa_answer_says_same(const struct caa_answer *a, const struct caa_answer *b) {
    if (a->outcome != b->outcome)
        return false;
    return a->outcome != CAA_RECORDS || caa_set_equal(a->records, a->record_count, b->records, b->record_count);
}
