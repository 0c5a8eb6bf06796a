/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Single scalars become values, see scalar.c. */

#ifndef SYSVIRT_SCALAR_H
#define SYSVIRT_SCALAR_H

#include "context.h"

static inline void sysvirt_set_text(sysvirt_Value *out, sysvirt_Tag tag, const char *text, STRLEN length, bool utf8) {
    out->tag = tag;
    out->utf8 = utf8;
    out->len = length;
    out->data.text = text;
}

void sysvirt_bad(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, const char *why);
void *sysvirt_scratch(pTHX_ size_t size);
SV *sysvirt_wiped(pTHX_ SV *copy);
void sysvirt_copy_text(pTHX_ const char *text, STRLEN length, bool utf8, sysvirt_Value *out);
void sysvirt_decode_float(NV number, sysvirt_Value *out);
void sysvirt_decode_integer(pTHX_ SV *sv, sysvirt_Value *out);

#endif
