/* The facts of an alert, one labelled row each. */
#pragma once

#include "wording/alert.h"
#include "wording/page.h"

/* Writes a row for every known field that the alert's body has; missing ones are left out. Long lists are cut and counted. */
void evidence_add(struct page *page, const struct alert *alert);
