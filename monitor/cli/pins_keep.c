#include "cli/pins_keep.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/pins_changes.h"
#include "cli/table.h"
#include "rules/pin_difference.h"

/* ------------------------------------------------------------------ names */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool is_named(const struct pins_keeping *keeping, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(keeping->documents[i].name, name) == 0)
            return true;
    return false;
}

/* "res/xml/pins.xml" of "app.apk!res/xml/pins.xml"; of a file that has documents of two formats, the format. */
static const char *part_name(const struct pins_keeping *keeping, const char *path, size_t number, const char *base) {
    const struct pin_document *document = &keeping->files->documents[number];
    struct arena *arena = keeping->files->arena;
    size_t size = strlen(path);
    bool is_member = strncmp(document->source, path, size) == 0 && document->source[size] == '!';
    const char *name = arena_printf(arena, "%s/%s", base, is_member ? document->source + size + 1 : pin_format_name(document->format));
    if (name == NULL || !is_member || !is_named(keeping, number, name))
        return name;
    return arena_printf(arena, "%s/%s", name, pin_format_name(document->format));
}

static result check_name(const char *name, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer copy = buffer_with_limit(2 * PIN_DOCUMENT_NAME_MAX);
    size_t size = strlen(name);
    bool is_short = size > 0 && size <= PIN_DOCUMENT_NAME_MAX;
    buffer_add_text(&copy, is_short ? name : "");
    if (copy.failed)
        return &fault_no_memory;
    if (is_short)
        text_make_harmless((char *) copy.bytes);
    if (is_short && strcmp(buffer_text(&copy), name) == 0 && strchr(name, ';') == NULL && name[0] != ' ' && name[size - 1] != ' ')
        return OK;
    return reason_set(reason, &fault_pin_file, "\"%.60s\" cannot be the name of a document; wanted 1 to %d bytes that can be shown, without \";\": say one with --name",
                      name, PIN_DOCUMENT_NAME_MAX);
}

static result name_document(struct pins_keeping *keeping, size_t path, size_t number, struct reason *reason) {
    const struct pins_files *files = keeping->files;
    const char *base = keeping->name != NULL ? keeping->name : base_name(keeping->paths->items[path]);
    size_t begin = path == 0 ? 0 : files->ends[path - 1];
    const char *name = files->ends[path] - begin > 1 ? part_name(keeping, keeping->paths->items[path], number, base) : base;
    if (name == NULL)
        return &fault_no_memory;
    if (keeping->name == NULL && strcmp(keeping->paths->items[path], "-") == 0)
        return reason_set(reason, &fault_pin_file, "standard input has no name to store pins under; say one with --name");
    TRY(check_name(name, reason));
    if (is_named(keeping, number, name))
        return reason_set(reason, &fault_pin_file, "two of the files would be called \"%s\"; import them one by one, each with --name", name);
    keeping->documents[number].name = name;
    return OK;
}

/* ------------------------------------------------------------------ contents */

static result write_content(struct pins_keeping *keeping, size_t path, size_t number) {
    const struct pin_document *document = &keeping->files->documents[number];
    struct store_pin_document *stored = &keeping->documents[number];
    struct pin_document lost = {.source = document->source, .format = PIN_FORMAT_YAML};
    struct pin_builder builder = pin_builder_of(keeping->files->arena, &lost);
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(PIN_CONTENT_MAX);
    TRY(pin_yaml_write(document, &builder, &content));
    stored->content = arena_copy_text(keeping->files->arena, buffer_text(&content));
    char *source = arena_copy_text(keeping->files->arena, document->source);
    if (stored->content == NULL || source == NULL)
        return &fault_no_memory;
    text_make_harmless(source);
    stored->source = base_name(source);
    stored->format = document->format;
    digest_of(buffer_span(&keeping->files->contents[path]), &stored->sha256);
    return OK;
}

