/* Names for which there is no room, counted each once. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAA_LEFT_OUT_MAX ((size_t) 1000000) /* 16 MB; beyond that there are "at least" so many */

struct caa_left_out {
    uint64_t *hashes; /* open addressing; 0: free */
    size_t room, count;
    bool is_cut;      /* there are more than `count` */
};

void caa_left_out_add(struct caa_left_out *left_out, const char *name); /* without memory: is_cut */
void caa_left_out_forget(struct caa_left_out *left_out);                /* frees everything; may be used again */
