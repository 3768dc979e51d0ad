#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/certificate_json.h"
#include "cli/pins.h"
#include "cli/pins_chain.h"
#include "cli/pins_lines.h"
#include "cli/table.h"
#include "formats/certificate.h"
#include "formats/distinguished_name.h"
#include "formats/key_type.h"
#include "net/tls_chain.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)
#define LINES_SIZE_MAX ((size_t) 4 * 1024 * 1024)
#define TIMEOUT_MS 15000

struct of_options {
    struct pins_paths what;
    const char *connect, *host;
    char connect_host[PINS_HOST_SIZE];
    uint16_t port;
    bool are_cas, is_json, is_server;
};

/* ---- the command line */

static bool is_file(const char *text) {
    struct stat about;
    return strcmp(text, "-") == 0 || strchr(text, '/') != NULL || (stat(text, &about) == 0 && !S_ISDIR(about.st_mode));
}

static bool is_address(const char *text) {
    return strchr(text, ':') != NULL || text[strspn(text, "0123456789.")] == '\0';
}

/* Which server, and which name it is asked for; `given` is the argument that is no file, or NULL. */
static void settle_server(struct of_options *options, const char *given, struct argp_state *state) {
    const char *place = options->connect != NULL ? options->connect : given;
    if (!pins_take_place(place, options->connect_host, &options->port))
        argp_error(state, "'%s' is no HOST:PORT", place);
    if (options->host != NULL)
        return;
    if (options->connect != NULL && given != NULL)
        options->host = pins_host_of_argument(given, state);
    else if (!is_address(options->connect_host))
        options->host = pins_host_of_argument(options->connect_host, state);
}

