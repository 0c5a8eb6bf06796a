/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Exceptions of libvirt's. Their hash has the four keys that it always had; what else they tell is in magic of the hash, which
 * costs little to make, and which no dump, comparison or copy of the hash shows. */

#include "error.h"
#include "results.h"

/* In the magic's string, one after the other: the line, what Rust packed (two numbers, a bit for each of three strings, and those
 * that are not NULL), the file. perl frees the string with the hash, and copies it for a new thread. */
static const MGVTBL details = {0};

enum { INTS = sizeof(line_t), BITS = INTS + 2 * sizeof(int32_t), STRINGS = BITS + 1 };

static bool is_ours(pTHX_ const HV *stash) {
    const char *name = stash ? HvNAME(stash) : NULL;
    return name && (strnEQ(name, "Sys::Virt::Async", 16) || strnEQ(name, "Sys::Virt::Future", 17));
}

COP *sysvirt_position(pTHX) {
    COP *cop = private_position(aTHX), *next;
    I32 level = 0;
    while (cop && is_ours(aTHX_ CopSTASH(cop)) && (next = private_caller(aTHX_ level++)))
        cop = next;
    return cop;
}

SV *sysvirt_error_new(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, const char *file, line_t line) {
    SV *error = sysvirt_build(aTHX_ cxt, value, NULL);
    if (value->tag == SYSVIRT_TAG_MAP && value->len % 2) {
        const sysvirt_Value *text = &value->data.items[value->len - 1], *message = text - 1;
        const size_t packed = text->len - message->len, room = file ? strlen(file) + 1 : 0;
        MAGIC *magic = sv_magicext(SvRV(error), NULL, PERL_MAGIC_ext, &details, NULL, 0);
        magic->mg_len = (SSize_t)(sizeof line + packed + room);
        Newx(magic->mg_ptr, magic->mg_len, char);
        Copy(&line, magic->mg_ptr, sizeof line, char);
        Copy(text->data.text + message->len, magic->mg_ptr + sizeof line, packed, char);
        Copy(file, magic->mg_ptr + sizeof line + packed, room, char);
    }
    return error;
}

static SV *number(pTHX_ const char *at) {
    int32_t value;
    Copy(at, &value, sizeof value, char);
    return newSViv(value);
}

/* The string with this number, NULL if there is none. The file is the fourth. */
static const char *string(const MAGIC *magic, int wanted) {
    const char *at = magic->mg_ptr + STRINGS, *const end = magic->mg_ptr + magic->mg_len;
    const unsigned bits = (unsigned char)magic->mg_ptr[BITS] | 8;
    int index;
    if (!(bits >> wanted & 1))
        return NULL;
    for (index = 0; index < wanted; index++)
        if (bits >> index & 1)
            at += strlen(at) + 1;
    return at < end ? at : NULL;
}

/* $error->str1() and the others, by number; undef of an error that no call threw. */
XS_INTERNAL(detail) {
    dXSARGS;
    dXSI32;
    const MAGIC *magic;
    SV *found = NULL;
    if (items < 1)
        croak("Usage: Sys::Virt::Error::%s(error)", GvNAME(CvGV(cv)));
    magic = SvROK(ST(0)) && SvTYPE(SvRV(ST(0))) == SVt_PVHV ? mg_findext(SvRV(ST(0)), PERL_MAGIC_ext, &details) : NULL;
    if (magic && ix < 4) {
        const char *text = string(magic, ix);
        found = text ? newSVpv(text, 0) : NULL;
    } else if (magic && ix < 6) {
        found = number(aTHX_ magic->mg_ptr + INTS + (ix - 4) * sizeof(int32_t));
    } else if (magic) {
        line_t line;
        Copy(magic->mg_ptr, &line, sizeof line, char);
        found = newSVuv(line);
    }
    ST(0) = found ? sv_2mortal(found) : &PL_sv_undef;
    XSRETURN(1);
}

void sysvirt_error_boot(pTHX) {
    static const char *const names[] = {"str1", "str2", "str3", "file", "int1", "int2", "line"};
    I32 index;
    for (index = 0; index < (I32)C_ARRAY_LENGTH(names); index++) {
        CV *cv = newXS(form("Sys::Virt::Error::%s", names[index]), detail, "perl/error.c");
        CvXSUBANY(cv).any_i32 = index;
    }
}
