/* The file of `apply` and `export`: policies, watches, channels, pins and releases as one YAML document (docs/watches.md). */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"
#include "formats/release_file.h"

#define DATA_FILE_SIZE_MAX ((size_t) 64 * 1024 * 1024)
enum { DATA_NAME_MAX = 63, DATA_POLICIES_MAX = 10000, DATA_CHANNELS_MAX = 1000, DATA_PINS_MAX = 10000, DATA_PIN_NAME_MAX = 255 };

struct data_policy {
    const char *name;
    const char *rules; /* canonical JSON, see policy_rules_to_json */
    unsigned line;     /* 0 when the data do not come from a file */
};

struct data_watch {
    const char *text;   /* as written: example.com, .example.com, 192.0.2.0/24, sha256:…, @example.com; not yet normalised */
    const char *policy; /* "" when none */
    unsigned line;
};

struct data_channel {
    const char *name, *kind;    /* webhook, email, hook */
    const char *configuration;  /* compact JSON object with sorted keys */
    const char *secret_name;    /* "" when none */
    const char *least_severity; /* info, notice, warning, critical */
    bool is_enabled;
    unsigned line;
};

struct data_pins {
    const char *name;
    const char *content; /* our YAML of pins in the form that pin_yaml_write gives it */
    unsigned line;
};

struct data_file {
    struct data_policy *policies; /* in the order of the file */
    size_t policy_count;
    struct data_watch *watches;
    size_t watch_count;
    struct data_channel *channels;
    size_t channel_count;
    struct data_pins *pins;
    size_t pins_count;
    struct release *releases; /* is_retired is false */
    size_t release_count;
};

extern const struct fault fault_data_file;

/* Strict: unknown fields, unknown policies and wrong values are refused with line, column and what was wanted (fault_data_file,
 * fault_yaml, fault_policy). Everything is copied into `arena`. */
MUST_CHECK result data_file_read(struct span yaml, struct arena *arena, struct data_file *ret_file, struct reason *reason);
/* Its sections `pins` and `releases` into the file. Error: fault_data_file. */
struct yaml_tree;
MUST_CHECK result data_pins_take(const struct yaml_tree *tree, struct arena *arena, struct data_file *file, struct reason *reason);
/* Appends a file that data_file_read turns back into the same data. */
MUST_CHECK result data_file_write(const struct data_file *file, struct buffer *out);
/* A policy's or channel's name: 1 to 63 of a-z A-Z 0-9 . _ -, beginning with a letter or digit. */
bool data_name_is_valid(const char *name);
