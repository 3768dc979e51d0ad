#include "cli/watch_text.h"

const char *watch_text_of(enum watch_kind kind, const char *value, struct arena *arena) {
    static const char *const prefixes[watch_kind_count] = {"", ".", "", "sha256:", "@"};
    return arena_printf(arena, "%s%s", prefixes[kind], value);
}

const char *watch_kind_name(enum watch_kind kind) {
    static const char *const names[watch_kind_count] = {"name", "subtree", "address", "key", "email"};
    return names[kind];
}
