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
/* What became of it, and what it does. */
struct reader_look {
    enum {
        READER_UNKNOWN, /* the system does not say */
        READER_SLEEPS,  /* it waits for something, and nothing but its pipes is there to wait for */
        READER_WANTS_PROCESSOR, /* it runs, or would if others let it, or waits for a disk */
        READER_STOPPED, /* by somebody else: its sandbox lets it send no signal */
        READER_EXITED,
        READER_SIGNALLED,
    } what;
    int number;     /* exit code, or signal */
    int64_t cpu_ms; /* what it has used of a processor since it was started */
};
void reader_process_look(const struct reader_process *process, struct reader_look *ret_look);
/* The same of one that has closed its pipe: waits a moment for its end. */
void reader_process_look_at_end(const struct reader_process *process, struct reader_look *ret_look);
/* Did somebody else end it, or a kernel without memory, which a reader cannot do to itself? */
bool reader_look_was_killed(const struct reader_look *look);
/* Did it end for want of memory? */
bool reader_look_was_starved(const struct reader_look *look);
/* Milliseconds of a processor that it has used since it was started; 0 where the system does not say. */
int64_t reader_process_cpu_ms(const struct reader_process *process);
/* In words: "signal SIGSYS, for a system call that its filter forbids". `ret_words`: READER_LOOK_WORDS bytes. */
#define READER_LOOK_WORDS 120
void reader_look_words(const struct reader_look *look, char *ret_words);
/* Would this machine give a reader all that it may take? Then one that has starved wanted more than that. */
bool reader_process_memory_is_free(void);
/* Kills, waits, gives back. Harmless for one that was never started. */
void reader_process_stop(struct reader_process *process);
/* Bytes of memory that are its own alone; 0 where the system does not say. */
uint64_t reader_process_memory(const struct reader_process *process);
/* Path of the reader program: `wanted` when not NULL, else beside the running program, else as installed. Errors: reader.program
 * (SETTINGS) when it is nowhere; what passes, when it cannot be looked for now. */
MUST_CHECK result reader_program_find(const char *wanted, char *ret_path, size_t size);
