/* The backup that a header of HPKP must have. */
#include "rules/pin_judge_work.h"

static bool has_two_pins(const struct pin_court *court) {
    struct pin_walk walk = {.place = 0};
    const struct pin *first = pin_walk_next(court, &walk), *pin;
    while ((pin = pin_walk_next(court, &walk)) != NULL)
        if (!pin_is_same(first, pin))
            return true;
    return false;
}

static bool is_sure_on(const struct pin *pin, const struct pin_path *path) {
    struct pin_finding finding = {.match = PIN_MATCH_NO};
    pin_try(NULL, pin, path, 0, PIN_TO_THE_END, &finding);
    return finding.match == PIN_MATCH_YES;
}

static bool is_sure_on_all(const struct pin *pin, const struct pin_question *question) {
    for (size_t i = 0; i < question->path_count; i++)
        if (!is_sure_on(pin, &question->paths[i]))
            return false;
    return question->path_count > 0;
}

bool hpkp_lacks_backup(const struct pin_court *court) {
    struct pin_walk walk = {.place = 0};
    const struct pin *pin;
    if (!has_two_pins(court))
        return true;
    while ((pin = pin_walk_next(court, &walk)) != NULL)
        if (!is_sure_on_all(pin, court->choice.question))
            return false;
    return true;
}
