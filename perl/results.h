/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Values become results, see results.c. */

#ifndef SYSVIRT_RESULTS_H
#define SYSVIRT_RESULTS_H

#include "context.h"

SV *sysvirt_signed(pTHX_ int64_t number);
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash);
SV *sysvirt_build_element(pTHX_ my_cxt_t *cxt, sysvirt_Value *list, size_t index);
void sysvirt_build_elements(pTHX_ my_cxt_t *cxt, sysvirt_Value *list, SV **place);
AV *sysvirt_build_array(pTHX_ my_cxt_t *cxt, sysvirt_Value *list);

/* Whether a result is a list, of whatever kind. */
static inline bool sysvirt_is_list(const sysvirt_Value *result) {
    return result->tag >= SYSVIRT_TAG_LIST && result->tag <= SYSVIRT_TAG_ROWS;
}

#endif
