/* One reader process as its owner sees it: two pipes and an answer area. */
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "steps/reader_slots.h"

struct reader_process {
    pid_t pid;          /* 0: none */
    int requests;       /* non-blocking, for writing */
    int answers;        /* non-blocking, for reading */
    const uint8_t *area;
    size_t area_size;
};

struct reader_launch {
    const char *program;
    const struct reader_slots *slots;
    int image;          /* shared file */
    size_t area_size;
};

extern const struct fault fault_reader_start;

/* Starts the program with an empty environment and the descriptors that reader/main.c names, and no others.
 * Errors: fault_reader_start, fault_shared_memory. */
MUST_CHECK result reader_process_start(const struct reader_launch *launch, struct reader_process *ret_process);
/* Of a process that has closed its pipe: did somebody else end it, which a reader cannot do to itself? Waits a moment for its end. */
bool reader_process_was_killed(const struct reader_process *process);
/* The same of a process whose end was waited for: did it end for want of memory? */
bool reader_process_was_starved(const struct reader_process *process);
/* Would this machine give a reader all that it may take? Then one that has starved wanted more than that. */
bool reader_process_memory_is_free(void);
/* Kills, waits, gives back. Harmless for one that was never started. */
void reader_process_stop(struct reader_process *process);
/* Bytes of memory that are its own alone; 0 where the system does not say. */
uint64_t reader_process_memory(const struct reader_process *process);
/* Path of the reader program: `wanted` when not NULL, else beside the running program, else as installed. Errors: reader.program
 * (SETTINGS) when it is nowhere; what passes, when it cannot be looked for now. */
MUST_CHECK result reader_program_find(const char *wanted, char *ret_path, size_t size);
