/* Pin documents and the releases that they belong to. Every change is a new row; those before it stay (docs/schema.md). */
#pragma once

#include "formats/pin_set.h"
#include "formats/release_file.h"
#include "store/data.h"

enum { PIN_DOCUMENT_NAME_MAX = 255 };
#define PIN_CONTENT_MAX ((size_t) 32 * 1024 * 1024)

/* Grows with every change of documents or releases; cheap to ask for. */
MUST_CHECK result store_pins_generation(struct store *store, uint64_t *ret_generation);

struct store_pin_document {
    int32_t tenant_id;
    const char *name;
    const char *content;    /* our YAML, lossless (pin_yaml_write) */
    const char *source;     /* name of the imported file */
    enum pin_format format; /* of the imported file; the sets in the content have their own, as ever */
    struct hash sha256;     /* of the imported bytes */
    int32_t version;        /* from 1 */
    bool is_applied;        /* belongs to the file of `apply` */
    bool set_by_apply, has_ended, ended_by_apply;
    const char *set_who, *ended_who; /* "" while it is in force */
    int64_t from_ms, until_ms;
};
/* The document that it was imported from, read again; `source` is its name here. Everything in `arena`; fails only without memory, and with
 * fault_pin_file where a later version of pinwatch wrote it. */
MUST_CHECK result store_pin_document_read(const struct store_pin_document *stored, struct arena *arena, struct pin_document *ret_document,
                                          struct reason *reason);

struct store_release {
    int32_t tenant_id;
    struct release facts;
    int32_t revision;    /* from 1 */
    bool is_applied, set_by_apply;
    const char *set_who;
    int64_t from_ms;     /* when this state of it was set */
    int64_t retired_ms;  /* of a retired one */
};

struct store_pins {
    uint64_t generation;
    struct store_pin_document *documents; /* in force; by tenant and name */
    size_t document_count;
    struct store_release *releases; /* in force and not retired; by tenant, app, platform, release date. Whether they are live: release_is_live */
    size_t release_count;
};
/* Everything of all tenants, as of one instant, in `arena`. Who set what stays "". */
MUST_CHECK result store_pins_load(struct store *store, struct arena *arena, struct store_pins *ret_pins);
/* The documents that a name of a release stands for: the one of that name, else all parts of a package ("app.apk/…"). *ret_count 0: none. They stand
 * together in `pins`. */
const struct store_pin_document *store_pins_find(const struct store_pins *pins, int32_t tenant_id, const char *name, size_t *ret_count);

/* ---- by people; one transaction for each call */

struct store_pin_outcome {
    const char *name;
    int32_t version; /* now in force */
    enum { STORE_PIN_SAME, STORE_PIN_ADDED, STORE_PIN_CHANGED } change;
    const char *before; /* content that was in force before; "" for none */
};
/* Name, content, source, format, sha256 of each are read; the names must differ. Outcomes in the order given. */
MUST_CHECK result store_pin_documents_set(struct store *store, const struct store_author *author, const struct store_pin_document *documents, size_t count,
                                          struct arena *arena, struct store_pin_outcome **ret_outcomes);
/* Errors: fault_store_not_found for an unknown one, and for one that a release needs. */
MUST_CHECK result store_pin_document_remove(struct store *store, const struct store_author *author, const char *name);
/* Those of a tenant in force, by name; with `name` all versions of that one, newest first. Without `with_content` that is "". */
struct store_pin_question {
    int32_t tenant_id;
    const char *name; /* NULL: all names */
    bool with_content;
    unsigned limit;
};
MUST_CHECK result store_pin_documents_list(struct store *store, const struct store_pin_question *question, struct arena *arena,
                                           struct store_pin_document **ret_documents, size_t *ret_count);

struct store_releases_wish {
    const struct store_author *author;
    const struct release *releases; /* is_retired is not read */
    size_t count;
    bool revives;    /* retired ones are out again; else they stay as they are */
    bool is_dry_run; /* only says what would change */
};
/* One change for each that is not as it was: what "release", name "App platform version". Error: fault_store_not_found for an unknown document. */
MUST_CHECK result store_releases_set(struct store *store, const struct store_releases_wish *wish, struct arena *arena, struct store_change **ret_changes,
                                     size_t *ret_count);
/* *ret_was_live false: it was retired already. Error: fault_store_not_found. */
MUST_CHECK result store_release_retire(struct store *store, const struct store_author *author, const struct release *release, bool *ret_was_live);
/* By app, platform, release date, version; of one app only where `app` is not NULL. */
struct store_release_question {
    int32_t tenant_id;
    const char *app;
    bool with_retired;
    unsigned limit;
};
MUST_CHECK result store_releases_list(struct store *store, const struct store_release_question *question, struct arena *arena,
                                      struct store_release **ret_releases, size_t *ret_count);
