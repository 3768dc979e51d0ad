/* The log lists: fetched hourly, checked, kept on disk, never backwards. */
#pragma once

#include "formats/log_list.h"
#include "net/transfer.h"
#include "settings/settings.h"
#include "steps/world_clock.h"

/* Whose servers the lists come from, as operators of logs are called. */
#define LIST_OPERATOR_CHROME "Google"
#define LIST_OPERATOR_APPLE "Apple"

struct list_step;

/* A condition to tell people about, or its end. False: it is not recorded, tell it again. */
typedef bool (*list_event)(void *context, const char *rule, const char *list, bool is_over, const char *evidence);

/* `clock` hears what the lists' servers say the time is; the age of lists goes by it. */
MUST_CHECK result list_step_new(struct net *net, const struct settings *settings, struct world_clock *clock, list_event tell, void *context,
                                struct list_step **ret_step);
void list_step_free(struct list_step *step);
/* Reads what the disk has; a list there that does not verify is not used, and said. */
void list_step_load(struct list_step *step);
/* Fetches what is due. Returns the monotonic time at which it wants to be called again. */
int64_t list_step_run(struct list_step *step, int64_t now_ms);
/* Grows with every list taken into use. */
uint64_t list_step_version(const struct list_step *step);
/* The lists in use, NULL when there is none; valid until the next list_step_run. */
const struct log_list *list_step_chrome(const struct list_step *step);
const struct log_list *list_step_apple(const struct list_step *step);
