/* Fills the {placeholders} of a rule's sentences from an alert. */
#pragma once

#include "base/buffer.h"
#include "wording/alert.h"

/* Appends `pattern` to `text` with every {placeholder} replaced by harmless words; texts from outside are cut at a sensible
 * length. A fact that is missing becomes a general word ("a name that you watch").
 * Placeholders: rule finding matched watch issuer issuer_name issuer_key serial report cert log operator reason because list channel owner unresolved gained.
 * Returns false when a placeholder had neither a fact nor a general word; then the sentence should not be used, and `text` is
 * as it was. */
bool sentence_add(struct buffer *text, const char *pattern, const struct alert *alert);
