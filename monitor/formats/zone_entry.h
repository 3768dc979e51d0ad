/* The words of a zone file (RFC 1035 5.1), entry by entry: comments gone, lines in parentheses joined. */
#pragma once

#include "base/arena.h"
#include "base/cursor.h"

#define ZONE_WORDS_MAX 1024 /* kept of one entry */

struct zone_word {
    struct span raw; /* with its escapes, without its quotes */
    bool is_quoted;
};

struct zone_entry {
    struct zone_word *words; /* room for ZONE_WORDS_MAX, the caller's */
    size_t count;
    unsigned line;           /* where it begins, from 1 */
    bool is_indented;        /* white space before the first word */
    bool has_comment;
    bool has_more_words;     /* than were kept */
    const char *wrong;       /* NULL, or a sentence: the words up to there were kept, reading goes on behind the line */
};

struct zone_reader {
    struct cursor cursor;
    unsigned line;
};

struct zone_reader zone_reader_of(struct span text);
/* The next entry that has a word or is wrong; false at the end. */
bool zone_entry_next(struct zone_reader *reader, struct zone_entry *entry);
/* A word without its escapes ("\X", "\DDD"). False: an escape is wrong. Room at ret_bytes: word->raw.size. */
bool zone_word_decode(const struct zone_word *word, uint8_t *ret_bytes, size_t *ret_size);
/* Is it `text`, unquoted, without case? */
bool zone_word_is(const struct zone_word *word, const char *text);
/* A number of seconds, or 1w2d3h4m5s as BIND writes it; at most 2^31 - 1. */
bool zone_word_to_ttl(const struct zone_word *word, uint32_t *ret_ttl_s);
/* IN, CH, HS, CS, CLASS17: *ret_is_in says which. */
bool zone_word_is_class(const struct zone_word *word, bool *ret_is_in);
/* A record type that IANA lists, or TYPE17: *ret_is_caa says which. */
bool zone_word_is_type(const struct zone_word *word, bool *ret_is_caa);
/* A type whose data may be one quoted text, as TXT's. */
bool zone_word_is_text_type(const struct zone_word *word);
