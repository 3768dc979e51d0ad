/* The hot path: a body's entries, one by one, into leaf hashes, subtrees and the few reports. */
#include "base/cursor.h"
#include "base/digest.h"
#include "base/memory.h"
#include "reader/reader.h"

FAULT(fault_batch_leaf, FAULT_INPUT, "get-entries.leaf-input", "entry", "RFC 6962 4.6", "leaf_input is not base64",
      "base64 (RFC 4648 4)");
FAULT(fault_raw_entry, FAULT_BUG, "reader.raw-entry", "raw entry", "", "not two vectors", "leaf_input and extra_data");

/* The tree's side of the answer. */
struct growth {
    struct compact_range range; /* since the last cut */
    uint32_t next_cut;
};

static void put_nodes(struct reader_answer *answer, const struct compact_range *range) {
    for (uint32_t i = 0; i < range->count; i++) {
        struct reader_node *node = &answer->nodes[answer->node_count++];
        unsigned height;
        compact_range_node(range, i, &node->begin, &height);
        node->height = height;
        node->hash = range->hashes[i];
    }
}

/* Is there room for one more leaf whatever it joins? */
static bool has_room(const struct reader_answer *answer, const struct growth *growth) {
    return answer->node_count + growth->range.count < READER_NODES_MAX;
}

static result grow(struct reader *reader, struct growth *growth, const struct hash *leaf) {
    const struct reader_request *request = reader->request;
    bool is_cut = growth->next_cut < request->cut_count && growth->range.end == request->cuts[growth->next_cut];
    if (is_cut || ((request->flags & READER_FLAG_NODES_PER_LEAF) != 0 && growth->range.count > 0)) {
        uint64_t end = growth->range.end;
        put_nodes(&reader->answer, &growth->range);
        compact_range_init(&growth->range, end);
        growth->next_cut += is_cut ? 1 : 0;
    }
    TRY(compact_range_append_leaf(&growth->range, leaf));
    reader->answer.entry_count++;
    reader->answer.last_leaf = *leaf;
    return OK;
}

/* A body that is being read entry by entry. */
struct source {
    struct cursor tile;
    size_t next; /* in reader->list */
    bool is_list;
};

static result source_open(struct reader *reader, struct source *ret_source) {
    *ret_source = (struct source){.tile = cursor_of(reader->plain),
                                  .is_list = reader->request->task == READER_GET_ENTRIES};
    return ret_source->is_list ? get_entries_read(&reader->list, reader->plain) : OK;
}

static bool source_is_at_end(const struct reader *reader, const struct source *source) {
    return source->is_list ? source->next >= reader->list.count : cursor_at_end(&source->tile);
}

/* The leaf_input's bytes. A text with escapes makes Jansson read the body again, once. */
static result decode_leaf(struct reader *reader, struct source *source, struct entry *entry) {
    const struct get_entries_item *item = &reader->list.items[source->next];
    if (decode_base64(item->leaf_input, &reader->leaf_bytes) != OK) {
        if (reader->list.tree != NULL || !get_entries_is_escaped(item->leaf_input))
            return &fault_batch_leaf;
        TRY(get_entries_read_slowly(&reader->list, reader->plain));
        if (source->next >= reader->list.count)
            return &fault_get_entries_shape;
        item = &reader->list.items[source->next];
        if (decode_base64(item->leaf_input, &reader->leaf_bytes) != OK)
            return &fault_batch_leaf;
    }
    entry->position = source->next;
    entry->extra_text = item->extra_data;
    entry->raw = buffer_span(&reader->leaf_bytes);
    return OK;
}

static void parse_leaf_input(struct entry *entry) {
    entry->fault = leaf_parse(entry->raw, &entry->leaf);
    if (entry->fault == OK)
        leaf_hash(&entry->leaf, &entry->hash);
    else
        merkle_leaf_hash(entry->raw, &entry->hash);
}

