/* The keys of a forecast: from files, or, where the database is asked, from the certificates that were seen. */
#include <stdio.h>

#include "base/digest.h"
#include "base/text.h"
#include "cli/pins_forecast.h"
#include "formats/certificate.h"
#include "formats/names.h"
#include "store/valid_certificates.h"

#define CERTIFICATES_MAX 200000u

struct keys {
    struct arena *arena;
    struct forecast_key *items;
    size_t count, rooms;
};

static struct forecast_key *new_key(struct keys *keys) {
    if (keys->count == keys->rooms) {
        size_t rooms = 2 * keys->rooms + 64;
        struct forecast_key *grown = arena_take_array(keys->arena, rooms, sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (keys->count > 0)
            memcpy(grown, keys->items, keys->count * sizeof *grown);
        keys->items = grown;
        keys->rooms = rooms;
    }
    return &keys->items[keys->count++];
}

/* ---- names */

struct names {
    struct arena *arena;
    const char **items;
    size_t count, rooms;
    bool is_short;
};

static void take_name(void *context, const struct name_reading *reading) {
    struct names *names = context;
    if (reading->type != NAME_DNS || reading->origin != NAME_FROM_SAN || reading->host.size == 0)
        return;
    if (names->items == NULL) {
        names->rooms++;
        return;
    }
    const char *copy = names->count == names->rooms ? NULL : arena_copy_span_as_text(names->arena, reading->host);
    names->is_short = names->is_short || copy == NULL;
    if (copy != NULL)
        names->items[names->count++] = copy;
}

/* Clients look at the names of the extension alone. Counted first. */
static result take_names(struct certificate *certificate, struct arena *arena, const char *const **ret_hosts) {
    struct names names = {.arena = arena};
    TRY(names_visit(certificate, take_name, &names));
    names.items = arena_take_array(arena, names.rooms + 1, sizeof *names.items);
    if (names.items == NULL)
        return &fault_no_memory;
    TRY(names_visit(certificate, take_name, &names));
    *ret_hosts = names.items;
    return names.is_short ? &fault_no_memory : OK;
}

/* ---- files */

static bool is_ca(const struct pins_key *key) {
    struct certificate certificate;
    return key->certificate.size > 0 && certificate_parse(key->certificate, &certificate) == OK && certificate.is_ca;
}

/* The CA certificates of a file, but the one that is looked at. */
static struct span *others_of(const struct pins_keys *file, size_t own, struct arena *arena, size_t *ret_count) {
    struct span *others = arena_take_array(arena, file->count + 1, sizeof *others);
    *ret_count = 0;
    for (size_t i = 0; others != NULL && i < file->count; i++)
        if (i != own && is_ca(&file->items[i]))
            others[(*ret_count)++] = file->items[i].certificate;
    return others;
}

/* Of a bare key or request the first CA certificate beside it signs. */
static result find_way(const struct pins_keys *file, size_t own, const struct forecast_run *run, struct forecast_key *key) {
    struct arena *arena = run->rotation.arena;
    struct trust_question *way = arena_take(arena, sizeof *way);
    struct hash *issuer = arena_take(arena, sizeof *issuer);
    struct certificate first;
    if (way == NULL || issuer == NULL)
        return &fault_no_memory;
    *way = (struct trust_question){.leaf = key->link.certificate, .leaf_spki = key->link.spki, .extra = &run->rotation.extra};
    way->others = others_of(file, own, arena, &way->other_count);
    if (way->others == NULL)
        return &fault_no_memory;
    if (way->leaf.size == 0) {
        if (way->other_count == 0 || certificate_parse(way->others[0], &first) != OK)
            return OK;
        digest_of(first.spki, issuer);
        way->issuer_spki_sha256 = issuer;
    }
    key->way = way;
    return OK;
}

static result take_one(const struct pins_keys *file, size_t own, const struct forecast_run *run, struct forecast_key *key) {
    const struct pins_key *item = &file->items[own];
    struct certificate certificate;
    char *name = arena_copy_text(run->rotation.arena, item->source);
    if (name == NULL)
        return &fault_no_memory;
    text_make_harmless(name);
    key->name = name;
    key->link = (struct pin_link){.spki = item->spki, .certificate = item->certificate, .has_certificate_sha256 = item->certificate.size > 0, .is_given = true};
    digest_of(item->spki, &key->link.spki_sha256);
    if (item->certificate.size > 0) {
        digest_of(item->certificate, &key->link.certificate_sha256);
        TRY(certificate_parse(item->certificate, &certificate));
        TRY(take_names(&certificate, run->rotation.arena, &key->hosts));
        key->has_validity = certificate.has_not_before && certificate.has_not_after;
        key->not_before = certificate.not_before;
        key->not_after = certificate.not_after;
    }
    return find_way(file, own, run, key);
}

/* `rotation` NULL: everything in it that is no CA's certificate is served now; else the first thing from that day on. */
static int read_file_of_keys(const char *path, const struct forecast_rotation *rotation, const struct forecast_run *run, struct keys *keys) {
    struct reason reason = {""};
    struct pins_keys file = {.items = arena_take_array(run->rotation.arena, PINS_KEYS_MAX, sizeof *file.items)};
    result outcome = file.items == NULL ? &fault_no_memory : pins_keys_read(path, run->rotation.arena, &file, &reason);
    if (outcome == OK && file.count == 0) {
        fprintf(stderr, "pinwatch: %s: holds no certificate and no key\n", path);
        return ROTATION_EXIT_UNKNOWN;
    }
    for (size_t i = 0; outcome == OK && i < file.count && (rotation == NULL || i == 0); i++) {
        if (i > 0 && is_ca(&file.items[i]))
            continue;
        struct forecast_key *key = new_key(keys);
        outcome = key == NULL ? &fault_no_memory : take_one(&file, i, run, key);
        if (outcome == OK && rotation != NULL) {
            key->is_rotation = true;
            key->from = rotation->from;
        }
    }
    return outcome == OK ? EXIT_OK : rotation_refused(outcome, &reason);
}

/* ---- the database */

static result take_seen(const struct store_valid_certificate *seen, const struct forecast_run *run, struct forecast_key *key) {
    struct arena *arena = run->rotation.arena;
    struct trust_question *way = arena_take(arena, sizeof *way);
    key->name = arena_printf(arena, "certificate %lld", (long long) seen->certificate_id);
    if (way == NULL || key->name == NULL)
        return &fault_no_memory;
    key->link = (struct pin_link){.spki_sha256 = seen->spki_sha256.hash, .certificate_sha256 = seen->certificate_sha256.hash, .has_certificate_sha256 = seen->certificate_sha256.is_known};
    key->hosts = seen->names;
    key->has_validity = true;
    key->not_before = seen->not_before_ms / 1000;
    key->not_after = seen->not_after_ms / 1000;
    *way = (struct trust_question){.leaf_spki_sha256 = &seen->spki_sha256.hash, .leaf_certificate_sha256 = seen->certificate_sha256.is_known ? &seen->certificate_sha256.hash : NULL,
                                   .issuer_spki_sha256 = &seen->issuer_spki_sha256.hash, .extra = &run->rotation.extra};
    if (seen->issuer_spki_sha256.is_known)
        key->way = way;
    return OK;
}

static int read_seen(const struct forecast_options *options, struct forecast_run *run, struct keys *keys) {
    struct store_valid_wish wish = {.tenant_id = DEFAULT_TENANT, .now_ms = options->rotation.on * 1000, .with_drills = options->with_drills, .limit = CERTIFICATES_MAX};
    struct store_valid_certificate *seen;
    size_t count;
    result outcome = store_valid_certificates(run->rotation.database.store, &wish, run->rotation.arena, &seen, &count);
    if (outcome != OK) {
        database_failed(&run->rotation.database, outcome);
        return ROTATION_EXIT_UNKNOWN;
    }
    if (count == CERTIFICATES_MAX)
        fprintf(stderr, "pinwatch: only the newest %u certificates are looked at\n", CERTIFICATES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct forecast_key *key = seen[i].spki_sha256.is_known ? new_key(keys) : NULL;
        if (seen[i].spki_sha256.is_known && (key == NULL || take_seen(&seen[i], run, key) != OK))
            return rotation_refused(&fault_no_memory, NULL);
    }
    return EXIT_OK;
}

/* ---- all */

int forecast_read_keys(const struct forecast_options *options, struct forecast_run *run) {
    struct keys keys = {.arena = run->rotation.arena};
    int code = EXIT_OK;
    for (size_t i = 0; code == EXIT_OK && i < options->served.count; i++)
        code = read_file_of_keys(options->served.items[i], NULL, run, &keys);
    if (code == EXIT_OK && options->served.count == 0 && run->rotation.database.store != NULL)
        code = read_seen(options, run, &keys);
    for (size_t i = 0; code == EXIT_OK && i < options->rotation_count; i++)
        code = read_file_of_keys(options->rotations[i].path, &options->rotations[i], run, &keys);
    run->question.keys = keys.items;
    run->question.key_count = keys.count;
    return code;
}
