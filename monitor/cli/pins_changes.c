#include "cli/pins_changes.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/table.h"
#include "rules/pin_holder.h"

/* ---- words */

static const char *names_text(const struct pin_change *change, struct arena *arena) {
    static const char *const forms[] = {[PIN_SCOPE_HOST] = "%s", [PIN_SCOPE_ONE_BELOW] = "*.%s", [PIN_SCOPE_HOST | PIN_SCOPE_ONE_BELOW] = "%s and one label below", [PIN_SCOPE_DEEPER] = "names two or more labels below %s",
                                        [PIN_SCOPE_HOST | PIN_SCOPE_DEEPER] = "%s, and names two or more labels below", [PIN_SCOPE_ONE_BELOW | PIN_SCOPE_DEEPER] = "names below %s",
                                        [PIN_SCOPE_HOST | PIN_SCOPE_ONE_BELOW | PIN_SCOPE_DEEPER] = "%s and below"};
    const char *form = forms[change->scopes], *place = strstr(form, "%s");
    if (change->host == NULL)
        return change->name[0] == '\0' ? "the set without a host" : change->name;
    return arena_printf(arena, "%.*s%s%s", (int) (place - form), form, change->host, place + 2);
}

static const char *key_text(const struct pin *pin, struct arena *arena) {
    struct pin_holder holder;
    bool is_known = pin_holder_find(pin, NULL, &holder);
    const char *text = pin_long_text(pin, arena), *who = is_known ? pin_holder_text(&holder, arena) : "";
    return text == NULL || who == NULL ? NULL : arena_printf(arena, "%s%s%s%s%s", text, pin->position == PIN_ANY ? "" : " as ", pin->position == PIN_ANY ? "" : pin_position_name(pin->position),
                                              is_known ? "  " : "", who);
}

static const char *change_text(const struct pin_change *change, struct arena *arena) {
    switch (change->kind) {
    case PIN_CHANGE_PINNED:
        return "is pinned now, was not";
    case PIN_CHANGE_UNPINNED:
        return "is not pinned any more";
    case PIN_CHANGE_KEY_ADDED:
    case PIN_CHANGE_KEY_REMOVED:
        return key_text(change->pin, arena);
    default:
        return change->text;
    }
}

/* ---- for people */

static char sign_of(const struct pin_change *change) {
    if (change->kind == PIN_CHANGE_KEY_ADDED || change->kind == PIN_CHANGE_PINNED)
        return '+';
    return change->kind == PIN_CHANGE_KEY_REMOVED || change->kind == PIN_CHANGE_UNPINNED ? '-' : '~';
}

static void print_line(const struct pin_change *change, char sign, const char *text) {
    bool has_colours = terminal_has_colours();
    bool is_stricter = change->effect == PIN_EFFECT_STRICTER;
    fputs(!has_colours ? "" : is_stricter ? "\033[31m" : "\033[32m", stdout);
    printf("  %c%c ", is_stricter ? '!' : ' ', sign);
    print_sentence(text);
    puts(has_colours ? "\033[0m" : "");
}

static void print_change(const struct pin_change *change, struct arena *arena) {
    const char *text = change_text(change, arena);
    print_line(change, sign_of(change), text == NULL ? "" : text);
    if (change->kind != PIN_CHANGE_PINNED)
        return;
    for (size_t group = 0; group < change->after->group_count; group++)
        for (size_t i = 0; i < change->after->groups[group].count; i++) {
            const char *key = key_text(&change->after->groups[group].pins[i], arena);
            fputs("       ", stdout);
            print_sentence(key == NULL ? "" : key);
            putchar('\n');
        }
}

void pins_print_changes(const struct pin_change *changes, size_t count, struct arena *arena) {
    const char *last = "";
    for (size_t i = 0; i < count; i++) {
        const char *names = names_text(&changes[i], arena);
        names = names == NULL ? "" : names;
        if (i == 0 || strcmp(names, last) != 0) {
            print_sentence(names);
            if (changes[i].port != 0)
                printf(" port %u/%s", changes[i].port, changes[i].protocol);
            putchar('\n');
        }
        print_change(&changes[i], arena);
        last = names;
    }
}

/* ---- JSON */

static json_t *key_json(const struct pin *pin) {
    CLEANUP(buffer_done) struct buffer hex = buffer_with_limit(2 * PIN_VALUE_SIZE_MAX + 2);
    char *place = pin == NULL ? NULL : (char *) buffer_reserve(&hex, 2 * pin->value.size + 1);
    if (place == NULL)
        return json_null();
    text_of_hex(pin->value, place);
    return json_pack("{s:s,s:s,s:s,s:s}", "kind", pin_kind_name(pin->kind), "algorithm", pin_algorithm_name(pin->algorithm), "value", place, "position", pin_position_name(pin->position));
}

static json_t *scopes_json(unsigned scopes) {
    json_t *list = json_array();
    if (scopes & PIN_SCOPE_HOST)
        json_array_append_new(list, json_string("host"));
    if (scopes & PIN_SCOPE_ONE_BELOW)
        json_array_append_new(list, json_string("one-label-below"));
    if (scopes & PIN_SCOPE_DEEPER)
        json_array_append_new(list, json_string("deeper"));
    return list;
}

json_t *pins_change_json(const struct pin_change *change) {
    static const char *const effects[] = {[PIN_EFFECT_NONE] = "none", [PIN_EFFECT_STRICTER] = "stricter", [PIN_EFFECT_LOOSER] = "looser"};
    json_t *object = json_object();
    json_object_set_new(object, "host", change->host == NULL ? json_null() : json_string(change->host));
    json_object_set_new(object, "name", change->name == NULL || change->name[0] == '\0' ? json_null() : json_string(change->name));
    json_object_set_new(object, "port", change->port == 0 ? json_null() : json_integer(change->port));
    json_object_set_new(object, "scopes", scopes_json(change->scopes));
    json_object_set_new(object, "change", json_string(pin_change_kind_name(change->kind)));
    json_object_set_new(object, "effect", json_string(effects[change->effect]));
    json_object_set_new(object, "pin", key_json(change->pin));
    json_object_set_new(object, "message", change->text[0] == '\0' ? json_null() : json_string(change->text));
    return object;
}
