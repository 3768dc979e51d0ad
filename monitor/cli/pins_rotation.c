#include "cli/pins_rotation.h"

#include <signal.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/pins_issuer.h"
#include "cli/pins_stored_releases.h"
#include "cli/pins_tlsa.h"
#include "cli/read_file.h"
#include "formats/certificate.h"
#include "net/tls_chain.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)
#define RELEASES_SIZE_MAX ((size_t) 64 * 1024 * 1024)
#define TIMEOUT_MS 15000

enum { PORT_SMTP = 25, PORT_HTTPS = 443, AGE_MAX = 36500 };

/* ---- options */

/* "0.015", "1.5%", "1": no sign, no exponent, at most six decimals. */
static bool share_of_text(const char *text, double *ret_share) {
    static const double scales[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    size_t size = strlen(text), whole_size;
    bool is_percent = size > 0 && text[size - 1] == '%';
    uint64_t whole = 0, part = 0;
    size -= is_percent;
    const char *dot = memchr(text, '.', size);
    whole_size = dot == NULL ? size : (size_t) (dot - text);
    size_t part_size = dot == NULL ? 0 : size - whole_size - 1;
    if (text_to_number(span_of(text, whole_size), 100, &whole) != OK || (dot != NULL && part_size == 0) || part_size > 6)
        return false;
    for (size_t i = 0; i < part_size; i++) {
        if (dot[1 + i] < '0' || dot[1 + i] > '9')
            return false;
        part = 10 * part + (uint64_t) (dot[1 + i] - '0');
    }
    *ret_share = ((double) whole + (double) part / scales[part_size]) / (is_percent ? 100 : 1);
    return *ret_share <= 1;
}

static unsigned number_of(const char *option, const char *text, unsigned maximum, struct argp_state *state) {
    uint64_t number = 0;
    if (text_to_number(span_of_text(text), maximum, &number) != OK)
        argp_error(state, "%s: '%s' is no number up to %u", option, text, maximum);
    return (unsigned) number;
}

/* Which server, and which host. */
static void settle_host(struct rotation_options *options, struct argp_state *state) {
    if (options->connect != NULL && !pins_take_place(options->connect, options->connect_host, &options->connect_port))
        argp_error(state, "--connect: '%s' is no HOST:PORT", options->connect);
    if (options->host == NULL && options->connect != NULL)
        options->host = pins_host_of_argument(options->connect_host, state);
    if (options->host == NULL)
        argp_error(state, "which host? --host HOST");
    if (options->port == 0)
        options->port = options->connect != NULL ? options->connect_port : options->is_smtp ? PORT_SMTP : PORT_HTTPS;
}

static void check_key(const struct rotation_options *options, struct argp_state *state) {
    if (options->next != NULL && options->connect != NULL)
        argp_error(state, "one of --next FILE and --connect HOST:PORT is wanted, not both");
    if (options->next == NULL && options->connect == NULL && !options->needs_no_next)
        argp_error(state, "one of --next FILE and --connect HOST:PORT is wanted");
    if (options->connect != NULL && (options->chain != NULL || options->current != NULL))
        argp_error(state, "--connect shows what is served with its chain: leave --chain and --current out");
}

static void check_together(struct rotation_options *options, struct argp_state *state) {
    settle_host(options, state);
    check_key(options, state);
    if (options->pins.count > 0 && options->releases != NULL)
        argp_error(state, "give --pins FILE... or --releases FILE, not both; with neither the database is asked");
    if (options->has_tlsa_since && options->tlsa == NULL)
        argp_error(state, "--tlsa-since speaks of --tlsa");
    if (options->asking.resolver_count > 0 && options->caa != NULL && strcmp(options->caa, "asked") != 0 && !rotation_asks_tlsa(options))
        argp_error(state, "--caa judges a file instead of asking: leave --resolver out");
    caa_asking_check(&options->asking, state);
}

static void take_number(int key, const char *value, struct argp_state *state, struct rotation_options *options) {
    if (key == 's' && !share_of_text(value, &options->max_share))
        argp_error(state, "--max-share: '%s' is no share from 0 to 1, like 0.01 or 1%%", value);
    if (key == 'a')
        options->min_age_days = number_of("--min-age", value, AGE_MAX, state);
    if (key == 'P' && (options->port = (uint16_t) number_of("--port", value, UINT16_MAX, state)) == 0)
        argp_error(state, "--port: '%s' is no port from 1 to 65535", value);
    if (key == 'o')
        options->on = pins_date_of_argument("--on", value, state);
    if (key == 'T') {
        options->tlsa_since = pins_date_of_argument("--tlsa-since", value, state);
        options->has_tlsa_since = true;
    }
}

static bool take_file(int key, const char *value, struct rotation_options *options) {
    const struct {
        int key;
        const char **place;
    } places[] = {{'N', &options->next}, {'C', &options->current}, {'I', &options->chain}, {'i', &options->issuer}, {'R', &options->releases},
                  {'t', &options->tlsa}, {'k', &options->caa}, {'x', &options->connect}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].key == key) {
            *places[i].place = value;
            return true;
        }
    return false;
}

