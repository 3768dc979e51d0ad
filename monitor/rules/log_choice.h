/* Which logs are followed, and why: the union of the lists and the configured logs (DESIGN, How a log is followed). */
#pragma once

#include "formats/log_list.h"

enum log_source { SOURCE_CHROME = 1, SOURCE_APPLE = 2, SOURCE_SETTINGS = 4, SOURCE_DRILL = 8 }; /* a set */

struct chosen_log {
    struct listed_log log;       /* merged: see log_choose */
    unsigned sources;            /* set of enum log_source */
    enum log_state chrome_state, apple_state;
    bool is_followed;
    bool is_unreachable_a_note;  /* the other list says rejected or retired: silence of this log is no finding */
    bool is_stale_checked;       /* log.stale applies at `now` */
    const char *origin;          /* static-ct: origin of its checkpoints */
    const char *reason;          /* one sentence */
};

/* Any of the lists may be NULL. `configured` are logs of the settings and the drill. Result in `arena`, sorted by operator, description. */
struct log_choice_input {
    const struct log_list *chrome, *apple;
    const struct chosen_log *configured; /* log, sources and origin ("" = default) are set */
    size_t configured_count;
    int64_t now_ms;
};
MUST_CHECK result log_choose(const struct log_choice_input *input, struct arena *arena, struct chosen_log **ret_logs,
                             size_t *ret_count);
/* Submission prefix without scheme and trailing slash (static-ct-api, Checkpoints). */
const char *log_default_origin(struct arena *arena, const char *submission_url);
extern const struct fault fault_log_list_older; /* a list that would take us back */
/* May `newer` replace `older` (no going back in time or version)? Sentence in reason when not. */
MUST_CHECK result log_list_may_replace(const struct log_list *older, const struct log_list *newer, struct reason *reason);
