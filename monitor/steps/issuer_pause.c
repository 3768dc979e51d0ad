#include "steps/issuer_pause.h"

#include "net/budget.h"

#define PAUSE_FIRST_MS 10000 /* after an issuer was not to be had, doubling to the cap */
#define PAUSE_CAP_MS ((int64_t) 10 * 60 * 1000)
#define HOUR_MS ((int64_t) 3600 * 1000)
#define WITHHELD_ANYHOW_MS (24 * HOUR_MS)
#define LOOK_AGAIN_MS ((int64_t) 10 * 60 * 1000) /* for what has waited for a day, after a start */
#define SPELL_MAX_MS ((int64_t) 20 * 60 * 1000)  /* between two tries: longer, and nobody was trying */
#define FORGOTTEN_AFTER_MS (2 * HOUR_MS)         /* nobody has asked again: what waited for it does so no more */

static bool is_in_use(const struct issuer_series *series, int64_t now_ms) {
    return series->failures > 0 && now_ms - series->until_ms <= FORGOTTEN_AFTER_MS;
}

struct issuer_series *issuer_series_find(struct issuer_pauses *pauses, const struct hash *log_id, const struct hash *issuer) {
    for (size_t i = 0; i < ISSUER_PAUSES_MAX; i++) {
        struct issuer_series *series = &pauses->list[i];
        if (series->failures > 0 && hash_equal(&series->issuer, issuer) && hash_equal(&series->log_id, log_id))
            return series;
    }
    return NULL;
}

static struct issuer_series *place_for(struct issuer_pauses *pauses, const struct hash *log_id, int64_t now_ms) {
    struct issuer_series *free_place = NULL;
    size_t of_log = 0;
    for (size_t i = 0; i < ISSUER_PAUSES_MAX; i++) {
        struct issuer_series *series = &pauses->list[i];
        if (!is_in_use(series, now_ms))
            free_place = series;
        else
            of_log += hash_equal(&series->log_id, log_id);
    }
    return of_log < ISSUER_PAUSES_OF_LOG && free_place != NULL ? free_place : &pauses->rest;
}

static void begin(struct issuer_series *series, const struct issuer_try *failed, int64_t now_ms) {
    bool is_old = failed->waited_ms >= WITHHELD_ANYHOW_MS; /* most likely asked for by a process before this one */
    *series = (struct issuer_series){.log_id = *failed->log_id, .issuer = *failed->issuer, .begun_ms = now_ms, .failed_ms = now_ms,
                                     .vain_ms = is_old ? ISSUER_WITHHELD_AFTER_MS - LOOK_AGAIN_MS : 0};
}

/* What passed since the last try was spent trying if the log was there all the same. */
static void count_spell(struct issuer_series *series, int64_t answered_ms, int64_t now_ms) {
    int64_t spell_ms = now_ms - series->failed_ms;
    if (answered_ms > series->failed_ms)
        series->vain_ms += spell_ms < SPELL_MAX_MS ? spell_ms : SPELL_MAX_MS;
    series->failed_ms = now_ms;
}

struct issuer_series *issuer_series_failed(struct issuer_pauses *pauses, const struct issuer_try *failed, int64_t now_ms) {
    struct issuer_series *series = issuer_series_find(pauses, failed->log_id, failed->issuer);
    if (series == NULL)
        series = place_for(pauses, failed->log_id, now_ms);
    bool is_rest = series == &pauses->rest;
    if (!is_in_use(series, now_ms))
        begin(series, failed, now_ms);
    else if (!is_rest && now_ms < series->until_ms)
        return series;
    count_spell(series, failed->answered_ms, now_ms);
    series->failures++;
    series->until_ms = is_rest ? now_ms : now_ms + backoff_ms(series->failures, PAUSE_FIRST_MS, PAUSE_CAP_MS, 0);
    return series;
}

void issuer_series_end(struct issuer_pauses *pauses, const struct hash *log_id, const struct hash *issuer) {
    struct issuer_series *series = issuer_series_find(pauses, log_id, issuer);
    if (series != NULL)
        series->failures = 0;
}

bool issuer_is_withheld(const struct issuer_series *series, int64_t now_ms) {
    return series->vain_ms >= ISSUER_WITHHELD_AFTER_MS || now_ms - series->begun_ms >= WITHHELD_ANYHOW_MS;
}
