#include "steps/reader_slots.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

FAULT(fault_shared_memory, FAULT_RETRY, "reader.shared-memory", "shared memory", "", "the kernel refused it",
      "memory and descriptors");

#define FIRST_DESCRIPTOR 10
/* Slots keep what their bodies once filled, because fresh pages cost more than a batch. Together they keep no more than this. */
#define KEPT_BYTES ((size_t) 64 * 1024 * 1024)

int descriptor_move_up(int file) {
    int moved = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (file >= 0)
        close(file);
    return moved;
}

static bool write_all(int file, struct span bytes) {
    for (size_t done = 0; done < bytes.size;) {
        ssize_t count = write(file, bytes.bytes + done, bytes.size - done);
        if (count <= 0)
            return false;
        done += (size_t) count;
    }
    return true;
}

result shared_file_new(const char *name, size_t size, struct span bytes, int *ret_file) {
    int file = descriptor_move_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (file < 0)
        return &fault_shared_memory;
    bool is_good = write_all(file, bytes) && ftruncate(file, (off_t) size) == 0 &&
                   fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
    if (!is_good) {
        close(file);
        return &fault_shared_memory;
    }
    *ret_file = file;
    return OK;
}

/* A second, read-only opening of the same file. A seal against writing would do as well but for this: the kernel then
 * refuses to punch holes, and memory that one large body needed would never be given back. Where /proc is missing, the seal
 * is taken. */
static int open_for_readers(int file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    if (readable < 0) {
        if (fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0)
            return -1;
        readable = fcntl(file, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    }
    return readable >= FIRST_DESCRIPTOR ? readable : descriptor_move_up(readable);
}

result shared_file_new_for_readers(const char *name, struct span bytes, int *ret_file) {
    int file;
    TRY(shared_file_new(name, bytes.size, bytes, &file));
    int readable = open_for_readers(file);
    close(file);
    if (readable < 0)
        return &fault_shared_memory;
    *ret_file = readable;
    return OK;
}

static result map_slots(struct reader_slots *slots) {
    size_t size = slots->count * slots->slot_size;
    TRY(shared_file_new("pinwatch-slots", size, span_of(NULL, 0), &slots->file));
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, slots->file, 0);
    if (bytes == MAP_FAILED)
        return &fault_shared_memory;
    slots->bytes = bytes;
    slots->readable_file = open_for_readers(slots->file);
    return slots->readable_file < 0 ? &fault_shared_memory : OK;
}

result reader_slots_init(unsigned count, size_t slot_size, struct reader_slots *ret_slots) {
    struct reader_slots slots = {.file = -1, .readable_file = -1, .slot_size = slot_size, .count = count};
    slots.free_numbers = memory_new_array(count, sizeof *slots.free_numbers);
    slots.is_taken = memory_new_array(count, sizeof *slots.is_taken);
    result outcome = slots.free_numbers == NULL || slots.is_taken == NULL ? &fault_no_memory : map_slots(&slots);
    if (outcome != OK) {
        reader_slots_done(&slots);
        return outcome;
    }
    while (slots.free_count < count) {
        slots.free_numbers[slots.free_count] = count - 1 - slots.free_count;
        slots.free_count++;
    }
    *ret_slots = slots;
    return OK;
}

void reader_slots_done(struct reader_slots *slots) {
    if (slots->bytes != NULL)
        munmap(slots->bytes, slots->count * slots->slot_size);
    if (slots->file >= 0)
        close(slots->file);
    if (slots->readable_file >= 0)
        close(slots->readable_file);
    memory_free(slots->free_numbers);
    memory_free(slots->is_taken);
    *slots = (struct reader_slots){.file = -1, .readable_file = -1};
}

int reader_slots_take(struct reader_slots *slots) {
    if (slots->free_count == 0)
        return -1;
    unsigned number = slots->free_numbers[--slots->free_count];
    slots->is_taken[number] = true;
    return (int) number;
}

void reader_slots_give(struct reader_slots *slots, int number) {
    struct stat about;
    if (number < 0 || (unsigned) number >= slots->count || !slots->is_taken[number])
        return;
    slots->is_taken[number] = false;
    slots->free_numbers[slots->free_count++] = (unsigned) number;
    if (fstat(slots->file, &about) == 0 && (size_t) about.st_blocks * 512 > KEPT_BYTES)
        (void) fallocate(slots->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         (off_t) ((size_t) number * slots->slot_size), (off_t) slots->slot_size);
}
