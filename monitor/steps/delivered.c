#include "steps/delivered.h"

#include <string.h>

#include "base/memory.h"

void delivered_done(struct delivered *delivered) {
    memory_free(delivered->entries);
    *delivered = (struct delivered){0};
}

/* Place of the first entry that does not lie before `index`. */
static size_t place_of(const struct delivered *delivered, uint64_t index) {
    size_t low = 0, high = delivered->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (delivered->entries[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static result insert(struct delivered *delivered, size_t at, const struct delivered_entry *entry) {
    if (delivered->count == DELIVERED_MAX)
        return OK;
    struct delivered_entry *entries = memory_grow(delivered->entries, delivered->count, &delivered->room, sizeof *entries);
    if (entries == NULL)
        return &fault_no_memory;
    delivered->entries = entries;
    memmove(&entries[at + 1], &entries[at], (delivered->count - at) * sizeof *entry);
    entries[at] = *entry;
    delivered->count++;
    return OK;
}

static enum delivery_news compare(const struct delivered_entry *before, const struct delivered_entry *now) {
    if (before->is_unreadable != now->is_unreadable)
        return DELIVERY_OTHER;
    return hash_equal(&before->leaf_hash, &now->leaf_hash) ? DELIVERY_KNOWN : DELIVERY_AGAIN;
}

result delivered_note(struct delivered *delivered, const struct entry_report *report, enum delivery_news *ret_news) {
    struct delivered_entry now = {.index = report->index, .leaf_hash = report->leaf_hash, .is_unreadable = report->is_unreadable};
    size_t at = place_of(delivered, now.index);
    if (at < delivered->count && delivered->entries[at].index == now.index) {
        *ret_news = compare(&delivered->entries[at], &now);
        delivered->entries[at] = now;
        return OK;
    }
    bool is_forgotten = delivered->count == DELIVERED_MAX && at == delivered->count && now.index < delivered->end;
    TRY(insert(delivered, at, &now));
    if (now.index >= delivered->end)
        delivered->end = now.index + 1;
    *ret_news = is_forgotten ? DELIVERY_AGAIN : DELIVERY_NEW;
    return OK;
}
