#include "steps/caa_trouble.h"

#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/monitor.h"

#define RULE "caa.not-polled"
#define TOLD_AFTER_MS ((int64_t) 5 * 60 * 1000)
#define SETTLED_MS 60000 /* a client is tried for once a minute, a poisoned batch comes again within seconds */
#define RESTING_MS 60000 /* nobody looked: the database was away, which is told elsewhere, or the machine slept */

void caa_trouble_note(struct monitor *monitor, const char *why) {
    struct caa_trouble *trouble = &monitor->caa_trouble;
    int64_t now_ms = clock_monotonic_ms();
    if (trouble->last_ms == 0) {
        trouble->since_ms = now_ms;
        trouble->since_wall_ms = clock_wall_ms();
    }
    trouble->last_ms = now_ms;
    snprintf(trouble->why.text, sizeof trouble->why.text, "%s", why);
}

static result tell(struct monitor *monitor, bool is_over, int64_t now_ms) {
    const struct caa_trouble *trouble = &monitor->caa_trouble;
    char since[RFC3339_SIZE];
    text_of_time_ms(trouble->since_wall_ms, since);
    json_t *evidence = is_over ? json_object() : json_pack("{s:s, s:I, s:[s]}", "since", since, "seconds",
                                                           (json_int_t) ((now_ms - trouble->since_ms) / 1000), "reasons", trouble->why.text);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (text == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE, .is_over = is_over, .detail = "", .evidence = text, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(monitor, NULL, &event);
    memory_free_foreign(text);
    return fault;
}

static result end(struct monitor *monitor) {
    struct caa_trouble *trouble = &monitor->caa_trouble;
    trouble->last_ms = 0;
    TRY(tell(monitor, true, 0));
    if (trouble->told == TOLD_OPEN)
        log_say(LOG_NOTICE, "caa.polled-again", LOG_TEXT("what", "names are asked, and answers recorded"));
    trouble->told = TOLD_OVER;
    return OK;
}

static result begin(struct monitor *monitor, int64_t now_ms) {
    struct caa_trouble *trouble = &monitor->caa_trouble;
    TRY(tell(monitor, false, now_ms));
    log_say(LOG_WARNING, RULE, LOG_TEXT("why", trouble->why.text), LOG_NUMBER("for_ms", now_ms - trouble->since_ms));
    trouble->told = TOLD_OPEN;
    return OK;
}

result caa_trouble_look(struct monitor *monitor, enum caa_standing standing, int64_t now_ms) {
    struct caa_trouble *trouble = &monitor->caa_trouble;
    if (now_ms - trouble->looked_ms > RESTING_MS) {
        trouble->since_ms = now_ms;
        trouble->since_wall_ms = clock_wall_ms();
    }
    trouble->looked_ms = now_ms;
    if (standing == CAA_STANDS_ELSEWHERE) {
        trouble->last_ms = 0;
        trouble->told = TOLD_UNKNOWN; /* who polls ends what is open, or has told it itself */
        return OK;
    }
    bool is_over = standing == CAA_STANDS_WELL && (trouble->last_ms == 0 || now_ms - trouble->last_ms >= SETTLED_MS);
    if (is_over) {
        trouble->last_ms = 0;
        return trouble->told == TOLD_OVER ? OK : end(monitor);
    }
    bool is_long = trouble->last_ms != 0 && now_ms - trouble->since_ms >= TOLD_AFTER_MS;
    return is_long && trouble->told != TOLD_OPEN ? begin(monitor, now_ms) : OK;
}

result caa_trouble_end(struct monitor *monitor) {
    return end(monitor);
}
