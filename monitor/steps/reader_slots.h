/* Body slots: one shared memory file, written by the owner, read by readers. */
#pragma once

#include "base/result.h"
#include "base/span.h"

struct reader_slots {
    int file;          /* the owner's */
    int readable_file; /* for readers: cannot be mapped for writing */
    uint8_t *bytes;
    size_t slot_size;
    unsigned count;
    unsigned *free_numbers; /* a stack: a slot just given back is the next one taken, its memory is warm */
    unsigned free_count;
    bool *is_taken;
};

extern const struct fault fault_shared_memory;

MUST_CHECK result reader_slots_init(unsigned count, size_t slot_size, struct reader_slots *ret_slots);
void reader_slots_done(struct reader_slots *slots);
/* A slot's number, or -1 when all are taken. */
int reader_slots_take(struct reader_slots *slots);
/* Numbers that are not taken are ignored. */
void reader_slots_give(struct reader_slots *slots, int number);

/* A sealed memory file of `size` bytes; `bytes` (may be empty) is its content. The caller closes it. */
MUST_CHECK result shared_file_new(const char *name, size_t size, struct span bytes, int *ret_file);
/* A memory file that holds `bytes`, open for reading alone. The caller closes it. */
MUST_CHECK result shared_file_new_for_readers(const char *name, struct span bytes, int *ret_file);
/* Its descriptor number is at least 10, so that it never stands where a reader wants another. */
int descriptor_move_up(int file);
