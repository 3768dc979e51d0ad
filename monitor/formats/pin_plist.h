/* What the readers and writers of pins in plists share. */
#pragma once

#include "formats/pin_builder.h"
#include "formats/plist.h"

/* A boolean as NSNumber and NSString see it (integers, "YES"); `otherwise` where it is absent (NULL). A warning where it is no boolean. */
MUST_CHECK result pin_plist_boolean(struct pin_builder *builder, const struct plist_node *node, bool otherwise, bool *ret_is_true);
/* Gives each entry of a dict by host to `take`, in the order of the file: dicts alone, of several of one name the last, of several for one host the
 * first that made a set. The others are told. */
typedef result pin_plist_take(struct pin_builder *builder, const struct plist_node *entry, const char *host);
MUST_CHECK result pin_plist_hosts(struct pin_builder *builder, const struct plist_node *domains, pin_plist_take *take);
/* A pin at the end of the group: the base64 of a key's SHA-256. Nothing is added after an error remark. */
MUST_CHECK result pin_plist_pin(struct pin_builder *builder, const struct plist_node *node, const char *comment, struct pin_set *set, size_t group,
                                enum pin_position position);
/* Takes the set that was added last out again. */
void pin_plist_drop_set(struct pin_builder *builder);
bool pin_plist_mentions(struct span bytes, const char *name);

/* XML around the dict that is written between them. */
void pin_plist_begin(struct buffer *out);
void pin_plist_end(struct buffer *out);
/* "<key>…</key>" behind `depth` tabs. */
void pin_plist_key(struct buffer *out, unsigned depth, const char *key);
void pin_plist_line(struct buffer *out, unsigned depth, const char *line);
void pin_plist_string(struct buffer *out, unsigned depth, const char *text);
void pin_plist_comment(struct buffer *out, unsigned depth, const char *text);
