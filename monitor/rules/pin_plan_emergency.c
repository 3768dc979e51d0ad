/* Which of the keys that are pinned already can be served now. */
#include "rules/pin_holder.h"
#include "rules/pin_plan.h"

enum { SPARES_MAX = 1000 };

struct hunt {
    const struct gate_question *question;
    struct arena *arena;
    struct plan_spare *spares;
    size_t count, left_out;
};

static bool is_of(const struct pin *pin, const struct pin_link *link) {
    return span_equal(pin->value, span_of(link->spki_sha256.bytes, HASH_SIZE));
}

/* The role in a file is of the day when that release was built: who says which key is in use knows better. */
static bool is_in_use(const struct hunt *hunt, const struct pin *pin) {
    return hunt->question->current == NULL ? pin->role == PIN_CURRENT : is_of(pin, hunt->question->current);
}

/* Of one key that several files pin, the first that says what it is for. */
static void take_again(struct plan_spare *spare, const struct pin *pin, bool is_current) {
    spare->is_current = spare->is_current || is_current;
    if (spare->pin->role == PIN_ROLE_NONE)
        spare->pin = pin;
}

static void take_pin(struct hunt *hunt, const struct pin *pin) {
    struct pin_holder holder;
    if ((pin->position != PIN_ANY && pin->position != PIN_LEAF) || pin_holder_find(pin, hunt->question->extra, &holder))
        return;
    bool is_current = is_in_use(hunt, pin);
    if (pin->kind != PIN_SPKI || pin->algorithm != PIN_SHA256 || pin->value.size != HASH_SIZE || hunt->count == SPARES_MAX) {
        hunt->left_out++;
        return;
    }
    for (size_t i = 0; i < hunt->count; i++)
        if (span_equal(hunt->spares[i].pin->value, pin->value)) {
            take_again(&hunt->spares[i], pin, is_current);
            return;
        }
    hunt->spares[hunt->count++] = (struct plan_spare){.pin = pin, .is_current = is_current};
}

static result take_document(struct hunt *hunt, const struct pin_document *document) {
    const struct gate_question *question = hunt->question;
    size_t count = pin_sets_for_host(document, question->host, question->port, question->protocol, NULL, 0);
    const struct pin_set **sets = arena_take_array(hunt->arena, count + 1, sizeof *sets);
    if (sets == NULL)
        return &fault_no_memory;
    pin_sets_for_host(document, question->host, question->port, question->protocol, sets, count);
    for (size_t i = 0; i < count; i++)
        for (size_t group = 0; group < sets[i]->group_count; group++)
            for (size_t k = 0; k < sets[i]->groups[group].count; k++)
                take_pin(hunt, &sets[i]->groups[group].pins[k]);
    return OK;
}

/* Whoever would sign the next key signs this one. */
static result find_ways(const struct hunt *hunt, const struct pin_link *next, struct gate_question *question) {
    struct trust_question *candidates = arena_take_array(hunt->arena, hunt->question->candidate_count + 1, sizeof *candidates);
    if (candidates == NULL)
        return &fault_no_memory;
    question->candidates = candidates;
    question->candidate_count = 0;
    for (size_t i = 0; i < hunt->question->candidate_count; i++) {
        const struct trust_question *model = &hunt->question->candidates[i];
        if (model->issuer_spki_sha256 != NULL)
            candidates[question->candidate_count++] = (struct trust_question){.leaf_spki_sha256 = &next->spki_sha256, .issuer_spki_sha256 = model->issuer_spki_sha256,
                                                                              .others = model->others, .other_count = model->other_count, .extra = model->extra};
    }
    return OK;
}

static result judge(const struct hunt *hunt, struct plan_spare *spare) {
    struct gate_question question = *hunt->question;
    struct pin_link *next = arena_take(hunt->arena, sizeof *next);
    if (next == NULL)
        return &fault_no_memory;
    next->is_given = true;
    memcpy(next->spki_sha256.bytes, spare->pin->value.bytes, HASH_SIZE);
    question.next = next;
    TRY(find_ways(hunt, next, &question));
    return pin_gate(&question, hunt->arena, &spare->gate);
}

static bool is_better(const struct plan_spare *one, const struct plan_spare *other) {
    static const int orders[] = {[GATE_SAFE] = 0, [GATE_CANNOT_TELL] = 1, [GATE_LOCKS_OUT] = 2};
    if (one->is_current != other->is_current)
        return !one->is_current;
    if (one->gate.verdict != other->gate.verdict)
        return orders[one->gate.verdict] < orders[other->gate.verdict];
    return one->gate.refused_share < other->gate.refused_share;
}

/* In place; equal ones stay in the order of the files. */
static void sort_spares(struct plan_spare *spares, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct plan_spare moved = spares[i];
        size_t at = i;
        for (; at > 0 && is_better(&moved, &spares[at - 1]); at--)
            spares[at] = spares[at - 1];
        spares[at] = moved;
    }
}

result pin_plan_emergency(const struct gate_question *question, struct arena *arena, struct plan_spare **ret_spares, size_t *ret_count, size_t *ret_left_out) {
    struct hunt hunt = {.question = question, .arena = arena, .spares = arena_take_array(arena, SPARES_MAX, sizeof *hunt.spares)};
    if (hunt.spares == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < question->release_count; i++) {
        const struct gate_release *release = &question->releases[i];
        bool is_live = release->release == NULL || release_is_live(release->release, question->on);
        for (size_t k = 0; is_live && k < release->document_count; k++)
            TRY(take_document(&hunt, &release->documents[k]));
    }
    for (size_t i = 0; i < hunt.count; i++)
        TRY(judge(&hunt, &hunt.spares[i]));
    sort_spares(hunt.spares, hunt.count);
    *ret_spares = hunt.spares;
    *ret_count = hunt.count;
    *ret_left_out = hunt.left_out;
    return OK;
}
