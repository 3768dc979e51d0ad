/* The environment of a hook program: what certspotter-script(8) promises, and PINWATCH_ variables. */
#pragma once

#include "base/arena.h"
#include "channels/channel.h"
#include "channels/hook_files.h"

/* A NULL-terminated list of "NAME=value", in `arena`; values carry no control characters. NULL when the arena is full. */
char **hook_environment_make(struct arena *arena, const struct settings *settings, const struct channel_job *job,
                             const struct hook_files *files);
/* True for names that a configuration may add: capitals, digits and '_', not one that is set here. */
bool hook_environment_may_add(const char *name);
