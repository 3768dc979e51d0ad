/* pinwatch-reader SLOTS SLOT_SIZE AREA_SIZE: started by a reader pool, with nothing but
 * 0 requests · 1 answers · 2 complaints · 3 body slots · 4 answer area · 5 watch image. */
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "reader/reader.h"
#include "reader/sandbox.h"
#include "rules/issuer_check.h"

enum { SLOTS_FILE = 3, AREA_FILE = 4, IMAGE_FILE = 5 };
#define GUARD_SIZE ((size_t) 64 * 1024) /* a page of any machine */
enum { EXIT_GOOD = 0, EXIT_USAGE = 64, EXIT_STARTING = 70, EXIT_REQUEST = 76 };

static int complain(const char *what, int status) {
    fprintf(stderr, "pinwatch-reader: %s\n", what);
    return status;
}

static bool read_whole(int file, void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = read(file, (uint8_t *) bytes + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t) count;
    }
    return true;
}

static bool write_whole(int file, const void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = write(file, (const uint8_t *) bytes + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t) count;
    }
    return true;
}

static bool map_file(int file, int rights, size_t size, uint8_t **ret_bytes) {
    void *bytes = mmap(NULL, size, rights, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED)
        return false;
    *ret_bytes = bytes;
    return true;
}

/* Where the kernel puts it, something else that can be written may lie right behind: it gets a guard, so that writing past its end is a fault. */
static bool map_area(size_t size, uint8_t **ret_bytes) {
    void *room = mmap(NULL, size + GUARD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED || mmap(room, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, AREA_FILE, 0) == MAP_FAILED)
        return false;
    *ret_bytes = room;
    return true;
}

static bool parse_sizes(int count, char **arguments, struct reader *reader) {
    uint64_t slots, area;
    if (count != 4 || text_to_number(span_of_text(arguments[1]), 65536, &slots) != OK ||
        text_to_number(span_of_text(arguments[2]), (uint64_t) 1 << 32, &reader->slot_size) != OK ||
        text_to_number(span_of_text(arguments[3]), (uint64_t) 1 << 32, &area) != OK || slots == 0 || area == 0)
        return false;
    reader->slot_count = (uint32_t) slots;
    reader->area_size = area;
    return true;
}

static bool map_all(struct reader *reader, uint64_t *ret_mapped) {
    uint8_t *slots, *image;
    struct stat about;
    size_t slots_size = reader->slot_count * reader->slot_size;
    if (fstat(IMAGE_FILE, &about) != 0 || about.st_size <= 0 || !map_file(SLOTS_FILE, PROT_READ, slots_size, &slots) ||
        !map_area(reader->area_size, &reader->area) ||
        !map_file(IMAGE_FILE, PROT_READ, (size_t) about.st_size, &image))
        return false;
    reader->slots = slots;
    *ret_mapped = slots_size + reader->area_size + GUARD_SIZE + (uint64_t) about.st_size;
    return watch_image_open(span_of(image, (size_t) about.st_size), &reader->image) == OK;
}

static int compare_bytes(const void *left, const void *right) {
    return *(const uint8_t *) left - *(const uint8_t *) right;
}

/* glibc asks for the size of the memory when it first sorts more than a kilobyte. */
static void sort_once(void) {
    uint8_t bytes[4096] = {1};
    qsort(bytes, sizeof bytes, 1, compare_bytes);
}

/* OpenSSL would ask the kernel for fresh seed after an hour. What it draws here blinds public numbers: no secret depends on it. */
static bool seed_once(void) {
    time_t never = 0;
    unsigned requests = 0;
    uint8_t byte;
    OSSL_PARAM settings[] = {OSSL_PARAM_construct_time_t(OSSL_DRBG_PARAM_RESEED_TIME_INTERVAL, &never),
                             OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests), OSSL_PARAM_construct_end()};
    return RAND_bytes(&byte, 1) == 1 && RAND_priv_bytes(&byte, 1) == 1 &&
           EVP_RAND_CTX_set_params(RAND_get0_primary(NULL), settings) == 1 &&
           EVP_RAND_CTX_set_params(RAND_get0_public(NULL), settings) == 1 &&
           EVP_RAND_CTX_set_params(RAND_get0_private(NULL), settings) == 1;
}

/* Everything that libraries load, seed or look up at first use must be there before the sandbox closes. */
static bool warm_up(struct reader *reader) {
    json_object_seed(0);
    sort_once();
    memory_count_libraries();
    return OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1 &&
           digest_init() == OK && seed_once() && issuer_check_warm_up() == OK && reader_init(reader) == OK;
}

/* Answer 0 says "ready". */
static bool greet(struct reader *reader) {
    reader->answer = (struct reader_answer){.version = READER_MESSAGE_VERSION, .status = READER_DONE};
    return write_whole(STDOUT_FILENO, &reader->answer, sizeof reader->answer);
}

static int serve(struct reader *reader) {
    static struct reader_request request;
    while (read_whole(STDIN_FILENO, &request, sizeof request)) {
        if (reader_request_check(&request, reader->slot_count, reader->slot_size) != OK ||
            request.generation != watch_image_generation(&reader->image))
            return EXIT_REQUEST;
        reader_act(reader, &request);
        if (reader->has_no_memory)
            return READER_EXIT_MEMORY; /* the owner halves what it gave, down to the entry that takes all memory */
        if (!write_whole(STDOUT_FILENO, &reader->answer, sizeof reader->answer))
            return EXIT_GOOD;
    }
    return EXIT_GOOD;
}

int main(int count, char **arguments) {
    static struct reader reader;
    uint64_t mapped;
    sandbox_prepare_memory();
    if (!parse_sizes(count, arguments, &reader))
        return complain("is started by pinwatch, with SLOTS SLOT_SIZE AREA_SIZE", EXIT_USAGE);
    if (!map_all(&reader, &mapped))
        return complain("the shared memory it was given cannot be mapped", EXIT_STARTING);
    if (!warm_up(&reader))
        return complain("a library cannot be loaded", EXIT_STARTING);
    if (sandbox_enter(mapped + READER_WORKING_MEMORY) != OK)
        return complain("the kernel refuses the sandbox", EXIT_STARTING);
    _exit(greet(&reader) ? serve(&reader) : EXIT_GOOD);
}
