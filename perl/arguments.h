/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The arguments of a call become values, see arguments.c. */

#ifndef SYSVIRT_ARGUMENTS_H
#define SYSVIRT_ARGUMENTS_H

#include "plain.h"

/* The result of decoding. All except the first only if `lenient`, and after a warning. */
typedef enum {
    SYSVIRT_DECODED,
    SYSVIRT_NO_OBJECT,    /* an argument that has to be an object is something else */
    SYSVIRT_NOTHING_TO_DO /* an argument without which the method does nothing is not an array */
} sysvirt_Decoded;

sysvirt_Decoded sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool lenient);

/* Decodes the arguments if all of them are plain. */
static ALWAYS_INLINE bool sysvirt_decode_all_plain(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count,
                                                   sysvirt_Value *out) {
    const sysvirt_Param *param = method->params, *const end = param + method->nparams;
    for (; param < end; param++, out++) {
        if (count-- <= 0) {
            if (param->default_text)
                *out = param->absent;
            else if (!sysvirt_decode_plain_other(aTHX_ &param->field.shape, &PL_sv_undef, out))
                return FALSE;
        } else if (UNLIKELY(!sysvirt_decode_plain(aTHX_ &param->field.shape, *given, out))) {
            return param->field.shape.kind == SYSVIRT_KIND_PAIRS /* the remaining values */
                   && sysvirt_decode_plain_pairs(aTHX_ &param->field.shape, given, count + 1, out);
        } else {
            given++;
        }
    }
    return TRUE;
}

#endif
