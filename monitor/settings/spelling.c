#include "settings/spelling.h"

#include <string.h>

#define WORD_MAX 48

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Levenshtein distance; words longer than WORD_MAX are as far away as can be. */
static unsigned distance(const char *a, const char *b) {
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned row[WORD_MAX + 1];
    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return WORD_MAX;
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_size];
}

const char *spelling_nearest(const char *word, const void *words, size_t count, size_t stride) {
    const char *nearest = NULL;
    unsigned best = (unsigned) strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        const char *candidate;
        memcpy(&candidate, (const char *) words + i * stride, sizeof candidate);
        unsigned far = distance(word, candidate);
        if (far < best) {
            best = far;
            nearest = candidate;
        }
    }
    return nearest;
}
