/* The local drill announces its logs and authorities in a file; they are followed like any other log, and marked. */
#include "base/log.h"
#include "base/memory.h"
#include "steps/kept_file.h"
#include "steps/monitor.h"

static void take_authorities(struct monitor *monitor) {
    size_t count = 0;
    for (size_t i = 0; i < monitor->drill.authority_count; i++) {
        const struct drill_file_authority *authority = &monitor->drill.authorities[i];
        monitor->drill_domains[i][0] = authority->caa_domain;
        monitor->drill_domains[i][1] = NULL;
        monitor->drill_owners[i] = (struct ca_owner){.name = authority->owner, .caa_domains = monitor->drill_domains[i], .problem_report = ""};
        monitor->drill_rows[count++] = (struct ca_row){.spki_sha256 = authority->spki_sha256, .owner = &monitor->drill_owners[i], .kind = CA_INTERMEDIATE,
                                                          .is_path_complete = true, .is_certain = true};
        monitor->drill_rows[count++] = (struct ca_row){.spki_sha256 = authority->root_spki_sha256, .owner = &monitor->drill_owners[i], .kind = CA_ROOT,
                                                          .is_path_complete = true, .is_certain = true};
    }
    ca_rows_sort(monitor->drill_rows, count);
    monitor->drill_row_count = count; /* step_reload_ca_keys joins them to the imported keys; until then they stand alone */
    monitor->extra = (struct ca_extra_rows){.rows = monitor->drill_rows, .count = count};
}

result step_read_drill(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    if (!monitor->settings->has_drill || monitor->drill_arena != NULL)
        return OK;
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(DRILL_FILE_SIZE_MAX);
    buffer_printf(&path, "%s/drill/%s", monitor->settings->state_folder, DRILL_FILE_NAME);
    TRY(buffer_check(&path));
    if (kept_file_read(buffer_text(&path), &json) != OK)
        return OK; /* not yet written */
    struct arena *arena = arena_new(4 * DRILL_FILE_SIZE_MAX);
    result fault = arena == NULL ? &fault_no_memory : drill_file_read(buffer_span(&json), arena, &monitor->drill);
    if (fault != OK) {
        arena_free(arena);
        log_say(LOG_WARNING, "drill.refused", LOG_TEXT("file", buffer_text(&path)), LOG_FAULT(fault));
        return OK;
    }
    monitor->drill_arena = arena;
    monitor->drill_version++;
    take_authorities(monitor);
    return OK;
}
