#include "steps/drive.h"

#include "base/clock.h"
#include "base/memory.h"

#define WAIT_MAX_MS 1000
#ifdef PINWATCH_TEST_CLOCK
#define WAKE_MAX_MS 20 /* a fake clock moves without waking anybody */
#else
#define WAKE_MAX_MS WAIT_MAX_MS
#endif

struct drive {
    struct event_base *loop;
    struct event *timer;
    struct followed_log **logs;
    size_t count, room;
    drive_extra extra;
    void *extra_context;
};

static void wake(int unused_descriptor, short unused_events, void *unused_context) {
    (void) unused_descriptor;
    (void) unused_events;
    (void) unused_context;
}

result drive_new(struct event_base *loop, struct drive **ret_drive) {
    struct drive *drive = memory_new(sizeof *drive);
    if (drive == NULL)
        return &fault_no_memory;
    drive->loop = loop;
    drive->timer = evtimer_new(loop, wake, NULL);
    if (drive->timer == NULL) {
        memory_free(drive);
        return &fault_no_memory;
    }
    *ret_drive = drive;
    return OK;
}

void drive_free(struct drive *drive) {
    if (drive == NULL)
        return;
    event_free(drive->timer);
    memory_free(drive->logs);
    memory_free(drive);
}

result drive_add(struct drive *drive, struct followed_log *log) {
    struct followed_log **logs = memory_grow(drive->logs, drive->count, &drive->room, sizeof(struct followed_log *));
    if (logs == NULL)
        return &fault_no_memory;
    drive->logs = logs;
    drive->logs[drive->count++] = log;
    return OK;
}

void drive_remove(struct drive *drive, struct followed_log *log) {
    for (size_t i = 0; i < drive->count; i++)
        if (drive->logs[i] == log) {
            drive->logs[i] = drive->logs[--drive->count];
            return;
        }
}

size_t drive_count(const struct drive *drive) {
    return drive->count;
}

struct followed_log *drive_log(const struct drive *drive, size_t at) {
    return drive->logs[at];
}

void drive_set_extra(struct drive *drive, drive_extra extra, void *context) {
    drive->extra = extra;
    drive->extra_context = context;
}

static int64_t step_all(struct drive *drive, int64_t now_ms) {
    int64_t due = now_ms + WAIT_MAX_MS;
    for (size_t i = 0; i < drive->count; i++) {
        int64_t wanted = followed_log_step(drive->logs[i]);
        due = wanted < due ? wanted : due;
    }
    if (drive->extra != NULL) {
        int64_t wanted = drive->extra(drive->extra_context, now_ms);
        due = wanted < due ? wanted : due;
    }
    return due;
}

result drive_run(struct drive *drive, const bool *should_stop) {
    for (;;) {
        int64_t now_ms = clock_monotonic_ms();
        int64_t wait_ms = step_all(drive, now_ms) - now_ms;
        if (*should_stop)
            return OK;
        wait_ms = wait_ms < 1 ? 1 : wait_ms > WAKE_MAX_MS ? WAKE_MAX_MS : wait_ms;
        struct timeval delay = {.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t) (wait_ms % 1000) * 1000};
        if (evtimer_add(drive->timer, &delay) != 0 || event_base_loop(drive->loop, EVLOOP_ONCE) < 0)
            return &fault_no_memory; /* what libevent cannot do otherwise */
    }
}