static result take_raw_entry(struct source *source, struct entry *entry) {
    struct span extra_data;
    if (!cursor_vector(&source->tile, 3, &entry->raw) || !cursor_vector(&source->tile, 3, &extra_data) ||
        !cursor_at_end(&source->tile))
        return &fault_raw_entry;
    parse_leaf_input(entry);
    if (entry->fault == OK && extra_data.size > 0 && leaf_add_extra_data(extra_data, &entry->leaf) != OK)
        entry->leaf.chain = span_of(NULL, 0); /* outside the Merkle tree: does not make the entry unreadable */
    return OK;
}

/* The next entry; one before wanted_begin is taken apart no further than its frame. */
static result source_take(struct reader *reader, struct source *source, bool is_skipped, struct entry *entry) {
    entry->fault = OK;
    entry->extra_text = span_of(NULL, 0);
    if (reader->request->task == READER_RAW_ENTRY)
        return take_raw_entry(source, entry);
    if (source->is_list) {
        if (!is_skipped) {
            TRY(decode_leaf(reader, source, entry));
            parse_leaf_input(entry);
        }
        source->next++;
        return OK;
    }
    size_t before = source->tile.position;
    TRY(leaf_next_in_tile(&source->tile, &entry->leaf));
    entry->raw = span_of(reader->plain.bytes + before, source->tile.position - before);
    if (!is_skipped)
        leaf_hash(&entry->leaf, &entry->hash);
    return OK;
}

#ifdef PINWATCH_TEST_CLOCK
#define LEAK_SIZE ((size_t) 4 * 1024 * 1024)

static void leak(void) {
    static volatile uint8_t *lost;
    lost = memory_new(LEAK_SIZE);
    for (size_t i = 0; lost != NULL && i < LEAK_SIZE; i += 4096)
        lost[i] = 1;
}
#endif

/* Builds for tests of the whole service have certificates that do a reader in, or make it larger for good. */
static void obey_test_marker(const struct entry *entry) {
#ifdef PINWATCH_TEST_CLOCK
    static const char leaking[] = "pinwatch-test-leak";
    if (memmem(entry->raw.bytes, entry->raw.size, leaking, sizeof leaking - 1) != NULL)
        leak();
    static const char crash[] = "pinwatch-test-crash", hang[] = "pinwatch-test-hang", slow[] = "pinwatch-test-slow";
    if (memmem(entry->raw.bytes, entry->raw.size, crash, sizeof crash - 1) != NULL)
        __builtin_trap();
    if (memmem(entry->raw.bytes, entry->raw.size, hang, sizeof hang - 1) != NULL)
        for (volatile bool is_forever = true; is_forever;)
            ;
    if (memmem(entry->raw.bytes, entry->raw.size, slow, sizeof slow - 1) != NULL)
        for (volatile uint64_t left = UINT64_C(1) << 32; left > 0; left--)
            ;
#else
    (void) entry;
#endif
}

static result read_entries(struct reader *reader, struct source *source, struct growth *growth, struct reason *reason) {
    const struct reader_request *request = reader->request;
    struct entry entry;
    for (uint64_t index = request->first_index; index < request->wanted_end && !source_is_at_end(reader, source); index++) {
        bool is_skipped = index < request->wanted_begin;
        result outcome = source_take(reader, source, is_skipped, &entry);
        if (outcome != OK) {
            struct reason words;
            reason_of_fault(outcome, &words);
            return reason_set(reason, outcome, "entry %llu: %.200s", (unsigned long long) index, words.text);
        }
        if (is_skipped)
            continue;
        if (!has_room(&reader->answer, growth))
            break;
        entry.index = index;
        obey_test_marker(&entry);
        TRY(grow(reader, growth, &entry.hash));
        entry_examine(reader, &entry);
    }
    return OK;
}

result batch_read(struct reader *reader, struct reason *reason) {
    struct source source;
    struct growth growth = {.next_cut = 0};
    compact_range_init(&growth.range, reader->request->wanted_begin);
    TRY(source_open(reader, &source));
    result outcome = read_entries(reader, &source, &growth, reason);
    put_nodes(&reader->answer, &growth.range);
    return outcome;
}
