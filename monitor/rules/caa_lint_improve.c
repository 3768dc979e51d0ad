/* A record may hold several mistakes. What corrects one is corrected for the others too, until no remark gives another record. */
#include "formats/caa_text.h"
#include "rules/caa_lint_work.h"

#define SCRATCH_MAX ((size_t) 64 * 1024 * 1024)
#define TEXT_MAX    ((size_t) 1024 * 1024)
enum { ROUNDS_EACH = 40, ROUNDS_IN_ALL = 300 }; /* a round mends one mistake; hostile sets hold thousands */

struct improver {
    struct lint_work *work;
    struct arena *scratch; /* of one round */
    unsigned rounds_left;
};

static result look_again(const struct improver *improver, const char *text, struct lint_work *ret_work) {
    struct caa_text parsed;
    struct reason reason;
    TRY(caa_text_parse(span_of_text(text), NULL, improver->scratch, &parsed, &reason));
    struct caa_record *records = arena_take_array(improver->scratch, parsed.record_count + 1, sizeof *records);
    if (records == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < parsed.record_count; i++)
        records[i] = parsed.records[i].record;
    *ret_work = (struct lint_work){.records = records,
                                   .count = parsed.record_count,
                                   .facts = improver->work->facts,
                                   .arena = improver->scratch,
                                   .owners = improver->work->owners,
                                   .owner_count = improver->work->owner_count};
    TRY(lint_prepare(ret_work));
    for (size_t i = 0; i < ret_work->count; i++)
        lint_check_record(ret_work, i);
    return ret_work->is_short ? &fault_no_memory : OK;
}

/* `text` with its line `number` replaced. */
static void replace_line(const char *text, size_t number, const char *line, struct buffer *out) {
    buffer_reset(out);
    for (size_t i = 0; *text != '\0'; i++) {
        size_t size = strcspn(text, "\n");
        if (i > 0)
            buffer_add_text(out, "\n");
        buffer_add(out, i == number ? span_of_text(line) : span_of(text, size));
        text += size + (text[size] == '\n');
    }
}

static const struct caa_lint_remark *first_correction(const struct lint_work *work) {
    for (size_t i = 0; i < work->remark_count; i++)
        if (work->remarks[i].suggest[0] != '\0')
            return &work->remarks[i];
    return NULL;
}

/* The text of one remark's correction, made better in place; false without memory. */
static bool improve(struct improver *improver, struct buffer *text, struct buffer *next) {
    for (unsigned round = 0; round < ROUNDS_EACH && improver->rounds_left > 0; round++) {
        struct lint_work again;
        improver->rounds_left--;
        arena_reset(improver->scratch);
        result outcome = look_again(improver, buffer_text(text), &again);
        const struct caa_lint_remark *correction = outcome == OK ? first_correction(&again) : NULL;
        if (correction == NULL)
            return outcome != &fault_no_memory;
        replace_line(buffer_text(text), correction->record, correction->suggest, next);
        if (buffer_check(next) != OK)
            return !next->has_no_memory;
        struct buffer swapped = *text;
        *text = *next;
        *next = swapped;
    }
    return true;
}

static bool improve_remark(struct improver *improver, struct caa_lint_remark *remark) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(TEXT_MAX);
    CLEANUP(buffer_done) struct buffer next = buffer_with_limit(TEXT_MAX);
    buffer_add_text(&text, remark->suggest);
    if (buffer_check(&text) != OK)
        return !text.has_no_memory;
    if (!improve(improver, &text, &next))
        return false;
    remark->suggest = arena_copy_text(improver->work->arena, buffer_text(&text));
    return remark->suggest != NULL;
}

void lint_improve_corrections(struct lint_work *work) {
    CLEANUP(arena_free_at) struct arena *scratch = arena_new(SCRATCH_MAX);
    struct improver improver = {.work = work, .scratch = scratch, .rounds_left = ROUNDS_IN_ALL};
    bool has_memory = scratch != NULL;
    for (size_t i = 0; has_memory && i < work->remark_count; i++)
        if (work->remarks[i].record != SIZE_MAX && work->remarks[i].suggest[0] != '\0')
            has_memory = improve_remark(&improver, &work->remarks[i]);
    work->is_short = work->is_short || !has_memory;
}
