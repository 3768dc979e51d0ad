/* What a reader gives up before it sees the first foreign byte. */
#pragma once

#include <stdint.h>

#include "base/result.h"

extern const struct fault fault_sandbox;

/* Memory is then taken by brk and anonymous mappings alone; call before anything large is allocated. */
void sandbox_prepare_memory(void);
/* Ends all rights but to read descriptor 0, to write descriptor 1, to take and give back memory (at most
 * `address_space` bytes in all, never executable), to know its number and to exit. Closes every descriptor from 3 on. Any other system call kills
 * the process. Builds with PINWATCH_NO_FILTER (sanitizers need more calls) leave the filter and the memory limit out. */
MUST_CHECK result sandbox_enter(uint64_t address_space);