result pins_keep_prepare(struct pins_keeping *keeping, struct reason *reason) {
    const struct pins_files *files = keeping->files;
    size_t number = 0;
    keeping->documents = arena_take_array(files->arena, files->count + 1, sizeof *keeping->documents);
    if (keeping->documents == NULL)
        return &fault_no_memory;
    for (size_t path = 0; path < keeping->paths->count; path++)
        for (; number < files->ends[path]; number++) {
            TRY(name_document(keeping, path, number, reason));
            TRY(write_content(keeping, path, number));
        }
    return OK;
}

/* Is it in force under a name of this file, or of its parts, and none of what was stored now? */
static bool is_left_over(const struct pins_keeping *keeping, const char *path, const char *name) {
    const char *base = keeping->name != NULL ? keeping->name : base_name(path);
    size_t size = strlen(base);
    return strncmp(name, base, size) == 0 && (name[size] == '\0' || name[size] == '/') && !is_named(keeping, keeping->files->count, name);
}

/* A release that names the file would go on having these. */
static result tell_left_over(const struct pins_keeping *keeping, struct database *database) {
    struct store_pin_question question = {.tenant_id = DEFAULT_TENANT};
    struct store_pin_document *documents;
    size_t count;
    TRY(store_pin_documents_list(database->store, &question, database->arena, &documents, &count));
    for (size_t path = 0; path < keeping->paths->count; path++)
        for (size_t i = 0; i < count; i++) {
            CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(8 * PIN_DOCUMENT_NAME_MAX);
            if (!is_left_over(keeping, keeping->paths->items[path], documents[i].name))
                continue;
            text_add_harmless(&shown, span_of_text(documents[i].name));
            fprintf(stderr, "pinwatch: \"%s\" of an earlier import is still in force, and is not in the file any more; `pinwatch pins remove` ends it\n", buffer_text(&shown));
        }
    return OK;
}

result pins_keep(struct pins_keeping *keeping, struct database *database) {
    struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    if (author.who == NULL)
        return &fault_no_memory;
    TRY(store_pin_documents_set(database->store, &author, keeping->documents, keeping->files->count, keeping->files->arena, &keeping->outcomes));
    return tell_left_over(keeping, database);
}

/* ------------------------------------------------------------------ telling */

const char *pins_outcome_word(const struct store_pin_outcome *outcome) {
    return outcome->change == STORE_PIN_ADDED ? "added" : outcome->change == STORE_PIN_CHANGED ? "changed" : "unchanged";
}

static result tell_changes(const struct pin_document *document, const struct store_pin_outcome *outcome, struct arena *arena) {
    struct store_pin_document stored = {.name = outcome->name, .content = outcome->before, .format = document->format, .version = outcome->version};
    struct pin_document before;
    struct pin_change *changes;
    size_t count;
    struct reason reason = {""};
    result read = store_pin_document_read(&stored, arena, &before, &reason);
    if (read == &fault_pin_file)
        fprintf(stderr, "pinwatch: %s: what changed cannot be told\n", reason.text);
    if (read != OK)
        return read == &fault_pin_file ? OK : read;
    struct pin_difference_sides sides = {.before = &before, .before_count = 1, .after = document, .after_count = 1};
    TRY(pin_difference(&sides, arena, &changes, &count));
    pins_print_changes(changes, count, arena);
    if (count == 0)
        puts("No difference for clients.");
    return OK;
}

result pins_keep_tell(const struct pins_keeping *keeping) {
    static const char *const words[] = {[STORE_PIN_SAME] = "unchanged", [STORE_PIN_ADDED] = "new", [STORE_PIN_CHANGED] = "changed"};
    for (size_t i = 0; i < keeping->files->count; i++) {
        const struct store_pin_outcome *outcome = &keeping->outcomes[i];
        size_t count = keeping->files->documents[i].set_count;
        print_sentence(outcome->name);
        printf(": %s, version %d, %zu pin set%s\n", words[outcome->change], outcome->version, count, count == 1 ? "" : "s");
        if (outcome->change == STORE_PIN_CHANGED)
            TRY(tell_changes(&keeping->files->documents[i], outcome, keeping->files->arena));
    }
    return OK;
}
