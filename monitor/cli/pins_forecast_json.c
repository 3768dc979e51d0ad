/* The forecast for scripts: one line for each host; docs/json.md has the fields. */
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/pins_forecast.h"
#include "cli/table.h"
#include "formats/pin_json.h"
#include "rules/pin_holder.h"

static json_t *time_json(bool is_known, int64_t time) {
    char text[RFC3339_SIZE];
    text_of_time(time, text);
    return is_known ? json_string(text) : json_null();
}

static json_t *day_json(bool is_known, int64_t time) {
    char room[RFC3339_SIZE];
    return is_known ? json_string(forecast_day(time, room)) : json_null();
}

static json_t *share_json(bool is_known, double share) {
    return is_known ? json_real(share) : json_null();
}

/* Pin files without a release have their name as the app, as at the gate. */
static void set_release(json_t *object, const struct gate_release *release, struct arena *arena) {
    const struct release *facts = release == NULL ? NULL : release->release;
    const char *name = facts != NULL ? facts->app : release != NULL ? gate_release_name(release, arena) : NULL;
    json_object_set_new(object, "app", name == NULL ? json_null() : json_string(name));
    json_object_set_new(object, "platform", facts == NULL ? json_null() : json_string(facts->platform));
    json_object_set_new(object, "version", facts == NULL ? json_null() : json_string(facts->version));
    json_object_set_new(object, "share", share_json(facts != NULL && facts->has_share, facts == NULL ? 0 : facts->share));
}

static json_t *loss_json(const struct forecast_loss *loss, struct arena *arena) {
    json_t *object = json_object();
    json_object_set_new(object, "date", day_json(true, loss->at));
    json_object_set_new(object, "at", time_json(true, loss->at));
    json_object_set_new(object, "until", time_json(loss->has_end, loss->end));
    set_release(object, loss->line->release, arena);
    json_object_set_new(object, "app_share", share_json(loss->has_app_share, loss->app_share));
    json_object_set_new(object, "cause", json_string(forecast_cause_name(loss->cause)));
    json_object_set_new(object, "why", json_string(loss->why));
    return object;
}

static json_t *period_json(const struct forecast_line *line, size_t number) {
    const struct forecast_period *period = &line->periods[number];
    const struct pin_judgement *judgement = &period->judgement;
    bool is_accepted = period->state == FORECAST_ACCEPTED && judgement->by != NULL;
    json_t *object = json_object();
    json_object_set_new(object, "from", time_json(true, period->from));
    json_object_set_new(object, "until", time_json(number + 1 < line->count, number + 1 < line->count ? line->periods[number + 1].from : 0));
    json_object_set_new(object, "state", json_string(forecast_state_name(period->state)));
    json_object_set_new(object, "key", period->key == NULL ? json_null() : json_string(period->key->name));
    json_object_set_new(object, "renewal", json_boolean(period->is_renewal));
    json_object_set_new(object, "by", is_accepted ? pin_to_json(judgement->by, judgement->set->format) : json_null());
    json_object_set_new(object, "why", json_string(judgement->why));
    return object;
}

static json_t *line_json(const struct forecast_answer *answer, const struct forecast_line *line, struct arena *arena) {
    const struct release *facts = line->release->release;
    json_t *object = json_object(), *periods = json_array();
    const struct forecast_loss *first = NULL;
    for (size_t i = 0; i < answer->loss_count && first == NULL; i++)
        first = answer->losses[i].line == line ? &answer->losses[i] : NULL;
    for (size_t i = 0; i < line->count; i++)
        json_array_append_new(periods, period_json(line, i));
    set_release(object, line->release, arena);
    json_object_set_new(object, "released_on", day_json(facts != NULL && facts->has_released_on, facts == NULL ? 0 : facts->released_on));
    json_object_set_new(object, "end_of_support", day_json(facts != NULL && facts->has_end_of_support, facts == NULL ? 0 : facts->end_of_support));
    json_object_set_new(object, "loses_on", day_json(first != NULL, first == NULL ? 0 : first->at));
    json_object_set_new(object, "periods", periods);
    return object;
}

