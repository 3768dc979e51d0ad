#include "cli/ca_difference.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/table.h"

static const char *const change_names[] = {[CA_SAME] = "same", [CA_ADDED] = "added", [CA_CHANGED] = "changed", [CA_GONE] = "gone"};

static bool is_in(const char *const *list, const char *name) {
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static bool is_subset(const char *const *list, const char *const *other) {
    for (size_t i = 0; list[i] != NULL; i++)
        if (!is_in(other, list[i]))
            return false;
    return true;
}

static bool is_same_set(const char *const *list, const char *const *other) {
    return is_subset(list, other) && is_subset(other, list);
}

static bool is_same(const struct ca_row *before, const struct ca_row *after) {
    return strcmp(before->owner->name, after->owner->name) == 0 && before->kind == after->kind && before->is_certain == after->is_certain &&
           is_same_set(before->owner->caa_domains, after->owner->caa_domains) && is_same_set(ca_row_domains(before), ca_row_domains(after));
}

static void compare(const struct ca_extra_rows *before, const struct ca_extra_rows *after, const struct ca_import_row *row, bool was_imported,
                    bool is_imported, struct ca_key_change *ret_key) {
    *ret_key = (struct ca_key_change){.name = row->name};
    ret_key->is_mapped_before = ca_table_find(&row->row.spki_sha256, before, &ret_key->before);
    ret_key->is_mapped_after = ca_table_find(&row->row.spki_sha256, after, &ret_key->after);
    if (was_imported && !is_imported)
        ret_key->change = CA_GONE;
    else if (!ret_key->is_mapped_before)
        ret_key->change = CA_ADDED;
    else
        ret_key->change = is_same(&ret_key->before, &ret_key->after) ? CA_SAME : CA_CHANGED;
}

static void count(struct ca_difference *difference, enum ca_change change) {
    difference->same += change == CA_SAME;
    difference->added += change == CA_ADDED;
    difference->changed += change == CA_CHANGED;
    difference->gone += change == CA_GONE;
    difference->count += change != CA_SAME; /* the last place is used again otherwise */
}

result ca_difference_find(const struct ca_extra_rows *before, const struct ca_import_row *old_rows, size_t old_count,
                          const struct ca_import *after, struct arena *arena, struct ca_difference *ret_difference) {
    struct ca_row *rows = arena_take_array(arena, after->count + 1, sizeof *rows);
    *ret_difference = (struct ca_difference){.keys = arena_take_array(arena, old_count + after->count + 1, sizeof *ret_difference->keys)};
    if (rows == NULL || ret_difference->keys == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < after->count; i++)
        rows[i] = after->rows[i].row;
    const struct ca_extra_rows extra = {.rows = rows, .count = after->count};
    for (size_t old = 0, new = 0; old < old_count || new < after->count;) {
        int order = old == old_count ? 1 : new == after->count ? -1
                    : memcmp(&old_rows[old].row.spki_sha256, &after->rows[new].row.spki_sha256, HASH_SIZE);
        struct ca_key_change *key = &ret_difference->keys[ret_difference->count];
        compare(before, &extra, order < 0 ? &old_rows[old] : &after->rows[new], order <= 0, order >= 0, key);
        count(ret_difference, key->change);
        old += order <= 0 ? 1 : 0;
        new += order >= 0 ? 1 : 0;
    }
    return OK;
}

/* ------------------------------------------------------------------ told */

static const char *const nothing[] = {NULL};

static const char *const *own_domains(bool is_mapped, const struct ca_row *row) {
    return is_mapped ? row->owner->caa_domains : nothing;
}

static const char *const *path_domains(bool is_mapped, const struct ca_row *row) {
    return is_mapped ? ca_row_domains(row) : nothing;
}

/* "+ a.example b.example" of those in `list` that are not in `other`. */
static void say_more(struct buffer *text, const char *sign, const char *const *list, const char *const *other) {
    bool is_first = true;
    for (size_t i = 0; list[i] != NULL; i++) {
        if (is_in(other, list[i]))
            continue;
        buffer_printf(text, "%s%s%s", is_first && text->size > 0 ? " " : "", is_first ? sign : " ", list[i]);
        is_first = false;
    }
}

/* What changes, in the same words for keys that change alike. */
static void say_change(struct buffer *text, const struct ca_key_change *key) {
    const char *const *before = own_domains(key->is_mapped_before, &key->before), *const *after = own_domains(key->is_mapped_after, &key->after);
    const char *const *path_before = path_domains(key->is_mapped_before, &key->before), *const *path_after = path_domains(key->is_mapped_after, &key->after);
    size_t size = text->size;
    say_more(text, "recognises also ", after, before);
    say_more(text, text->size > size ? "and no longer " : "recognises no longer ", before, after);
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(65536);
    say_more(&path, "+", path_after, path_before);
    say_more(&path, "-", path_before, path_after);
    if (path.size > 0)
        buffer_printf(text, "%son its paths: %s", text->size > size ? "; " : "", buffer_text(&path));
    if (!key->is_mapped_after)
        buffer_printf(text, "%sis not mapped any more", text->size > size ? "; " : "");
    else if (!key->is_mapped_before || key->before.is_certain != key->after.is_certain)
        buffer_printf(text, "%s%s certain", text->size > size ? "; " : "", key->after.is_certain ? "is" : "is not");
    if (text->size == size)
        buffer_add_text(text, "stays what it is");
}

static void say_owner(struct buffer *text, const struct ca_key_change *key) {
    const char *before = key->is_mapped_before ? key->before.owner->name : "", *after = key->is_mapped_after ? key->after.owner->name : "";
    if (before[0] != '\0' && after[0] != '\0' && strcmp(before, after) != 0)
        buffer_printf(text, "%s, before: %s", after, before);
    else
        buffer_add_text(text, after[0] != '\0' ? after : before);
}

struct told {
    enum ca_change change;
    char *owner, *what; /* owned */
    const char *name;
};

static int compare_told(const void *a, const void *b) {
    const struct told *left = a, *right = b;
    int order = (int) left->change - (int) right->change;
    if (order == 0)
        order = strcmp(left->owner, right->owner);
    return order == 0 ? strcmp(left->what, right->what) : order;
}

enum column { CHANGE, KEYS, OWNER, WHAT, EXAMPLE, column_count };
static const struct table_column columns[column_count] = {
    [CHANGE] = {"Change", NULL, false, false, false}, [KEYS] = {"Keys", NULL, true, false, false}, [OWNER] = {"Owner", NULL, false, false, false},
    [WHAT] = {"What", NULL, false, true, false},      [EXAMPLE] = {"For example", NULL, false, false, true},
};

static int print_groups(const struct told *told, size_t count) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, column_count, false);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0, size; i < count; i += size) {
        for (size = 1; i + size < count && compare_told(&told[i], &told[i + size]) == 0; size++)
            ;
        table_text(table, CHANGE, change_names[told[i].change]);
        table_tone(table, CHANGE, told[i].change == CA_ADDED ? TONE_GOOD : TONE_WARNING);
        table_number(table, KEYS, (int64_t) size);
        table_text(table, OWNER, told[i].owner);
        table_text(table, WHAT, told[i].what);
        table_text(table, EXAMPLE, told[i].name);
        table_end_row(table);
    }
    return table_print(table, "No key changes.");
}

