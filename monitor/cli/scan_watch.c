#include "base/memory.h"
#include "cli/read_file.h"
#include "cli/scan.h"
#include "formats/watch_list.h"

#define ARENA_LIMIT ((size_t) 4 * 1024 * 1024 * 1024)
#define WATCH_FILE_MAX ((size_t) 1024 * 1024 * 1024)

result scan_watch_init(struct scan_watch *watch) {
    *watch = (struct scan_watch){.arena = arena_new(ARENA_LIMIT)};
    return watch->arena == NULL ? &fault_no_memory : OK;
}

void scan_watch_done(struct scan_watch *watch) {
    memory_free(watch->items);
    memory_free(watch->texts);
    arena_free(watch->arena);
}

static result make_room(struct scan_watch *watch) {
    if (watch->count < watch->room)
        return OK;
    size_t room = watch->room == 0 ? 64 : watch->room * 2;
    struct watch_item *items = memory_resize(watch->items, room * sizeof *items);
    if (items == NULL)
        return &fault_no_memory;
    watch->items = items;
    const char **texts = memory_resize(watch->texts, room * sizeof *texts);
    if (texts == NULL)
        return &fault_no_memory;
    watch->texts = texts;
    watch->room = room;
    return OK;
}

result scan_watch_add(struct scan_watch *watch, struct span text, struct reason *reason) {
    enum watch_kind kind;
    char value[256];
    TRY(make_room(watch));
    TRY(watch_item_parse(text, &kind, value, reason));
    const char *kept = arena_copy_text(watch->arena, value);
    const char *written = arena_copy_span_as_text(watch->arena, text);
    if (kept == NULL || written == NULL)
        return &fault_no_memory;
    watch->items[watch->count] = (struct watch_item){.kind = kind, .value = kept};
    watch->texts[watch->count++] = written;
    return OK;
}

result scan_watch_add_file(struct scan_watch *watch, const char *path, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(WATCH_FILE_MAX);
    TRY(read_file(path, &text, reason));
    struct watch_list_reader reader = watch_list_reader_of(buffer_span(&text));
    struct span item;
    while (watch_list_next(&reader, &item)) {
        struct reason why = {{0}};
        result fault = scan_watch_add(watch, item, &why);
        if (fault != OK)
            return reason_set(reason, fault, "%s, line %zu: %s", path, reader.line, why.text);
    }
    return OK;
}

static bool is_under(const char *value, const char *suffix) {
    size_t value_size = strlen(value), suffix_size = strlen(suffix);
    if (value_size < suffix_size || strcmp(value + value_size - suffix_size, suffix) != 0)
        return false;
    return suffix_size == 0 || value_size == suffix_size || value[value_size - suffix_size - 1] == '.';
}

const char *scan_watch_first(const struct scan_watch *watch, const struct entry_report *report) {
    size_t first = watch->count;
    for (size_t i = 0; i < report->terminal_count; i++)
        if (report->terminals[i] < first)
            first = report->terminals[i];
    for (size_t i = 0; i < first && report->matches_nearly_all; i++) {
        enum watch_kind kind = watch->items[i].kind;
        if ((kind == WATCH_NAME || kind == WATCH_SUBTREE) && is_under(watch->items[i].value, report->broad_suffix))
            first = i;
    }
    return first < watch->count ? watch->texts[first] : "";
}
