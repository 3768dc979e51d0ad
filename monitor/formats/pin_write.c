#include "formats/pin_write.h"

#include <stdio.h>

#include "base/text.h"

#define DAY_S INT64_C(86400)

static size_t count_pins(const struct pin_set *set) {
    size_t count = 0;
    for (size_t i = 0; i < set->group_count; i++)
        count += set->groups[i].count;
    return count;
}

static bool is_among(const struct pin *pin, const struct pin **pins, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pin_is_same(pins[i], pin))
            return true;
    return false;
}

/* A set keeps what it repeats itself, so that a file comes back as it was; of others only what is new. */
static size_t add_pins(const struct pin_set *set, bool is_own, const struct pin **pins, size_t count) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (is_own || !is_among(&set->groups[i].pins[k], pins, count))
                pins[count++] = &set->groups[i].pins[k];
    return count;
}

result pin_write_pins(const struct pin_export *entry, struct arena *arena, const struct pin ***ret_pins, size_t *ret_count) {
    size_t rooms = count_pins(entry->set) + 1;
    for (const struct pin_set *const *other = entry->united; *other != NULL; other++)
        rooms += count_pins(*other);
    const struct pin **pins = arena_take_array(arena, rooms, sizeof *pins);
    if (pins == NULL)
        return &fault_no_memory;
    size_t count = add_pins(entry->set, true, pins, 0);
    for (const struct pin_set *const *other = entry->united; *other != NULL; other++)
        count = add_pins(*other, false, pins, count);
    *ret_pins = pins;
    *ret_count = count;
    return OK;
}

result pin_write_date(const struct pin_set *set, bool is_local, struct pin_builder *lost, char ret_date[11]) {
    char time[RFC3339_SIZE];
    text_of_time(set->expires, time);
    snprintf(ret_date, 11, "%.10s", time);
    if (is_local == set->is_expiry_local && set->expires % DAY_S == 0)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-expiry", "%s: pinning ends at midnight %s of %s here, up to %s",
                              set->host, is_local ? "of the device" : "UTC", ret_date,
                              set->expires % DAY_S == 0 ? "14 hours earlier or later" : "a day earlier");
}
