/* The pins of all live releases, as the monitor holds them. */
#pragma once

#include "rules/pin_verdict.h"
#include "store/pins.h"

struct pin_world;

/* Loads every pin document and release in force. A document that cannot be read refuses all, named in `reason`: judging without it would be false calm. */
MUST_CHECK result pin_world_load(struct store *store, struct pin_world **ret_world, struct reason *reason);
void pin_world_free(struct pin_world *world);
uint64_t pin_world_generation(const struct pin_world *world);
/* When something last began or ended by itself, up to `now` (Unix seconds): a release, its support, pins. INT64_MIN: nothing ever did. */
int64_t pin_world_turned(const struct pin_world *world, int64_t now);

struct pin_tenant {
    int32_t tenant_id;
    const struct pin_view *views;
    const struct pin_client *clients; /* their views are places in `views` */
    size_t view_count, client_count;
};
/* Those with releases, one after the other; NULL past the last. */
const struct pin_tenant *pin_world_tenant_at(const struct pin_world *world, size_t number);
/* NULL: the tenant has no releases. */
const struct pin_tenant *pin_world_tenant(const struct pin_world *world, int32_t tenant_id);
/* Names of the documents, by the number of a view. */
const char *const *pin_world_documents(const struct pin_world *world);