static json_t *key_json(const struct forecast_key *key) {
    char hex[HASH_HEX_SIZE];
    json_t *object = json_object();
    hash_to_hex(&key->link.spki_sha256, hex);
    json_object_set_new(object, "name", json_string(key->name));
    json_object_set_new(object, "spki_sha256", json_string(hex));
    json_object_set_new(object, "rotation", day_json(key->is_rotation, key->from));
    json_object_set_new(object, "not_before", time_json(key->has_validity, key->not_before));
    json_object_set_new(object, "not_after", time_json(key->has_validity, key->not_after));
    return object;
}

static json_t *staged_json(const struct forecast_staged *staged, struct arena *arena) {
    json_t *object = json_object();
    const char *pin = pin_long_text(staged->pin, arena), *role = pin_role_name(staged->pin->role);
    json_object_set_new(object, "pin", pin == NULL ? json_null() : json_string(pin));
    json_object_set_new(object, "role", role[0] == '\0' ? json_null() : json_string(role));
    json_object_set_new(object, "releases", json_integer((json_int_t) staged->count));
    json_object_set_new(object, "live_releases", json_integer((json_int_t) staged->live_count));
    json_object_set_new(object, "since", day_json(staged->has_since, staged->since));
    return object;
}

static json_t *event_json(const struct forecast_event *event, struct arena *arena) {
    json_t *object = json_object();
    json_object_set_new(object, "date", day_json(true, event->at));
    json_object_set_new(object, "at", time_json(true, event->at));
    json_object_set_new(object, "event", json_string(forecast_event_name(event->kind)));
    set_release(object, event->release, arena);
    json_object_set_new(object, "what", json_string(event->what));
    return object;
}

static json_t *answer_json(const struct forecast_run *run, const struct forecast_answer *answer) {
    struct arena *arena = run->rotation.arena;
    json_t *object = json_object(), *losses = json_array(), *lines = json_array(), *keys = json_array(), *staged = json_array(), *events = json_array();
    for (size_t i = 0; i < answer->loss_count; i++)
        json_array_append_new(losses, loss_json(&answer->losses[i], arena));
    for (size_t i = 0; i < answer->line_count; i++)
        json_array_append_new(lines, line_json(answer, &answer->lines[i], arena));
    for (size_t i = 0; i < answer->key_count; i++)
        json_array_append_new(keys, key_json(answer->keys[i]));
    for (size_t i = 0; i < answer->staged_count; i++)
        json_array_append_new(staged, staged_json(&answer->staged[i], arena));
    for (size_t i = 0; i < answer->event_count; i++)
        json_array_append_new(events, event_json(&answer->events[i], arena));
    json_object_set_new(object, "host", json_string(answer->service.host));
    json_object_set_new(object, "port", json_integer(answer->service.port));
    json_object_set_new(object, "protocol", json_string(answer->service.protocol));
    json_object_set_new(object, "from", time_json(true, run->question.from));
    json_object_set_new(object, "until", time_json(true, run->question.until));
    json_object_set_new(object, "verdict", json_string(forecast_verdict_name(answer->verdict)));
    json_object_set_new(object, "loses", losses);
    json_object_set_new(object, "releases", lines);
    json_object_set_new(object, "keys", keys);
    json_object_set_new(object, "staged", staged);
    json_object_set_new(object, "events", events);
    return object;
}

int forecast_print_json(const struct forecast_run *run) {
    for (size_t i = 0; i < run->count; i++) {
        uint64_t mark = memory_mark();
        json_t *object = json_if_whole(answer_json(run, &run->answers[i]), mark);
        if (object == NULL)
            return rotation_refused(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    return EXIT_OK;
}
