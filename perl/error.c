/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Exceptions for libvirt errors. Their hash has the four keys of the original; further details are in magic of the hash,
 * which costs little to make, and which no dump, comparison or copy of the hash shows. */

#include "error.h"
#include "results.h"
#include "sub.h"

/* The magic's details are behind it in the same allocation: this, then what Rust packed, without the message, then the name of the
 * script's file, if it is known. */
typedef struct {
    size_t length; /* of all details */
    size_t file;   /* where its name begins; 0: there is none */
    line_t line;
    sysvirt_ErrorHead head;
} details;

#ifdef USE_ITHREADS
/* A thread's copy of an exception has a copy of the details, which perl then owns (mg_len). */
static int details_dup(pTHX_ MAGIC *magic, CLONE_PARAMS *params) {
    PERL_UNUSED_ARG(params);
    if (magic->mg_len == 0) {
        const size_t length = ((const details *)(const void *)magic->mg_ptr)->length;
        magic->mg_ptr = savepvn(magic->mg_ptr, length);
        magic->mg_len = (SSize_t)length;
    }
    return 0;
}
#endif

static const MGVTBL details_table = {
#ifdef USE_ITHREADS
    .svt_dup = details_dup,
#endif
    .svt_local = sysvirt_magic_local,
};

/* Whether a package is one of those that call methods for a script. */
static bool is_ours(pTHX_ const HV *stash) {
    static const char *const packages[] = {"Async", "Console", "Ensure", "Future", "Reconnect", "Stream::", "Wait"};
    const char *name = stash ? HvNAME(stash) : NULL;
    size_t index;
    if (!name || name[0] != 'S' || strnNE(name, "Sys::Virt::", 11))
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

SV *sysvirt_error_new(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, const char *file, line_t line) {
    SV *error = sysvirt_build(aTHX_ cxt, value, NULL);
    if (value->tag == SYSVIRT_TAG_ERROR) {
        const size_t name = file ? strlen(file) + 1 : 0;
        details of = {.line = line};
        size_t packed;
        MAGIC *magic;
        Copy(value->data.text, &of.head, sizeof of.head, char);
        packed = of.head.message - sizeof of.head;
        of.length = sizeof of + packed + name;
        of.file = file ? of.length - name : 0;
        magic = private_magic_with_room(aTHX_ SvRV(error), &details_table, of.length);
        magic->mg_flags = MGf_DUP | MGf_LOCAL;
        Copy(&of, magic->mg_ptr, sizeof of, char);
        Copy(value->data.text + sizeof of.head, magic->mg_ptr + sizeof of, packed, char);
        Copy(file, magic->mg_ptr + of.length - name, name, char);
    }
    return error;
}

/* The string with this number, NULL if there is none. */
static const char *string(const details *of, int wanted) {
    const char *at = (const char *)(of + 1);
    int index;
    if (!(of->head.strings >> wanted & 1))
        return NULL;
    for (index = 0; index < wanted; index++)
        if (of->head.strings >> index & 1)
            at += strlen(at) + 1;
    return at;
}

/* $error->str1() and the others, by number; undef of an error that no call threw. */
XS_INTERNAL(detail) {
    dXSARGS;
    dXSI32;
    const MAGIC *magic;
    const details *of;
    const char *text = NULL;
    SV *found = NULL;
    if (items < 1)
        croak("Usage: Sys::Virt::Error::%s(error)", GvNAME(CvGV(cv)));
    magic = SvROK(ST(0)) && SvTYPE(SvRV(ST(0))) == SVt_PVHV ? mg_findext(SvRV(ST(0)), PERL_MAGIC_ext, &details_table) : NULL;
    of = magic ? (const details *)(const void *)magic->mg_ptr : NULL;
    if (of && ix < 3)
        text = string(of, ix);
    else if (of && ix == 3)
        text = of->file ? magic->mg_ptr + of->file : NULL;
    else if (of)
        found = ix < 6 ? newSViv(of->head.numbers[ix - 4]) : newSVuv(of->line);
    if (text)
        found = newSVpv(text, 0);
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
