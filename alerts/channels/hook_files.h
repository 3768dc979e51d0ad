/* The temporary files that a hook program reads: a folder of its own (0700), files 0600, gone after the attempt. */
#pragma once

#include "channels/channel.h"

#define HOOK_PATH_SIZE 512

struct hook_files {
    char folder[HOOK_PATH_SIZE];
    char certificate[HOOK_PATH_SIZE]; /* "" when there is no PEM */
    char json[HOOK_PATH_SIZE];
    char text[HOOK_PATH_SIZE];
    char entry[HOOK_PATH_SIZE]; /* "" unless the alert carries the log entry */
};

extern const struct fault fault_hook_files;

/* Writes them under <state folder>/hook-files. On an error nothing is left; `reason` names the file. */
MUST_CHECK result hook_files_write(const struct settings *settings, const struct channel_job *job, struct hook_files *ret_files,
                                   struct reason *reason);
void hook_files_remove(struct hook_files *files);
/* Removes what a killed process left there more than an hour before `now_wall_ms`; call at start. */
void hook_files_sweep(const struct settings *settings, int64_t now_wall_ms);
