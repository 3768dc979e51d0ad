/* drill.json: what the drill (a local CT log and CA) tells the other programs about itself. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"
#include "formats/log_list.h"

#define DRILL_FILE_SIZE_MAX ((size_t) 64 * 1024)
#define DRILL_FILE_NAME "drill.json"
#define DRILL_FILE_LOGS_MAX 4
#define DRILL_FILE_AUTHORITIES_MAX 4

struct drill_file_log {
    const char *name;           /* "rfc6962", "static" */
    const char *description, *operator_name;
    enum log_protocol protocol;
    const char *url;            /* RFC 6962 base or submission prefix, slash at the end */
    const char *monitoring_url; /* static-ct, slash at the end; "" otherwise */
    const char *origin;         /* static-ct; "" otherwise */
    struct span key;            /* DER SPKI */
    struct hash log_id;         /* SHA-256 of the key; checked when read */
    uint32_t mmd_seconds;
};

struct drill_file_authority {
    const char *name;       /* "expected", "unexpected": what "by" of an order says */
    const char *owner;      /* "pinwatch drill" for the expected one */
    const char *caa_domain;
    struct hash spki_sha256;      /* of the issuing CA */
    struct hash root_spki_sha256;
    struct span certificate;      /* DER of the issuing CA */
};

struct drill_file {
    unsigned port;
    const char *socket; /* absolute path of the socket that takes orders */
    struct drill_file_log logs[DRILL_FILE_LOGS_MAX];
    size_t log_count;
    struct drill_file_authority authorities[DRILL_FILE_AUTHORITIES_MAX];
    size_t authority_count;
};

extern const struct fault fault_drill_file;

/* Texts and bytes are copied into `arena`. */
MUST_CHECK result drill_file_read(struct span json, struct arena *arena, struct drill_file *ret_file);
/* Appends the JSON; the texts must need no escapes. */
bool drill_file_write(const struct drill_file *file, struct buffer *out);
