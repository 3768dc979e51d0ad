/* One message written twice at once, as plain text and as HTML, so that the two cannot differ. */
#pragma once

#include "base/buffer.h"

#define PAGE_SIZE_MAX (2u << 20) /* each form; never reached, because every row and sentence has a smaller limit */

struct page {
    struct buffer text;
    struct buffer html;
};

struct page page_new(void);
void page_done(struct page *page);
/* All texts given to these are harmless already (text_add_harmless) and UTF-8; HTML is escaped here. */
void page_begin(struct page *page, const char *title);
void page_paragraph(struct page *page, const char *text);
void page_heading(struct page *page, const char *text);
void page_rows_begin(struct page *page);
void page_row(struct page *page, const char *label, const char *value);
void page_rows_end(struct page *page);
void page_steps_begin(struct page *page);
void page_step(struct page *page, unsigned number, const char *text);
void page_steps_end(struct page *page);
void page_end(struct page *page);

/* Appends `text` with & < > " ' as character references. */
bool html_add_escaped(struct buffer *html, struct span text);
