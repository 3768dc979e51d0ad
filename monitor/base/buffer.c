#include "base/buffer.h"

#include <stdio.h>

#include "base/memory.h"

#define FIRST_CAPACITY 256

void buffer_done(struct buffer *buffer) {
    memory_free(buffer->bytes);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_reset(struct buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
    buffer->has_no_memory = false;
    if (buffer->bytes != NULL)
        buffer->bytes[0] = 0;
}

static bool buffer_fail(struct buffer *buffer) {
    buffer->failed = true;
    return false;
}

static bool buffer_ensure(struct buffer *buffer, size_t count) {
    if (buffer->failed || count > buffer->limit - buffer->size)
        return buffer_fail(buffer);
    size_t wanted = buffer->size + count + 1;
    if (wanted <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
    while (capacity < wanted)
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    if (capacity > buffer->limit + 1)
        capacity = buffer->limit + 1;
    uint8_t *bytes = memory_resize(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->has_no_memory = true;
        return buffer_fail(buffer);
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t count) {
    return buffer_ensure(buffer, count) ? buffer->bytes + buffer->size : NULL;
}

void buffer_grew(struct buffer *buffer, size_t count) {
    buffer->size += count;
    buffer->bytes[buffer->size] = 0;
}

bool buffer_add(struct buffer *buffer, struct span bytes) {
    uint8_t *place = buffer_reserve(buffer, bytes.size);
    if (place == NULL)
        return false;
    if (bytes.size > 0)
        memcpy(place, bytes.bytes, bytes.size);
    buffer_grew(buffer, bytes.size);
    return true;
}

bool buffer_add_text(struct buffer *buffer, const char *text) {
    return buffer_add(buffer, span_of_text(text));
}

bool buffer_add_number(struct buffer *buffer, size_t width, uint64_t number) {
    uint8_t raw[8];
    if (width > sizeof raw || (width < sizeof raw && number >> (8 * width) != 0))
        return buffer_fail(buffer);
    for (size_t i = 0; i < width; i++)
        raw[i] = (uint8_t) (number >> (8 * (width - 1 - i)));
    return buffer_add(buffer, span_of(raw, width));
}

bool buffer_add_vector(struct buffer *buffer, size_t width, struct span bytes) {
    return buffer_add_number(buffer, width, bytes.size) && buffer_add(buffer, bytes);
}

bool buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return buffer_fail(buffer);
    uint8_t *place = buffer_reserve(buffer, (size_t) length);
    if (place == NULL)
        return false;
    va_start(arguments, format);
    vsnprintf((char *) place, (size_t) length + 1, format, arguments);
    va_end(arguments);
    buffer_grew(buffer, (size_t) length);
    return true;
}

const char *buffer_text(const struct buffer *buffer) {
    return buffer->bytes == NULL ? "" : (const char *) buffer->bytes;
}

result buffer_check(const struct buffer *buffer) {
    return buffer->has_no_memory ? &fault_no_memory : buffer->failed ? &fault_limit_reached : OK;
}

char *buffer_take_text(struct buffer *buffer) {
    if (buffer->failed || (buffer->bytes == NULL && buffer_reserve(buffer, 0) == NULL))
        return NULL;
    buffer->bytes[buffer->size] = 0;
    char *text = (char *) buffer->bytes;
    *buffer = buffer_with_limit(buffer->limit);
    return text;
}
