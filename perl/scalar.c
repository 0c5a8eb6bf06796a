/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Single scalars become values: what arguments and the elements of hashes and arrays share. */

#include "scalar.h"

/* The parameter's name without the ending that says that it is an SV. */
static int shown_length(const char *name) {
    static const char *const endings[] = {"_sv", "sv", "SV", "Sv"};
    int length = (int)strlen(name), index;
    for (index = 0; index < 4; index++) {
        int ending = (int)strlen(endings[index]);
        if (length > ending && strEQ(name + length - ending, endings[index]))
            return length - ending;
    }
    return length;
}

void sysvirt_bad(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, const char *why) {
    croak("%s: %.*s %s", method->name, shown_length(param->name), param->name, why);
}

void *sysvirt_scratch(pTHX_ size_t size) {
    return SvPVX(sv_2mortal(newSV(size ? size : 1)));
}

static int wipe(pTHX_ SV *sv, MAGIC *magic) {
    volatile char *at = SvPVX(sv), *const end = at + SvLEN(sv);
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(magic);
    while (at < end)
        *at++ = 0;
    return 0;
}

/* A copy that may be one of a secret: it is overwritten before its memory is anybody else's. */
SV *sysvirt_wiped(pTHX_ SV *copy) {
    static const MGVTBL table = {.svt_free = wipe};
    sv_magicext(copy, NULL, PERL_MAGIC_ext, &table, NULL, 0);
    return copy;
}

void sysvirt_decode_float(NV number, sysvirt_Value *out) {
    out->tag = SYSVIRT_TAG_FLOAT;
    out->data.real = (double)number;
}

void sysvirt_decode_integer(pTHX_ SV *sv, sysvirt_Value *out) {
    if (SvIsUV(sv)) {
        out->tag = SYSVIRT_TAG_UINT;
        out->data.natural = SvUVX(sv);
    } else {
        out->tag = SYSVIRT_TAG_INT;
        out->data.integer = SvIVX(sv);
    }
}

/* A copy of a string, so that nothing the script does meanwhile can move it; overwritten when it goes. */
void sysvirt_copy_text(pTHX_ const char *text, STRLEN length, bool utf8, sysvirt_Value *out) {
    char *copy = SvPVX(sysvirt_wiped(aTHX_ sv_2mortal(newSV(length + 1))));
    Copy(text, copy, length, char);
    copy[length] = '\0';
    sysvirt_set_text(out, SYSVIRT_TAG_TEXT, copy, length, utf8);
}
