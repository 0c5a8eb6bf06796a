/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Arguments become values, see arguments.c. */

#ifndef SYSVIRT_ARGUMENTS_H
#define SYSVIRT_ARGUMENTS_H

#include "context.h"

void sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool copy);

/* The package that a class method was called on, by name or by an object; an invocant's value carries it. */
static inline HV *sysvirt_invocant_stash(pTHX_ SV *sv) {
    return sv_isobject(sv) ? SvSTASH(SvRV(sv)) : gv_stashsv(sv, GV_ADD);
}

#endif
