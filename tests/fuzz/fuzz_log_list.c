/* Log lists: every accepted log has an address with a slash at the end, and the choice says why for each.
 *
 * parser: formats/log_list.c formats/log_list_entry.c rules/log_choice.c
 * seeds: log-list
 * leaves: log_protocol_name
 * corpora: a-ct/log-lists */
#include <stdlib.h>

#include "rules/log_choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool ends_with_slash(const char *url) {
    return url[0] != '\0' && url[strlen(url) - 1] == '/';
}

static void require_reasons(const struct log_list *list, struct arena *arena) {
    struct chosen_log *logs;
    size_t count;
    struct log_choice_input input = {.chrome = list, .apple = list, .now_ms = 1000};
    if (log_choose(&input, arena, &logs, &count) != OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (logs[i].reason[0] == '\0')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new((size_t) 32 * 1024 * 1024);
    struct log_list list;
    struct reason reason;
    if (arena != NULL && log_list_parse(span_of(bytes, size), arena, &list, &reason) == OK) {
        for (size_t i = 0; i < list.count; i++)
            if (!ends_with_slash(list.logs[i].url))
                abort();
        require_reasons(&list, arena);
    }
    arena_free(arena);
    return 0;
}
