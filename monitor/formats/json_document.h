/* JSON from outside: capped in size, depth and number of values before Jansson sees it, duplicate members refused; typed members. */
#pragma once

#include <jansson.h>

#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define JSON_DEPTH_MAX  16                /* log lists need 7; also bounds the recursion inside Jansson */
#define JSON_VALUES_MAX ((size_t) 100000) /* the largest real log list has about 2,500 */

/* Parses `text`, at most `size_max` bytes. Refusals return `fault` and say why in `reason` (may be NULL). The caller owns
 * *ret_document (json_decref). */
MUST_CHECK result json_document_load(struct span text, size_t size_max, result fault, struct reason *reason,
                                     json_t **ret_document);
void json_document_free(json_t **document); /* cleanup form */

/* Members of the asked type; false when absent or of another type. A string is valid UTF-8 without NUL. */
bool json_member_text(const json_t *object, const char *name, struct span *ret_text);
bool json_member_number(const json_t *object, const char *name, uint64_t maximum, uint64_t *ret_number);
bool json_member_hash(const json_t *object, const char *name, struct hash *ret_hash); /* base64 of 32 bytes */
/* Absent and null are the same to the writers of these files. */
bool json_member_is_absent(const json_t *object, const char *name);
