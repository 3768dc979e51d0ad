#include "rules/log_choice_words.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"

#define SENTENCE_MAX 500

static bool is_dead(enum log_state state) {
    return state == LOG_REJECTED || state == LOG_RETIRED;
}

static const char *state_in_words(enum log_state state) {
    return state == LOG_STATE_NONE ? "no state" : log_state_name(state);
}

/* "Chrome says usable, Apple says rejected" */
static void add_states(struct buffer *text, const struct chosen_log *chosen) {
    const char *comma = "";
    if (chosen->sources & SOURCE_CHROME) {
        buffer_printf(text, "Chrome says %s", state_in_words(chosen->chrome_state));
        comma = ", ";
    }
    if (chosen->sources & SOURCE_APPLE)
        buffer_printf(text, "%sApple says %s", comma, state_in_words(chosen->apple_state));
}

static void add_listed(struct buffer *text, const struct chosen_log *chosen) {
    bool is_final = chosen->log.state == LOG_READONLY && chosen->log.has_final_head;
    if (is_final)
        buffer_printf(text, "followed to its final tree head of %" PRIu64 " entries: ", chosen->log.final_size);
    else
        buffer_add_text(text, "followed: ");
    add_states(text, chosen);
    if (chosen->log.is_state_unknown)
        buffer_add_text(text, "; one list gives it a state that this version does not know");
    if (chosen->is_unreachable_a_note)
        buffer_printf(text, "; because of \"%s\" it may be switched off",
                      log_state_name(is_dead(chosen->chrome_state) ? chosen->chrome_state : chosen->apple_state));
}

static void add_configured(struct buffer *text, const struct chosen_log *chosen) {
    buffer_add_text(text, chosen->sources & SOURCE_DRILL ? "followed: the drill's own log" : "followed: the settings name it");
    if (chosen->sources & (SOURCE_CHROME | SOURCE_APPLE)) {
        buffer_add_text(text, "; ");
        add_states(text, chosen);
    }
}

static void add_stateless(struct buffer *text, const struct chosen_log *chosen) {
    buffer_add_text(text, "not followed: ");
    add_states(text, chosen);
    if (strcmp(chosen->log.log_type, "prod") != 0)
        buffer_printf(text, " (log type %s)", chosen->log.log_type);
}

const char *log_choice_sentence(const struct chosen_log *chosen, enum log_decision decision, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(SENTENCE_MAX * 4);
    switch (decision) {
    case DECISION_LISTED:
        add_listed(&text, chosen);
        break;
    case DECISION_CONFIGURED:
        add_configured(&text, chosen);
        break;
    case DECISION_DEAD:
        buffer_add_text(&text, "not followed: ");
        add_states(&text, chosen);
        break;
    case DECISION_STATELESS:
        add_stateless(&text, chosen);
        break;
    case DECISION_PLACEHOLDER:
        buffer_add_text(&text, "not followed: a placeholder under example.com, never a log");
        break;
    case DECISION_MIMIC:
        buffer_add_text(&text, "not followed: a mimic log whose private key is public, so its signatures prove nothing");
        break;
    }
    return text.failed ? NULL : arena_copy_text(arena, buffer_text(&text));
}
