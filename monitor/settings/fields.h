/* The settings as data: name, type, bounds, default, words for people. The loader, the sample file and the reference in
 * docs/settings.md all come from these tables. */
#pragma once

#include <stddef.h>

#include "settings/settings.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,    /* absolute, or "" where that has a meaning */
    SETTING_URL,     /* https:// or http://, or "" */
    SETTING_ADDRESS, /* IPv4 or IPv6 */
    SETTING_NUMBER,
    SETTING_SWITCH,  /* true or false */
    SETTING_WORD,    /* one of `words` */
};

struct setting {
    const char *name;
    enum setting_type type;
    bool is_required;      /* "" is refused */
    size_t offset;         /* in the struct that the table describes */
    unsigned least, most;  /* of a number */
    const char *standard;  /* default, as text */
    const char *words;     /* "a b c" */
    const char *comment;   /* for the sample; lines separated by \n */
};

struct setting_table {
    const char *list; /* name of the list whose items it describes; "" for the file itself */
    const struct setting *settings;
    size_t count;
    size_t struct_size;
    const char *comment; /* of the list */
};

#define SETTINGS_PER_TABLE_MAX 48

extern const struct setting_table settings_table, settings_log_table, settings_resolver_table;

/* "a number from 0 to 64", "true or false", "an absolute path": for messages and the sample. */
void setting_wanted(const struct setting *setting, struct reason *ret_words);
/* Checks one value and stores it at `target` + offset; texts are borrowed. On refusal *ret_wanted says what was wanted. */
MUST_CHECK result setting_store(const struct setting *setting, const char *value, void *target, struct reason *ret_wanted);