error_t rotation_take(int key, char *value, struct argp_state *state, struct rotation_options *options) {
    if (caa_asking_take(key, value, state, &options->asking) || take_file(key, value, options))
        return 0;
    switch (key) {
    case 'H':
        options->host = pins_host_of_argument(value, state);
        return 0;
    case 's':
    case 'a':
    case 'P':
    case 'o':
    case 'T':
        take_number(key, value, state, options);
        return 0;
    case 'S':
        options->is_smtp = true;
        return 0;
    case 'w':
        options->is_wildcard = true;
        return 0;
    case 'p':
        options->wants_pins = true;
        pins_take_path(&options->pins, value, state);
        return 0;
    case ARGP_KEY_ARG:
        if (!options->wants_pins)
            return ARGP_ERR_UNKNOWN;
        pins_take_path(&options->pins, value, state);
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- keys */

static struct pin_link link_of(const struct pins_key *key) {
    struct pin_link link = {.spki = key->spki, .certificate = key->certificate, .has_certificate_sha256 = key->certificate.size > 0, .is_given = true};
    digest_of(key->spki, &link.spki_sha256);
    if (link.has_certificate_sha256)
        digest_of(key->certificate, &link.certificate_sha256);
    return link;
}

int rotation_refused(result outcome, const struct reason *reason) {
    int code = exit_with(outcome, reason);
    return outcome == &fault_no_memory ? code : ROTATION_EXIT_UNKNOWN;
}

static int new_keys(struct rotation *rotation, struct pins_keys *keys) {
    *keys = (struct pins_keys){.items = arena_take_array(rotation->arena, PINS_KEYS_MAX, sizeof *keys->items)};
    return keys->items == NULL ? rotation_refused(&fault_no_memory, NULL) : EXIT_OK;
}

static int read_keys(const char *path, struct rotation *rotation, struct pins_keys *keys) {
    struct reason reason = {""};
    int code = new_keys(rotation, keys);
    if (code != EXIT_OK)
        return code;
    result outcome = pins_keys_read(path, rotation->arena, keys, &reason);
    if (outcome == OK && keys->count == 0) {
        fprintf(stderr, "pinwatch: %s: holds no certificate and no key\n", path);
        return ROTATION_EXIT_UNKNOWN;
    }
    return outcome == OK ? EXIT_OK : rotation_refused(outcome, &reason);
}

static int read_server(const struct rotation_options *options, struct rotation *rotation, struct pins_keys *keys) {
    struct tls_chain_question question = {.host = options->connect_host, .port = options->connect_port, .server_name = options->host, .timeout_ms = TIMEOUT_MS};
    struct tls_chain chain;
    struct reason reason = {""};
    int code = new_keys(rotation, keys);
    if (code != EXIT_OK)
        return code;
    signal(SIGPIPE, SIG_IGN);
    result outcome = tls_chain_get(&question, rotation->arena, &chain, &reason);
    for (size_t i = 0; outcome == OK && i < chain.count; i++)
        outcome = pins_keys_add_certificate(chain.certificates[i], options->connect, keys, &reason);
    if (outcome != OK)
        return rotation_refused(outcome, &reason);
    if (!chain.is_verified)
        fprintf(stderr, "pinwatch: the chain that is served does not verify with the roots of this machine: %s\n", chain.trouble);
    return EXIT_OK;
}

/* ---- pins */

/* A release file's documents lie beside it. */
static const char *beside(const char *file, const char *name, struct arena *arena) {
    const char *slash = strrchr(file, '/');
    if (name[0] == '/' || slash == NULL)
        return arena_copy_text(arena, name);
    return arena_printf(arena, "%.*s/%s", (int) (slash - file), file, name);
}

/* Several releases may have the same file. */
static bool take_pins(const struct rotation_options *options, const char *name, struct rotation *rotation, struct pins_paths *paths, size_t *ret_place) {
    const char *path = beside(options->releases, name, rotation->arena);
    if (path == NULL)
        return rotation_refused(&fault_no_memory, NULL), false;
    for (*ret_place = 0; *ret_place < paths->count; ++*ret_place)
        if (strcmp(paths->items[*ret_place], path) == 0)
            return true;
    if (paths->count == PINS_FILES_MAX) {
        fprintf(stderr, "pinwatch: %s: names more than %d pin files\n", options->releases, PINS_FILES_MAX);
        return false;
    }
    paths->items[paths->count++] = path;
    return true;
}

static int read_documents(const struct pins_paths *paths, struct pins_files *files) {
    int code = pins_read_files(paths, NULL, files);
    for (size_t i = 0; code == EXIT_OK && i < files->count; i++)
        if (pins_has_remark(&files->documents[i], PIN_REMARK_ERROR))
            pins_print_remarks(&files->documents[i]);
    return code != EXIT_OK || files->refused > 0 ? ROTATION_EXIT_UNKNOWN : EXIT_OK;
}

static int read_pins(const struct rotation_options *options, struct rotation *rotation) {
    int code = read_documents(&options->pins, &rotation->files);
    if (code != EXIT_OK)
        return code;
    struct gate_release *releases = arena_take_array(rotation->arena, rotation->files.count + 1, sizeof *releases);
    if (releases == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    for (size_t i = 0; i < rotation->files.count; i++)
        releases[i] = (struct gate_release){.documents = &rotation->files.documents[i], .document_count = 1};
    rotation->question.releases = releases;
    rotation->question.release_count = rotation->files.count;
    return EXIT_OK;
}

static size_t count_names(const struct release *release) {
    size_t count = 0;
    while (release->pins[count] != NULL)
        count++;
    return count;
}

/* The documents of a release's files, one after the other. */
static bool gather(const struct rotation *rotation, const size_t *places, size_t name_count, struct gate_release *release) {
    const struct pins_files *files = &rotation->files;
    struct pin_document *documents = arena_take_array(rotation->arena, files->count * name_count + 1, sizeof *documents);
    release->documents = documents;
    for (size_t i = 0; documents != NULL && i < name_count; i++)
        for (size_t k = places[i] == 0 ? 0 : files->ends[places[i] - 1]; k < files->ends[places[i]]; k++)
            documents[release->document_count++] = files->documents[k];
    return documents != NULL;
}

static int read_release_pins(const struct rotation_options *options, struct release *releases, size_t count, struct rotation *rotation) {
    static struct pins_paths paths;
    struct gate_release *made = arena_take_array(rotation->arena, count + 1, sizeof *made);
    size_t **places = arena_take_array(rotation->arena, count + 1, sizeof *places);
    for (size_t i = 0; made != NULL && places != NULL && i < count; i++) {
        made[i].release = &releases[i];
        places[i] = arena_take_array(rotation->arena, count_names(&releases[i]) + 1, sizeof *places[i]);
        for (size_t k = 0; places[i] != NULL && releases[i].pins[k] != NULL; k++)
            if (!take_pins(options, releases[i].pins[k], rotation, &paths, &places[i][k]))
                return ROTATION_EXIT_UNKNOWN;
        if (places[i] == NULL)
            return rotation_refused(&fault_no_memory, NULL);
    }
    if (made == NULL || places == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    int code = read_documents(&paths, &rotation->files);
    for (size_t i = 0; code == EXIT_OK && i < count; i++)
        if (!gather(rotation, places[i], count_names(&releases[i]), &made[i]))
            code = rotation_refused(&fault_no_memory, NULL);
    rotation->question.releases = made;
    rotation->question.release_count = count;
    return code;
}

static int read_releases(const struct rotation_options *options, struct rotation *rotation) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(RELEASES_SIZE_MAX);
    struct release *releases = NULL;
    struct reason reason = {""}, why = {""};
    size_t count = 0;
    result outcome = read_file(options->releases, &content, &reason);
    const uint8_t *kept = outcome == OK ? arena_copy(rotation->arena, buffer_span(&content)) : NULL;
    if (outcome == OK && kept == NULL && content.size > 0)
        outcome = &fault_no_memory;
    if (outcome != OK)
        return rotation_refused(outcome, &reason);
    outcome = release_file_read(span_of(kept, content.size), rotation->arena, &releases, &count, &why);
    if (outcome == OK)
        return read_release_pins(options, releases, count, rotation);
    reason_set(&reason, outcome, "%s: %s", options->releases, why.text);
    return rotation_refused(outcome, &reason);
}

/* ---- all */

/* May it stand behind the first one: a CA's certificate, one that signed itself (the oldest roots do not call themselves CAs), or the first again? */
static bool may_follow(const struct pins_key *first, const struct pins_key *key) {
    struct certificate certificate;
    if (key->certificate.size == 0 || certificate_parse(key->certificate, &certificate) != OK)
        return false;
    return certificate.is_ca || span_equal(certificate.issuer, certificate.subject) || span_equal(key->certificate, first->certificate);
}

/* A second key that would be served would not be judged. */
static int check_one(const char *path, const struct pins_keys *keys) {
    for (size_t i = 1; i < keys->count; i++)
        if (!may_follow(&keys->items[0], &keys->items[i])) {
            fprintf(stderr, "pinwatch: %s: holds a second key or certificate that is no CA's; ask about each by itself\n", path);
            return ROTATION_EXIT_UNKNOWN;
        }
    return EXIT_OK;
}

static int read_next(const struct rotation_options *options, struct rotation *rotation, struct pins_keys *next) {
    if (options->connect != NULL)
        return read_server(options, rotation, next);
    int code = options->next != NULL ? read_keys(options->next, rotation, next) : new_keys(rotation, next);
    return code == EXIT_OK ? check_one(options->next, next) : code;
}

static int read_chain(const struct rotation_options *options, struct rotation *rotation, struct pins_keys *next, struct pins_keys *chain) {
    struct pins_keys current;
    int code = read_next(options, rotation, next);
    if (code == EXIT_OK && options->chain != NULL)
        code = read_keys(options->chain, rotation, chain);
    if (code == EXIT_OK && options->current != NULL)
        code = read_keys(options->current, rotation, &current);
    if (code != EXIT_OK)
        return code;
    if (next->count > 0)
        rotation->next = link_of(&next->items[0]);
    if (options->current != NULL)
        rotation->current = link_of(&current.items[0]);
    else
        rotation->current = rotation->next;
    rotation->question.next = &rotation->next;
    rotation->question.current = options->connect != NULL || options->current != NULL ? &rotation->current : NULL;
    return EXIT_OK;
}

static int read_all_releases(const struct rotation_options *options, struct rotation *rotation) {
    if (options->releases != NULL)
        return read_releases(options, rotation);
    return options->pins.count > 0 ? read_pins(options, rotation) : rotation_read_database(options, rotation);
}

static int read_all(const struct rotation_options *options, struct rotation *rotation) {
    struct pins_keys next, chain = {.count = 0};
    int code = read_chain(options, rotation, &next, &chain);
    if (code == EXIT_OK)
        code = read_all_releases(options, rotation);
    if (code == EXIT_OK)
        code = rotation_read_tlsa(options, rotation);
    bool is_issuer_known = options->chain != NULL || options->issuer != NULL;
    return code == EXIT_OK && (next.count > 0 || is_issuer_known) ? rotation_find_issuer(options, &next, &chain, rotation) : code;
}

int rotation_read(const struct rotation_options *options, struct rotation *ret_rotation) {
    *ret_rotation = (struct rotation){.arena = arena_new(ARENA_LIMIT)};
    if (ret_rotation->arena == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    ret_rotation->question = (struct gate_question){.host = options->host, .port = options->port, .protocol = "tcp", .is_smtp = options->is_smtp, .caa_why = "", .issuers_note = "",
                                                    .on = options->on, .max_share = options->max_share, .min_age_days = options->min_age_days};
    int code = read_all(options, ret_rotation);
    if (code != EXIT_OK)
        rotation_done(ret_rotation);
    return code;
}

void rotation_done(struct rotation *rotation) {
    pins_files_done(&rotation->files);
    pins_files_done(&rotation->records);
    database_done(&rotation->database);
    arena_free(TAKE(rotation->arena));
}
