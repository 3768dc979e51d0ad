#include "base/standard_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

void standard_files_open(void) {
    int file;
    do
        file = open("/dev/null", O_RDWR);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file > STDERR_FILENO)
        close(file);
}

void standard_files_never_wait(void) {
    struct stat about;
    (void) signal(SIGPIPE, SIG_IGN);
    if (fstat(STDERR_FILENO, &about) != 0 || !S_ISFIFO(about.st_mode))
        return;
    int file = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return; /* a pipe of another user: log.c asks before it writes */
    (void) dup2(file, STDERR_FILENO);
    close(file);
}
