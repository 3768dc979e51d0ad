/* Why a program of the service ends, for the one who started it: standard error may go where nobody looks. */
#pragma once

#define LAST_WORDS_VARIABLE "PINWATCH_LAST_WORDS"

/* Writes `text` to the file that PINWATCH_LAST_WORDS names; does nothing without it, and fails silently: the messages say it too. */
void last_words_write(const char *text);