static void settle(struct of_options *options, struct argp_state *state) {
    size_t count = options->what.count;
    const char *given = count == 0 ? NULL : options->what.items[0];
    if (given == NULL && options->connect == NULL)
        argp_error(state, "of what? A host, or files with certificates, requests or public keys");
    if (given != NULL && strstr(given, "://") != NULL)
        argp_error(state, "'%s' is a URL; wanted the host in it alone, or HOST:PORT", given);
    options->is_server = options->connect != NULL || (count == 1 && !is_file(given));
    if (options->is_server && given != NULL && (count > 1 || is_file(given)))
        argp_error(state, "--connect asks a server, and '%s' is a file", given);
    if (options->is_server)
        settle_server(options, given, state);
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct of_options *options = state->input;
    switch (key) {
    case 'C':
        options->connect = value;
        return 0;
    case 'H':
        options->host = pins_host_of_argument(value, state);
        return 0;
    case 'a':
        options->are_cas = true;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        pins_take_path(&options->what, value, state);
        return 0;
    case ARGP_KEY_END:
        settle(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_taken[] = {
    {"connect", 'C', "HOST:PORT", 0, "Ask this server instead of port 443 of HOST; HOST is then the name that it is asked for (SNI)", 0},
    {"host", 'H', "HOST", 0, "Write the lines for this host; without it: the one asked, or the first name of the certificate", 0},
    {"ca", 'a', NULL, 0, "Write lines for the CAs' keys of the chain instead of the server's", 0},
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "HOST[:PORT]|FILE...",
    .doc = "Show the pins of a live server's chain, or of certificates, requests and public keys in files (PEM or DER; an argument that names a file, or holds a /, is "
           "one), and the lines that pin them on each platform. With several files - the key in use and a backup - the lines pin them all. Whether a "
           "server's chain verifies is said, and stops nothing.\v"
           "Examples:\n"
           "  pinwatch pins of example.com\n"
           "  pinwatch pins of --connect 192.0.2.1:8443 example.com\n"
           "  pinwatch pins of --host api.example.com cert.pem backup.csr\n\n"
           "Exit codes: 0 shown; 64 wrong usage; 65 a file cannot be used; 69 the server does not answer, or this machine lacks something.",
};

/* ---- what is shown */

struct shown {
    const struct of_options *options;
    struct arena *arena;
    struct pins_keys keys;
    struct tls_chain server;
};

static result ask_server(struct shown *shown, struct reason *reason) {
    const struct of_options *options = shown->options;
    struct tls_chain_question question = {.host = options->connect_host, .port = options->port, .server_name = options->host, .timeout_ms = TIMEOUT_MS};
    const char *source = arena_printf(shown->arena, "%s:%u", options->connect_host, options->port);
    if (source == NULL)
        return &fault_no_memory;
    signal(SIGPIPE, SIG_IGN);
    TRY(tls_chain_get(&question, shown->arena, &shown->server, reason));
    for (size_t i = 0; i < shown->server.count; i++)
        TRY(pins_keys_add_certificate(shown->server.certificates[i], source, &shown->keys, reason));
    return OK;
}

static result gather(struct shown *shown, struct reason *reason) {
    shown->keys.items = arena_take_array(shown->arena, PINS_KEYS_MAX, sizeof *shown->keys.items);
    if (shown->keys.items == NULL)
        return &fault_no_memory;
    if (shown->options->is_server)
        return ask_server(shown, reason);
    for (size_t i = 0; i < shown->options->what.count; i++)
        TRY(pins_keys_read(shown->options->what.items[i], shown->arena, &shown->keys, reason));
    return OK;
}

static bool is_ca(const struct pins_key *key) {
    struct certificate certificate;
    return key->kind == PINS_KEY_CERTIFICATE && certificate_parse(key->certificate, &certificate) == OK && certificate.is_ca;
}

/* Its names of hosts; a common name alone counts where it has a dot: CAs call themselves "R3". */
static bool has_host_names(const struct pins_key *key, struct arena *arena) {
    struct certificate certificate;
    struct pins_chain chain;
    struct reason ignored;
    bool has_name = false;
    if (certificate_parse(key->certificate, &certificate) != OK || pins_chain_of(&key->certificate, 1, arena, &chain, &ignored) != OK)
        return false;
    for (size_t i = 0; i < chain.name_count; i++)
        has_name = has_name || certificate.has_san || strchr(chain.names[i], '.') != NULL;
    return has_name;
}

/* What a server shows first, or what stands for host names, is a server's, also where it is self-signed and calls itself a CA, as
 * `openssl req -x509` makes it. */
static bool is_of_ca(const struct shown *shown, size_t number) {
    const struct pins_key *key = &shown->keys.items[number];
    return is_ca(key) && !(shown->options->is_server && number == 0) && !has_host_names(key, shown->arena);
}

/* Each key once. */
static size_t take_keys(const struct shown *shown, bool are_cas, struct pins_key *keys) {
    size_t count = 0;
    for (size_t i = 0; i < shown->keys.count; i++) {
        const struct pins_key *key = &shown->keys.items[i];
        size_t at = 0;
        while (at < count && !span_equal(keys[at].spki, key->spki))
            at++;
        if (is_of_ca(shown, i) == are_cas && at == count)
            keys[count++] = *key;
    }
    return count;
}

/* The keys that lines are for: the servers', or the CAs'; all where there are none of the kind. */
static result wish_of(const struct shown *shown, struct pins_lines_wish *ret_wish) {
    struct pins_key *keys = arena_take_array(shown->arena, shown->keys.count + 1, sizeof *keys);
    size_t count;
    bool are_cas = shown->options->are_cas;
    if (keys == NULL)
        return &fault_no_memory;
    count = take_keys(shown, are_cas, keys);
    if (count == 0 && !are_cas) { /* a CA's certificate alone */
        are_cas = true;
        count = take_keys(shown, are_cas, keys);
    }
    *ret_wish = (struct pins_lines_wish){.keys = keys, .count = count, .host = shown->options->host, .port = shown->options->port, .are_cas = are_cas};
    return OK;
}

/* Of the first certificate with a plain name. */
static const char *host_of_certificates(const struct shown *shown) {
    for (size_t i = 0; i < shown->keys.count; i++) {
        struct pins_chain chain;
        struct reason ignored;
        if (is_of_ca(shown, i) || shown->keys.items[i].certificate.size == 0 || pins_chain_of(&shown->keys.items[i].certificate, 1, shown->arena, &chain, &ignored) != OK)
            continue;
        for (size_t k = 0; k < chain.name_count; k++)
            if (strpbrk(chain.names[k], "*?") == NULL)
                return chain.names[k];
    }
    return NULL;
}

/* ---- one key */

struct looks {
    struct hash spki, certificate;
    char key_type[KEY_TYPE_SIZE], not_after[RFC3339_SIZE];
    struct buffer subject;
    const char *owner; /* of a CA's key; NULL: not known */
    bool has_certificate;
};

static void looks_done(struct looks *looks) {
    buffer_done(&looks->subject);
}

static struct looks looks_of(const struct pins_key *key) {
    struct looks looks = {.subject = buffer_with_limit(65536), .not_after = ""};
    struct certificate certificate;
    digest_of(key->spki, &looks.spki);
    key_type_text(key->spki, looks.key_type);
    looks.owner = certificate_owner(&(struct known_hash){.is_known = true, .hash = looks.spki}, NULL);
    looks.has_certificate = key->certificate.size > 0 && certificate_parse(key->certificate, &certificate) == OK;
    if (!looks.has_certificate)
        return looks;
    digest_of(key->certificate, &looks.certificate);
    distinguished_name_text(certificate.subject, &looks.subject);
    if (certificate.has_not_after)
        text_of_time(certificate.not_after, looks.not_after);
    return looks;
}

static void print_key(const struct shown *shown, size_t number) {
    const struct pins_key *key = &shown->keys.items[number];
    CLEANUP(looks_done) struct looks looks = looks_of(key);
    char pin[HASH_BASE64_SIZE], hex[HASH_HEX_SIZE];
    hash_to_base64(&looks.spki, pin);
    hash_to_hex(&looks.spki, hex);
    printf("%zu  ", number);
    print_sentence(looks.subject.size > 0 ? buffer_text(&looks.subject) : pins_key_kind_name(key->kind));
    if (!shown->options->is_server) {
        fputs("  (", stdout);
        print_harmless(span_of_text(key->source));
        putchar(')');
    }
    printf("\n   pin          sha256/%s\n                %s\n   key          %s", pin, hex, looks.key_type);
    if (looks.owner != NULL)
        printf(", of %s by the table of CA keys", looks.owner);
    if (is_ca(key))
        printf("\n   is           %s", is_of_ca(shown, number) ? "a CA's certificate" : "a server's own certificate, though it says that it is a CA's (CA:TRUE)");
    if (looks.has_certificate) {
        hash_to_hex(&looks.certificate, hex);
        printf("\n   certificate  %s, until %.10s", hex, looks.not_after[0] == '\0' ? "?" : looks.not_after);
    }
    putchar('\n');
}

static void print_server(const struct shown *shown) {
    const struct of_options *options = shown->options;
    if (!options->is_server)
        return;
    printf("%s port %u (%s, %s)%s%s: the chain ", options->connect_host, options->port, shown->server.address, shown->server.version, options->host == NULL ? "" : " for ", options->host == NULL ? "" : options->host);
    if (shown->server.is_verified)
        puts("verifies with the roots of this machine\n");
    else
        printf("does NOT verify with the roots of this machine: %s\n\n", shown->server.trouble);
}

static result print_lines(const struct shown *shown, const struct pins_lines_wish *wish) {
    for (size_t i = 0; pins_lines_title(i) != NULL; i++) {
        CLEANUP(buffer_done) struct buffer lines = buffer_with_limit(LINES_SIZE_MAX);
        TRY(pins_lines_write(wish, i, shown->arena, &lines));
        TRY(buffer_check(&lines));
        if (lines.size == 0)
            continue;
        printf("\n── %s\n", pins_lines_title(i));
        fwrite(lines.bytes, 1, lines.size, stdout);
        if (lines.bytes[lines.size - 1] != '\n')
            putchar('\n');
    }
    return OK;
}

static int print_all(const struct shown *shown, const struct pins_lines_wish *wish) {
    print_server(shown);
    for (size_t i = 0; i < shown->keys.count; i++)
        print_key(shown, i);
    if (wish->count == 0)
        puts("\nNo CA certificate is among these.");
    result outcome = wish->count == 0 ? OK : print_lines(shown, wish);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    if (wish->host == NULL)
        puts("\nFor the other platforms' lines say for which host: --host.");
    else if (wish->count == 1 && !shown->options->is_server && shown->options->what.count > 1)
        puts("\nAll of these files have one key: that is no backup. Make another key, and give its request or public key.");
    else if (wish->count == 1)
        puts("\nOne pin locks everybody out when its key is lost: make a backup key, keep it off line, and give both: pinwatch pins of CERTIFICATE BACKUP.csr");
    return EXIT_OK;
}

/* ---- JSON */

static json_t *hash_json(const struct hash *hash) {
    char text[HASH_HEX_SIZE];
    hash_to_hex(hash, text);
    return json_string(text);
}

static json_t *key_json(const struct shown *shown, size_t number) {
    const struct pins_key *key = &shown->keys.items[number];
    CLEANUP(looks_done) struct looks looks = looks_of(key);
    CLEANUP(buffer_done) struct buffer source = buffer_with_limit(16384);
    char pin[HASH_BASE64_SIZE];
    json_t *object = json_object();
    text_add_harmless(&source, span_of_text(key->source));
    hash_to_base64(&looks.spki, pin);
    json_object_set_new(object, "type", json_string("key"));
    json_object_set_new(object, "source", json_string(buffer_text(&source)));
    json_object_set_new(object, "place", json_integer((json_int_t) number));
    json_object_set_new(object, "kind", json_string(pins_key_kind_name(key->kind)));
    json_object_set_new(object, "subject", looks.has_certificate ? json_string(buffer_text(&looks.subject)) : json_null());
    json_object_set_new(object, "pin", json_string(pin));
    json_object_set_new(object, "spki_sha256", hash_json(&looks.spki));
    json_object_set_new(object, "certificate_sha256", looks.has_certificate ? hash_json(&looks.certificate) : json_null());
    json_object_set_new(object, "key_type", json_string(looks.key_type));
    json_object_set_new(object, "owner", looks.owner == NULL ? json_null() : json_string(looks.owner));
    json_object_set_new(object, "is_ca", json_boolean(is_ca(key)));
    json_object_set_new(object, "pinned_as", json_string(is_of_ca(shown, number) ? "ca" : "leaf"));
    json_object_set_new(object, "not_after", looks.not_after[0] == '\0' ? json_null() : json_string(looks.not_after));
    return object;
}

static json_t *server_json(const struct shown *shown) {
    const struct tls_chain *server = &shown->server;
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string("server"));
    json_object_set_new(object, "host", shown->options->host == NULL ? json_null() : json_string(shown->options->host));
    json_object_set_new(object, "address", json_string(server->address));
    json_object_set_new(object, "port", json_integer(shown->options->port));
    json_object_set_new(object, "tls", json_string(server->version));
    json_object_set_new(object, "verified", json_boolean(server->is_verified));
    json_object_set_new(object, "trouble", server->is_verified ? json_null() : json_string(server->trouble));
    return object;
}

static int print_lines_json(const struct shown *shown, const struct pins_lines_wish *wish) {
    uint64_t mark = memory_mark();
    for (size_t i = 0; wish->count > 0 && pins_lines_title(i) != NULL; i++) {
        CLEANUP(buffer_done) struct buffer lines = buffer_with_limit(LINES_SIZE_MAX);
        result outcome = pins_lines_write(wish, i, shown->arena, &lines);
        if (outcome == OK)
            outcome = buffer_check(&lines);
        if (outcome != OK)
            return exit_with(outcome, NULL);
        if (lines.size > 0 && !print_json_line(json_if_whole(json_pack("{s:s,s:s,s:s?,s:s}", "type", "lines", "format", pin_format_name(pins_lines_format(i)), "host", wish->host, "text", buffer_text(&lines)), mark)))
            return EXIT_IO;
    }
    return EXIT_OK;
}

static int print_json(const struct shown *shown, const struct pins_lines_wish *wish) {
    uint64_t mark = memory_mark();
    if (shown->options->is_server && !print_json_line(json_if_whole(server_json(shown), mark)))
        return EXIT_IO;
    for (size_t i = 0; i < shown->keys.count; i++)
        if (!print_json_line(json_if_whole(key_json(shown, i), mark)))
            return EXIT_IO;
    return print_lines_json(shown, wish);
}

/* ---- */

static int show(struct shown *shown) {
    struct pins_lines_wish wish;
    struct reason reason = {""};
    result outcome = gather(shown, &reason);
    if (outcome == OK)
        outcome = wish_of(shown, &wish);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    if (wish.host == NULL)
        wish.host = host_of_certificates(shown);
    return shown->options->is_json ? print_json(shown, &wish) : print_all(shown, &wish);
}

int pins_run_of(int argc, char **argv) {
    struct of_options options = {.port = 0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct shown shown = {.options = &options, .arena = arena_new(ARENA_LIMIT)};
    int code = shown.arena == NULL ? exit_with(&fault_no_memory, NULL) : show(&shown);
    arena_free(shown.arena);
    return code;
}
