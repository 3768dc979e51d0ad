/* What a reader that was taken over tries, from inside its sandbox. KILLED: by the filter (SIGSYS). FAULTED: by its own memory
 * (SIGSEGV, or the filter where the kernel knows no such way in). FAILED: the deed must come to nothing. DONE: it must succeed, to show that
 * the search finds what is there.
 * An expression is the result of a system call; rogue_reader.c gives `place` (writable memory of its own) and `self` (its reader). */
#pragma once

enum deed_end { DEED_KILLED, DEED_FAULTED, DEED_FAILED, DEED_DONE };

/* The request's first_index names the deed: this number and the deed's place in the list. */
#define DEED_FIRST ((uint64_t) 1 << 40)
#define DEED_SUCCEEDED 90 /* exit statuses */
#define DEED_CAME_TO_NOTHING 91

#define DEEDS(X) \
    X("open a file", KILLED, syscall(SYS_open, "/etc/passwd", 0)) \
    X("openat", KILLED, syscall(SYS_openat, -100, "/etc/passwd", 0)) \
    X("openat2", KILLED, syscall(SYS_openat2, -100, "/etc/passwd", place, 24)) \
    X("open /proc/self/environ", KILLED, syscall(SYS_open, "/proc/self/environ", 0)) \
    X("open /proc/self/mem for writing", KILLED, syscall(SYS_open, "/proc/self/mem", 2)) \
    X("make a socket", KILLED, syscall(SYS_socket, 2, 1, 0)) \
    X("make a pair of sockets", KILLED, syscall(SYS_socketpair, 1, 1, 0, place)) \
    X("make a netlink socket", KILLED, syscall(SYS_socket, 16, 3, 0)) \
    X("fork", KILLED, syscall(SYS_fork)) \
    X("vfork", KILLED, syscall(SYS_clone, 0x4111, 0, 0, 0, 0)) \
    X("clone a thread", KILLED, syscall(SYS_clone3, place, 88)) \
    X("execute a program", KILLED, syscall(SYS_execve, "/bin/true", NULL, NULL)) \
    X("execute its own file", KILLED, syscall(SYS_execveat, 0, "", NULL, NULL, 0x1000)) \
    X("be traced", KILLED, syscall(SYS_ptrace, 0, 0, 0, 0)) \
    X("trace another process", KILLED, syscall(SYS_ptrace, 0x4206, getpid() - 1, 0, 0)) \
    X("signal another process", KILLED, syscall(SYS_kill, 1, 0)) \
    X("signal its group", KILLED, syscall(SYS_kill, 0, 9)) \
    X("signal itself", KILLED, syscall(SYS_tgkill, getpid(), getpid(), 10)) \
    X("get hold of a process", KILLED, syscall(SYS_pidfd_open, 1, 0)) \
    X("write into another process", KILLED, syscall(SYS_process_vm_writev, 1, place, 1, place, 1, 0)) \
    X("read from another process", KILLED, syscall(SYS_process_vm_readv, 1, place, 1, place, 1, 0)) \
    X("take a descriptor of another process", KILLED, syscall(SYS_pidfd_getfd, 0, 0, 0)) \
    X("map executable memory", KILLED, syscall(SYS_mmap, 0, 4096, 7, 0x22, -1, 0)) \
    X("map executable memory, bits above", KILLED, syscall(SYS_mmap, 0, 4096, 0x100000004, 0x22, -1, 0)) \
    X("map a descriptor", KILLED, syscall(SYS_mmap, 0, 4096, 3, 0x01, 3, 0)) \
    X("map its answers' pipe", KILLED, syscall(SYS_mmap, 0, 4096, 1, 0x02, 1, 0)) \
    X("map over a fixed address", KILLED, syscall(SYS_mmap, (uintptr_t) place & ~4095ul, 4096, 3, 0x32, -1, 0)) \
    X("make memory executable", KILLED, syscall(SYS_mprotect, (uintptr_t) place & ~4095ul, 4096, 7)) \
    X("make the body slots writable", KILLED, syscall(SYS_mprotect, self->slots, 4096, 3)) \
    X("make memory executable by key", KILLED, syscall(SYS_pkey_mprotect, (uintptr_t) place & ~4095ul, 4096, 7, -1)) \
    X("move a mapping", KILLED, syscall(SYS_mremap, self->slots, 4096, 8192, 1)) \
    X("remap pages", KILLED, syscall(SYS_remap_file_pages, self->area, 4096, 0, 1, 0)) \
    X("share memory", KILLED, syscall(SYS_mmap, 0, 4096, 3, 0x21, -1, 0)) \
    X("make a memory file", KILLED, syscall(SYS_memfd_create, "x", 0)) \
    X("handle page faults", KILLED, syscall(SYS_userfaultfd, 0)) \
    X("set up a ring", KILLED, syscall(SYS_io_uring_setup, 1, place)) \
    X("load a BPF program", KILLED, syscall(SYS_bpf, 0, place, 64)) \
    X("count events", KILLED, syscall(SYS_perf_event_open, place, 0, -1, -1, 0)) \
    X("cut the body slots", KILLED, syscall(SYS_ftruncate, 3, 0)) \
    X("punch a hole into the body slots", KILLED, syscall(SYS_fallocate, 3, 3, 0, 4096)) \
    X("write to the body slots' descriptor", KILLED, syscall(SYS_write, 3, place, 1)) \
    X("write at a place of a descriptor", KILLED, syscall(SYS_pwrite64, 4, place, 1, 0)) \
    X("write to the owner's messages", KILLED, syscall(SYS_write, 2, "{\"event\":\"service.ready\"}\n", 26)) \
    X("write in pieces", KILLED, syscall(SYS_writev, 2, place, 1)) \
    X("read from the owner's messages", KILLED, syscall(SYS_read, 2, place, 1)) \
    X("read with bits above the descriptor", KILLED, syscall(SYS_read, 0x100000000, place, 1)) \
    X("write with bits above the descriptor", KILLED, syscall(SYS_write, 0x100000001, place, 1)) \
    X("copy a descriptor", KILLED, syscall(SYS_dup2, 1, 2)) \
    X("control a descriptor", KILLED, syscall(SYS_fcntl, 0, 1033, 15)) \
    X("control a terminal", KILLED, syscall(SYS_ioctl, 2, 0x5412, place)) \
    X("send a descriptor's bytes", KILLED, syscall(SYS_sendfile, 1, 3, 0, 100)) \
    X("splice", KILLED, syscall(SYS_splice, 0, 0, 1, 0, 10, 0)) \
    X("unlink a file", KILLED, syscall(SYS_unlink, "/tmp/nothing")) \
    X("rename a file", KILLED, syscall(SYS_rename, "/tmp/nothing", "/tmp/x")) \
    X("change a mode", KILLED, syscall(SYS_chmod, "/tmp/nothing", 0)) \
    X("enter another namespace", KILLED, syscall(SYS_unshare, 0x10000000)) \
    X("become another user", KILLED, syscall(SYS_setuid, 0)) \
    X("raise a limit", KILLED, syscall(SYS_prlimit64, 0, 4, place, NULL)) \
    X("be dumpable again", KILLED, syscall(SYS_prctl, 4, 1, 0, 0, 0)) \
    X("outlive its owner", KILLED, syscall(SYS_prctl, 1, 0, 0, 0, 0)) \
    X("handle the signal of its end", KILLED, syscall(SYS_rt_sigaction, 31, place, NULL, 8)) \
    X("add a filter", KILLED, syscall(SYS_seccomp, 1, 0, place)) \
    X("know its owner", KILLED, syscall(SYS_getppid)) \
    X("sleep", KILLED, syscall(SYS_nanosleep, place, NULL)) \
    X("keep keys", KILLED, syscall(SYS_add_key, "user", "x", place, 1, -3)) \
    X("attach shared memory", KILLED, syscall(SYS_shmget, 0, 4096, 01600)) \
    X("call by the x32 numbers", KILLED, syscall(0x40000000 + SYS_getpid)) \
    X("open by the x32 numbers", KILLED, syscall(0x40000000 + SYS_open, "/etc/passwd", 0)) \
    X("call by int 0x80", FAULTED, call_i386(20)) \
    X("open by int 0x80", FAULTED, call_i386(5)) \
    X("write into the body slots", FAULTED, poke((volatile uint8_t *) (uintptr_t) self->slots)) \
    X("write into the watch image", FAULTED, poke((volatile uint8_t *) (uintptr_t) self->image.bytes.bytes)) \
    X("write behind its answer area", FAULTED, poke((volatile uint8_t *) self->area + self->area_size)) \
    X("run its answer area", FAULTED, run(self->area)) \
    X("run its heap", FAULTED, run(place)) \
    X("find an environment", FAILED, find_environment()) \
    X("find the owner's secret in its memory", FAILED, find_marker()) \
    X("find a secret that is there", DONE, (put_marker(place), find_marker())) \
    X("have another descriptor mapped for writing", FAILED, find_writable_file())