static bool tell(const struct ca_key_change *key, struct told *ret_told) {
    CLEANUP(buffer_done) struct buffer owner = buffer_with_limit(8192);
    CLEANUP(buffer_done) struct buffer what = buffer_with_limit(262144);
    say_owner(&owner, key);
    say_change(&what, key);
    *ret_told = (struct told){.change = key->change, .owner = buffer_take_text(&owner), .what = buffer_take_text(&what), .name = key->name};
    return ret_told->owner != NULL && ret_told->what != NULL;
}

static int print_for_people(const struct ca_difference *difference) {
    AUTO_FREE struct told *told = memory_new_array(difference->count + 1, sizeof *told);
    bool is_told = told != NULL;
    for (size_t i = 0; is_told && i < difference->count; i++)
        is_told = tell(&difference->keys[i], &told[i]);
    if (is_told)
        qsort(told, difference->count, sizeof *told, compare_told);
    int code = is_told ? print_groups(told, difference->count) : exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; told != NULL && i < difference->count; i++) {
        memory_free(told[i].owner);
        memory_free(told[i].what);
    }
    return code;
}

static json_t *list_json(const char *const *list) {
    json_t *array = json_array();
    for (size_t i = 0; list[i] != NULL; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *row_json(bool is_mapped, const struct ca_row *row) {
    if (!is_mapped)
        return json_null();
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "owner", row->owner->name, "kind", row->kind == CA_ROOT ? "root" : "intermediate", "caa_domains",
                     list_json(row->owner->caa_domains), "path_domains", list_json(ca_row_domains(row)), "certain", row->is_certain);
}

int ca_difference_print(const struct ca_difference *difference, bool is_json, bool is_applied) {
    if (!is_json)
        return print_for_people(difference);
    for (size_t i = 0; i < difference->count; i++) {
        const struct ca_key_change *key = &difference->keys[i];
        char hex[HASH_HEX_SIZE];
        hash_to_hex(&(key->is_mapped_after ? &key->after : &key->before)->spki_sha256, hex);
        json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "type", "key", "change", change_names[key->change], "spki_sha256", hex, "name",
                                 key->name, "before", row_json(key->is_mapped_before, &key->before), "after",
                                 row_json(key->is_mapped_after, &key->after), "applied", is_applied);
        if (!print_json_line(line))
            return EXIT_IO;
    }
    return EXIT_OK;
}
