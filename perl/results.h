/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Values become results, see results.c. */

#ifndef SYSVIRT_RESULTS_H
#define SYSVIRT_RESULTS_H

#include "context.h"

SV *sysvirt_signed(pTHX_ int64_t number);
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash);

#endif
