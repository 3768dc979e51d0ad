/* Descriptors 0, 1 and 2, as whoever started the program left them. */
#pragma once

/* Gives those that are closed to /dev/null, so that no file of ours ever gets one of their numbers. First thing in main. */
void standard_files_open(void);

/* For services: nobody may stop or end one by not reading what it says. SIGPIPE is ignored; where standard error is a pipe, it is
 * opened anew for this process and those it starts, without waiting for room: whoever handed it in keeps theirs as it was. */
void standard_files_never_wait(void);
