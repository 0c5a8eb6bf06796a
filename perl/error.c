/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Exceptions for libvirt errors. Their hash has the four keys of the original; further details are in magic of the hash,
 * which costs little to make, and which no dump, comparison or copy of the hash shows. */

#include "error.h"
#include "results.h"
#include "sub.h"

/* The magic's pointer is to a buffer that Rust made and frees: how long it is, the line, what Rust packed (two numbers, a bit for
 * each of three strings, and those that are not NULL), the message. Its object is the file's name, which exceptions share. */
enum {
    LINE = sizeof(size_t),
    INTS = sysvirt_DETAILS_ROOM,
    BITS = INTS + 2 * sizeof(int32_t),
    STRINGS = BITS + 1,
};

typedef char sysvirt_details_fit[sizeof(size_t) + sizeof(line_t) <= sysvirt_DETAILS_ROOM ? 1 : -1];

static size_t length_of(const MAGIC *magic) {
    size_t length;
    Copy(magic->mg_ptr, &length, sizeof length, char);
    return length;
}

static int details_free(pTHX_ SV *sv, MAGIC *magic) {
    sysvirt_Value text;
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(sv);
    Zero(&text, 1, sysvirt_Value);
    text.tag = SYSVIRT_TAG_BYTES;
    text.storage = SYSVIRT_STORAGE_BOXED;
    text.len = length_of(magic);
    text.data.text = magic->mg_ptr;
    magic->mg_ptr = NULL;
    sysvirt_drop(&text);
    return 0;
}

#ifdef USE_ITHREADS
static int details_dup(pTHX_ MAGIC *magic, CLONE_PARAMS *params) {
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(params);
    magic->mg_ptr = (char *)PTR2UV(sysvirt_copy_bytes(magic->mg_ptr, length_of(magic)));
    return 0;
}
#endif

static const MGVTBL details = {
    .svt_free = details_free,
#ifdef USE_ITHREADS
    .svt_dup = details_dup,
#endif
};

/* Whether a package is one of those that call methods for a script. */
static bool is_ours(pTHX_ const HV *stash) {
    static const char *const packages[] = {"Async", "Console", "Ensure", "Future", "Reconnect", "Stream::", "Wait"};
    const char *name = stash ? HvNAME(stash) : NULL;
    size_t index;
    if (!name || strnNE(name, "Sys::Virt::", 11))
        return FALSE;
    for (index = 0; index < C_ARRAY_LENGTH(packages); index++)
        if (strnEQ(name + 11, packages[index], strlen(packages[index])))
            return TRUE;
    return FALSE;
}

COP *sysvirt_position(pTHX) {
    COP *cop = private_position(aTHX), *next;
    I32 level = 0;
    while (cop && is_ours(aTHX_ CopSTASH(cop)) && (next = private_caller(aTHX_ level++)))
        cop = next;
    return cop;
}

static SV *file_scalar(pTHX_ my_cxt_t *cxt, const char *file) {
    if (!cxt->file || strNE(SvPVX(cxt->file), file)) {
        SvREFCNT_dec(cxt->file);
        cxt->file = newSVpv(file, 0);
    }
    return SvREFCNT_inc_simple_NN(cxt->file);
}

SV *sysvirt_error_new(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, const char *file, line_t line) {
    SV *error = sysvirt_build(aTHX_ cxt, value, NULL);
    if (value->tag == SYSVIRT_TAG_MAP && value->len % 2) {
        sysvirt_Value *text = &value->data.items[value->len - 1];
        MAGIC *magic = private_magic(aTHX_ SvRV(error), &details, (void *)PTR2UV(text->data.text));
        text->storage = SYSVIRT_STORAGE_BORROWED; /* from now on it is the magic's */
        Copy(&text->len, magic->mg_ptr, sizeof text->len, char);
        Copy(&line, magic->mg_ptr + LINE, sizeof line, char);
        magic->mg_flags |= MGf_DUP;
        if (file) {
            magic->mg_obj = file_scalar(aTHX_ cxt, file);
            magic->mg_flags |= MGf_REFCOUNTED;
        }
    }
    return error;
}

static SV *number(pTHX_ const char *at) {
    int32_t value;
    Copy(at, &value, sizeof value, char);
    return newSViv(value);
}

