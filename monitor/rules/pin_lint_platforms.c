/* The files of one app for several platforms, held against each other. */
#include "rules/pin_difference.h"
#include "rules/pin_lint_work.h"

enum platform { PLATFORM_NONE, PLATFORM_ANDROID, PLATFORM_IOS };

static enum platform platform_of(enum pin_format format) {
    switch (format) {
    case PIN_FORMAT_ANDROID:
    case PIN_FORMAT_TRUSTKIT_ANDROID:
    case PIN_FORMAT_OKHTTP:
        return PLATFORM_ANDROID;
    case PIN_FORMAT_APPLE:
    case PIN_FORMAT_TRUSTKIT_IOS:
        return PLATFORM_IOS;
    default:
        return PLATFORM_NONE;
    }
}

static const struct pin_set *entry_of(const struct pin_document *document, const char *host) {
    for (size_t i = 0; i < document->set_count; i++)
        if (document->sets[i].host != NULL && strcmp(document->sets[i].host, host) == 0)
            return &document->sets[i];
    return NULL;
}

/* Files of apps that have nothing to do with each other are not compared. */
static bool have_a_host_in_common(const struct pin_document *one, const struct pin_document *other) {
    for (size_t i = 0; i < one->set_count; i++)
        if (one->sets[i].host != NULL && entry_of(other, one->sets[i].host) != NULL)
            return true;
    return false;
}

struct host_changes {
    const char *host;
    size_t only_before, only_after, pinned, unpinned;
    unsigned scopes;
};

static void count_change(struct host_changes *changes, const struct pin_change *change) {
    changes->only_before += change->kind == PIN_CHANGE_KEY_REMOVED;
    changes->only_after += change->kind == PIN_CHANGE_KEY_ADDED;
    changes->pinned += change->kind == PIN_CHANGE_PINNED;
    changes->unpinned += change->kind == PIN_CHANGE_UNPINNED;
    if (change->kind == PIN_CHANGE_PINNED || change->kind == PIN_CHANGE_UNPINNED)
        changes->scopes |= change->scopes;
}

static void say(struct pin_lint_work *work, const struct host_changes *changes, const struct pin_document *one, const struct pin_document *other) {
    const struct pin_set *set = entry_of(one, changes->host);
    const char *below = changes->scopes & PIN_SCOPE_HOST ? "" : "names below are ";
    work->document = set == NULL ? other : one;
    set = set == NULL ? entry_of(other, changes->host) : set;
    if (changes->only_before + changes->only_after > 0)
        pin_lint_say(work, PIN_LINT_PLATFORMS_DIFFER, set, 0, "%zu key%s accepted by %s alone, %zu by %s alone: after a rotation one platform may work and the other not", changes->only_before,
                     changes->only_before == 1 ? "" : "s", one->source, changes->only_after, other->source);
    if (changes->pinned + changes->unpinned > 0)
        pin_lint_say(work, PIN_LINT_PLATFORM_MISSING, set, 0, "%spinned by %s, and not by %s", below, changes->pinned > 0 ? other->source : one->source, changes->pinned > 0 ? one->source : other->source);
}

static result compare(struct pin_lint_work *work, const struct pin_document *one, const struct pin_document *other) {
    struct pin_difference_sides sides = {.before = one, .before_count = 1, .after = other, .after_count = 1, .ignores_position = true};
    struct pin_change *changes;
    size_t count;
    TRY(pin_difference(&sides, work->arena, &changes, &count));
    for (size_t at = 0, next; at < count; at = next) {
        struct host_changes host = {.host = changes[at].host};
        for (next = at; next < count && changes[next].host == changes[at].host; next++)
            count_change(&host, &changes[next]);
        if (host.host != NULL)
            say(work, &host, one, other);
    }
    return OK;
}

void pin_lint_platforms(struct pin_lint_work *work) {
    for (size_t i = 0; i < work->document_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct pin_document *one = &work->documents[k], *other = &work->documents[i];
            enum platform left = platform_of(one->format), right = platform_of(other->format);
            if (left == PLATFORM_NONE || right == PLATFORM_NONE || left == right || !have_a_host_in_common(one, other))
                continue;
            if (compare(work, one, other) != OK)
                work->is_short = true;
        }
    work->document = NULL;
}
