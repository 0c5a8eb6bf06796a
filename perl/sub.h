/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Binding subs. */

#ifndef SYSVIRT_SUB_H
#define SYSVIRT_SUB_H

#include "context.h"

/* The file name that all subs report. */
#define SUB_FILE "perl/boot.c"

/* A sub in the stash, whose full name is package::name. */
static inline CV *sysvirt_new_sub(pTHX_ HV *stash, const char *name, size_t length, XSUBADDR_t code, const char *prototype) {
    CV *cv = private_new_xsub(aTHX_ stash, name, (U32)length, code, SUB_FILE, prototype);
    return cv ? cv : newXS_flags(form("%s::%s", HvNAME(stash), name), code, SUB_FILE, prototype, 0);
}

#endif