/* The string with this number, NULL if there is none. */
static const char *string(const MAGIC *magic, int wanted) {
    const char *at = magic->mg_ptr + STRINGS;
    const unsigned bits = (unsigned char)magic->mg_ptr[BITS];
    int index;
    if (!(bits >> wanted & 1))
        return NULL;
    for (index = 0; index < wanted; index++)
        if (bits >> index & 1)
            at += strlen(at) + 1;
    return at;
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
    if (magic && ix < 3) {
        const char *text = string(magic, ix);
        found = text ? newSVpv(text, 0) : NULL;
    } else if (magic && ix == 3) {
        found = magic->mg_obj ? newSVsv(magic->mg_obj) : NULL;
    } else if (magic && ix < 6) {
        found = number(aTHX_ magic->mg_ptr + INTS + (ix - 4) * sizeof(int32_t));
    } else if (magic) {
        line_t line;
        Copy(magic->mg_ptr + LINE, &line, sizeof line, char);
        found = newSVuv(line);
    }
    ST(0) = found ? sv_2mortal(found) : &PL_sv_undef;
    XSRETURN(1);
}

/* $error->level() and the other keys of the hash. */
XS_INTERNAL(key) {
    dXSARGS;
    const char *name = GvNAME(CvGV(cv));
    SV **found;
    if (items < 1)
        croak("Usage: Sys::Virt::Error::%s(error)", name);
    if (!SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV)
        croak("Not a HASH reference");
    found = hv_fetch((HV *)SvRV(ST(0)), name, (I32)strlen(name), 0);
    ST(0) = found ? sv_mortalcopy(*found) : &PL_sv_undef;
    XSRETURN(1);
}

static void append_key(pTHX_ SV *text, HV *error, const char *name) {
    SV **found = hv_fetch(error, name, (I32)strlen(name), 0);
    sv_catsv(text, found ? *found : &PL_sv_undef);
}

/* The error as a string. */
XS_INTERNAL(stringify) {
    dXSARGS;
    SV *text = sv_2mortal(newSVpvs("libvirt error code: "));
    PERL_UNUSED_VAR(cv);
    if (items < 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV)
        croak("Not a HASH reference");
    append_key(aTHX_ text, (HV *)SvRV(ST(0)), "code");
    sv_catpvs(text, ", message: ");
    append_key(aTHX_ text, (HV *)SvRV(ST(0)), "message");
    if (!SvCUR(text) || SvPVX(text)[SvCUR(text) - 1] != '\n')
        sv_catpvs(text, "\n");
    ST(0) = text;
    XSRETURN(1);
}

/* The first value of get_job_stats: a number, as the manual says, that can also be dereferenced, as in the original. */
XS_INTERNAL(job_type) {
    dXSARGS;
    PERL_UNUSED_VAR(cv);
    if (items < 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) >= SVt_PVAV)
        croak("Not a SCALAR reference");
    ST(0) = sv_mortalcopy(SvRV(ST(0)));
    XSRETURN(1);
}

XS_INTERNAL(nothing) {
    dXSARGS;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    XSRETURN_EMPTY;
}

static void new_sub(pTHX_ HV *stash, const char *name, XSUBADDR_t code, I32 index) {
    CV *cv = sysvirt_new_sub(aTHX_ stash, name, strlen(name), code, NULL);
    CvXSUBANY(cv).any_i32 = index;
}

/* Does the same as overload.pm (perlxs, OVERLOAD): loading that takes as long as loading all our classes. Other operators fall back
 * on those that are there. */
static void overload(pTHX_ HV *stash) {
    new_sub(aTHX_ stash, "((", nothing, 0);
    new_sub(aTHX_ stash, "()", nothing, 0);
    sv_setiv(get_sv(form("%s::()", HvNAME(stash)), GV_ADD), 1);
}

void sysvirt_error_boot(pTHX_ const my_cxt_t *cxt) {
    static const char *const keys[] = {"level", "code", "domain", "message"};
    static const char *const names[] = {"str1", "str2", "str3", "file", "int1", "int2", "line"};
    static const char *const operators[] = {"(0+", "(\"\"", "(bool"};
    HV *const error = cxt->stash[SYSVIRT_CLASS_ERROR], *const type = cxt->stash[SYSVIRT_CLASS_JOB_TYPE];
    I32 index;
    for (index = 0; index < (I32)C_ARRAY_LENGTH(keys); index++)
        new_sub(aTHX_ error, keys[index], key, 0);
    for (index = 0; index < (I32)C_ARRAY_LENGTH(names); index++)
        new_sub(aTHX_ error, names[index], detail, index);
    new_sub(aTHX_ error, "stringify", stringify, 0);
    new_sub(aTHX_ error, "(\"\"", stringify, 0);
    overload(aTHX_ error);
    for (index = 0; index < (I32)C_ARRAY_LENGTH(operators); index++)
        new_sub(aTHX_ type, operators[index], job_type, 0);
    overload(aTHX_ type);
}
