#include "cli/pins_stored_releases.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/caa_seen.h"
#include "cli/pins_intermediates.h"
#include "store/pins.h"

static result take_documents(const struct store_pin_document *stored, size_t count, struct gate_release *release, struct rotation *rotation, struct reason *reason) {
    struct pin_document *documents = arena_take_array(rotation->arena, release->document_count + count + 1, sizeof *documents);
    if (documents == NULL)
        return &fault_no_memory;
    if (release->document_count > 0)
        memcpy(documents, release->documents, release->document_count * sizeof *documents);
    for (size_t i = 0; i < count; i++)
        TRY(store_pin_document_read(&stored[i], rotation->arena, &documents[release->document_count + i], reason));
    release->documents = documents;
    release->document_count += count;
    return OK;
}

/* A release of which a document is missing cannot be judged. */
static result take_release(const struct store_pins *pins, const struct store_release *stored, struct rotation *rotation, struct gate_release *release, struct reason *reason) {
    *release = (struct gate_release){.release = &stored->facts};
    for (size_t i = 0; stored->facts.pins[i] != NULL; i++) {
        size_t count;
        const struct store_pin_document *documents = store_pins_find(pins, stored->tenant_id, stored->facts.pins[i], &count);
        if (count == 0)
            return reason_set(reason, &fault_pin_file, "%s %s %s: its pin document %s is not in the database", stored->facts.app, stored->facts.platform, stored->facts.version, stored->facts.pins[i]);
        TRY(take_documents(documents, count, release, rotation, reason));
    }
    return OK;
}

static result take_releases(const struct store_pins *pins, struct rotation *rotation, struct reason *reason) {
    struct gate_release *releases = arena_take_array(rotation->arena, pins->release_count + 1, sizeof *releases);
    size_t count = 0;
    if (releases == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < pins->release_count; i++)
        if (pins->releases[i].tenant_id == DEFAULT_TENANT)
            TRY(take_release(pins, &pins->releases[i], rotation, &releases[count++], reason));
    rotation->question.releases = releases;
    rotation->question.release_count = count;
    return OK;
}

int rotation_read_database(const struct rotation_options *options, struct rotation *rotation) {
    struct store_pins pins;
    struct reason reason = {""};
    if (database_open(options->asking.config, &rotation->database) != EXIT_OK) {
        fputs("pinwatch: without a database give --pins FILE... or --releases FILE\n", stderr);
        return ROTATION_EXIT_UNKNOWN;
    }
    result outcome = store_pins_load(rotation->database.store, rotation->arena, &pins);
    if (outcome == OK)
        outcome = caa_seen_extra(&rotation->database, &rotation->extra);
    if (outcome == OK && options->issuer != NULL && rotation->question.next != NULL)
        outcome = intermediates_load(rotation, rotation->next.spki, clock_wall_ms() / 1000);
    if (outcome != OK) {
        database_failed(&rotation->database, outcome);
        return ROTATION_EXIT_UNKNOWN;
    }
    rotation->question.extra = &rotation->extra;
    outcome = take_releases(&pins, rotation, &reason);
    if (outcome == OK)
        return EXIT_OK;
    return rotation_refused(outcome, &reason);
}
