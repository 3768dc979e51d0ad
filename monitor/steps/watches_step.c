/* Watches and policies take effect without a restart: a new generation in the database is loaded and handed to the readers. */
#include "base/log.h"
#include "base/memory.h"
#include "steps/monitor.h"

#define IMAGE_LIMIT ((size_t) 8 * 1024 * 1024 * 1024)

static result take_watches(struct monitor *monitor, struct watch_set *set) {
    bool is_new_image = monitor->watches == NULL || watch_set_image_generation(monitor->watches) != watch_set_image_generation(set);
    if (is_new_image) {
        CLEANUP(buffer_done) struct buffer image = buffer_with_limit(IMAGE_LIMIT);
        TRY(watch_set_build_image(set, &image));
        TRY(reader_pool_set_image(monitor->world.readers, buffer_span(&image)));
    }
    return OK;
}

/* A batch that a reader answered with the old image must not be judged with the new watches: terminals would mean others. So the old set
 * stays until the batches under way are read again. */
static void restart_reading(struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++)
        if (monitor->logs[i].follow != NULL)
            followed_log_reread(monitor->logs[i].follow);
}

result step_reload_watches(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    struct store_generation generation;
    TRY(store_generation_load(monitor->store, &generation));
    const struct store_generation *old = monitor->watches == NULL ? NULL : watch_set_generation(monitor->watches);
    if (old != NULL && old->watches == generation.watches && old->policies == generation.policies && old->pins == generation.pins)
        return OK;
    struct watch_set *set = NULL;
    struct reason reason = {{0}};
    result fault = watch_set_load(monitor->store, &set, &reason);
    if (fault == OK)
        fault = take_watches(monitor, set);
    if (fault != OK) {
        log_say(LOG_ERROR, "watches.refused", LOG_TEXT("why", reason.text), LOG_FAULT(fault));
        watch_set_free(set);
        return fault;
    }
    bool had_image = monitor->watches != NULL && watch_set_image_generation(monitor->watches) != watch_set_image_generation(set);
    watch_set_free(monitor->watches);
    monitor->watches = set;
    if (had_image)
        restart_reading(monitor);
    log_say(LOG_NOTICE, "watches.taken", LOG_NUMBER("watches", watch_set_count(set)), LOG_NUMBER("generation", generation.watches));
    return OK;
}
