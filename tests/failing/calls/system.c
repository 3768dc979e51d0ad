/* The system: files, sockets, processes, output and the clock. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "failing/calls/calls.h"

static void syscall_close(int file) {
    syscall(SYS_close, file); /* Linux closes, whatever it then says */
}

#define FILE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_FILE, type, name, parameters, arguments, failure)
FILE_CALL(ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size), WITH_ERRNO(EIO, -1))
FILE_CALL(ssize_t, pread, (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at), WITH_ERRNO(EIO, -1))
FILE_CALL(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, fsync, (int file), (file), WITH_ERRNO(EIO, -1))
FILE_CALL(int, ftruncate, (int file, off_t size), (file, size), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, rename, (const char *from, const char *to), (from, to), WITH_ERRNO(EIO, -1))
FILE_CALL(void *, mmap, (void *at, size_t size, int rights, int flags, int file, off_t offset), (at, size, rights, flags, file, offset),
          WITH_ERRNO(ENOMEM, MAP_FAILED))
FILE_CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), WITH_ERRNO(EMFILE, -1))
FILE_CALL(int, pipe2, (int ends[2], int flags), (ends, flags), WITH_ERRNO(EMFILE, -1))
FILE_CALL(int, fdatasync, (int file), (file), WITH_ERRNO(EIO, -1))
FILE_CALL(int, close, (int file), (file), (syscall_close(file), WITH_ERRNO(EIO, -1)))
FILE_CALL(int, fstat, (int file, struct stat *about), (file, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, stat, (const char *path, struct stat *about), (path, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, lstat, (const char *path, struct stat *about), (path, about), WITH_ERRNO(EIO, -1))
FILE_CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(int, unlink, (const char *path), (path), WITH_ERRNO(EIO, -1))
FILE_CALL(int, flock, (int file, int how), (file, how), WITH_ERRNO(ENOLCK, -1))
FILE_CALL(int, link, (const char *from, const char *to), (from, to), WITH_ERRNO(ENOSPC, -1))
FILE_CALL(ssize_t, readlink, (const char *path, char *out, size_t room), (path, out, room), WITH_ERRNO(EIO, -1))
FILE_CALL(DIR *, opendir, (const char *path), (path), WITH_ERRNO(EMFILE, NULL))
FILE_CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), WITH_ERRNO(EMFILE, NULL))
FILE_CALL(int, signalfd, (int file, const sigset_t *set, int flags), (file, set, flags), WITH_ERRNO(EMFILE, -1))

extern const char __executable_start, etext;

static bool is_ours(const char *caller) {
    return caller >= &__executable_start && caller < &etext;
}

FILE_CALL(int, access, (const char *path, int what), (path, what), WITH_ERRNO(EIO, -1))
FILE_CALL(int, chmod, (const char *path, mode_t mode), (path, mode), WITH_ERRNO(EIO, -1))
FILE_CALL(int, rmdir, (const char *path), (path), WITH_ERRNO(EIO, -1))
FILE_CALL(char *, mkdtemp, (char *path), (path), WITH_ERRNO(ENOSPC, NULL))
FILE_CALL(char *, realpath, (const char *path, char *out), (path, out), WITH_ERRNO(EIO, NULL))
FILE_CALL(struct dirent *, readdir, (DIR * folder), (folder), WITH_ERRNO(EIO, NULL))

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (call_fails(CALL_FILE))
        return WITH_ERRNO(EMFILE, -1);
    FIND_REAL(open)
    return real(path, flags, mode);
}

int fcntl(int file, int command, ...) {
    static int (*real)(int, int, ...);
    va_list list;
    va_start(list, command);
    void *value = va_arg(list, void *);
    va_end(list);
    /* libcurl does not look whether its socket is non-blocking now, which Linux never refuses, and would wait in it for ever. */
    bool is_sure = command == F_GETFD || ((command == F_GETFL || command == F_SETFL) && !is_ours(__builtin_return_address(0)));
    if (!is_sure && call_fails_as(CALL_FILE, "fcntl"))
        return WITH_ERRNO(EMFILE, -1);
    FIND_REAL(fcntl)
    return real(file, command, value);
}

#define SOCKET_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_SOCKET, type, name, parameters, arguments, failure)
SOCKET_CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), WITH_ERRNO(EMFILE, -1))
SOCKET_CALL(int, connect, (int file, const struct sockaddr *address, socklen_t size), (file, address, size), WITH_ERRNO(ECONNREFUSED, -1))
/* A connection that was reset is over for both sides. */
SOCKET_CALL(ssize_t, recv, (int file, void *bytes, size_t size, int flags), (file, bytes, size, flags),
            (shutdown(file, SHUT_RDWR), WITH_ERRNO(ECONNRESET, -1)))
SOCKET_CALL(ssize_t, send, (int file, const void *bytes, size_t size, int flags), (file, bytes, size, flags),
            (shutdown(file, SHUT_RDWR), WITH_ERRNO(ECONNRESET, -1)))

SOCKET_CALL(int, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), WITH_ERRNO(EMFILE, -1))
SOCKET_CALL(int, poll, (struct pollfd * files, nfds_t count, int wait_ms), (files, count, wait_ms), WITH_ERRNO(ENOMEM, -1))

STAND_BEFORE(CALL_PROCESS, int, execv, (const char *path, char *const arguments[]), (path, arguments), WITH_ERRNO(ENOMEM, -1))
STAND_BEFORE(CALL_PROCESS, int, execve, (const char *path, char *const arguments[], char *const environment[]),
             (path, arguments, environment), WITH_ERRNO(ENOMEM, -1))
STAND_BEFORE(CALL_PROCESS, int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions), (actions), ENOMEM)
STAND_BEFORE(CALL_PROCESS, int, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t * actions, int from, int to),
             (actions, from, to), ENOMEM)
STAND_BEFORE(CALL_PROCESS, pid_t, fork, (void), (), WITH_ERRNO(EAGAIN, -1))
STAND_BEFORE(CALL_PROCESS, int, posix_spawn,
             (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
              char *const arguments[], char *const environment[]),
             (pid, path, actions, attributes, arguments, environment), EAGAIN)

#define OUTPUT_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OUTPUT, type, name, parameters, arguments, failure)
/* What ferror asks for in glibc: a stream remembers. */
#define STREAM_ERROR 0x20
#define WITH_STREAM(out, value) ((out) == NULL ? 0 : ((out)->_flags |= STREAM_ERROR), WITH_ERRNO(ENOSPC, value))
OUTPUT_CALL(size_t, fwrite, (const void *bytes, size_t size, size_t count, FILE *out), (bytes, size, count, out), WITH_STREAM(out, 0))
OUTPUT_CALL(int, fputs, (const char *text, FILE *out), (text, out), WITH_STREAM(out, EOF))
OUTPUT_CALL(int, fflush, (FILE * out), (out), WITH_STREAM(out, EOF))

/* Only for our own callers: libevent 2.1 does not look whether its clock answered, and then waits for ever; the pipe to which it writes
 * a signal's number cannot fail. */

ssize_t write(int file, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (is_ours(__builtin_return_address(0)) && call_fails_as(CALL_FILE, "write"))
        return WITH_ERRNO(ENOSPC, -1);
    FIND_REAL(write)
    return real(file, bytes, size);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (is_ours(__builtin_return_address(0)) && call_fails_as(CALL_CLOCK, "clock_gettime"))
        return WITH_ERRNO(EINVAL, -1);
    FIND_REAL(clock_gettime)
    return real(clock, time);
}
