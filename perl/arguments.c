/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Arguments become values. This is where Perl code may run (ties, overloading, warning handlers) and where
 * bad arguments die; Rust has not been entered yet. Whatever a value points to lives in the argument itself or in a
 * mortal, so that dying leaks nothing. */

#include "arguments.h"
#include "handle.h"
#include "scalar.h"
#include "structure.h"

/* Whether the argument is anything but a plain value of the kind that the parameter wants, so that looking at it, or the
 * method, may run Perl code, which might change any argument: then all of them are copied first. */
static bool needs_copy(pTHX_ const sysvirt_Param *param, SV *sv) {
    if (SvGMAGICAL(sv))
        return TRUE;
    switch (param->kind) {
    case SYSVIRT_KIND_HANDLE:
    case SYSVIRT_KIND_HANDLE_OR_NULL:
    case SYSVIRT_KIND_INVOCANT:
    case SYSVIRT_KIND_VARIABLE:
        return FALSE;
    case SYSVIRT_KIND_CODE: /* which may run meanwhile */
        return TRUE;
    case SYSVIRT_KIND_NUMBER:
        return !SvIOK(sv);
    case SYSVIRT_KIND_TEXT:
    case SYSVIRT_KIND_BYTES:
        return !SvPOK(sv);
    case SYSVIRT_KIND_TEXT_OR_NULL:
    case SYSVIRT_KIND_PATH_OR_NULL:
    case SYSVIRT_KIND_BYTES_OR_NULL:
        return SvOK(sv) && !SvPOK(sv);
    case SYSVIRT_KIND_HASH:
        return !sysvirt_is_plain_hash(aTHX_ sv);
    default:
        return SvOK(sv);
    }
}

/* Perl's own conversion, with its warnings; what does not fit an integer stays a float for Rust to refuse. */
static void decode_number(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    if (SvROK(sv)) {
        SV *number = private_overloads(aTHX_ sv) ? private_overloaded_number(aTHX_ sv) : NULL;
        if (!number || SvROK(number))
            sysvirt_bad(aTHX_ method, param, "is a reference, not a number");
        sv = number;
    }
    if (SvIOK(sv)) {
        sysvirt_decode_integer(aTHX_ sv, out);
    } else if (SvNOK(sv)) {
        sysvirt_decode_float(SvNVX(sv), out);
    } else if (SvPOK(sv)) {
        UV unsigned_;
        int type = grok_number(SvPVX_const(sv), SvCUR(sv), &unsigned_);
        if (type == IS_NUMBER_IN_UV) {
            out->tag = SYSVIRT_TAG_UINT;
            out->data.natural = unsigned_;
        } else if (type == (IS_NUMBER_IN_UV | IS_NUMBER_NEG) && unsigned_ <= (UV)IV_MAX) {
            out->tag = SYSVIRT_TAG_INT;
            out->data.integer = -(IV)unsigned_;
        } else {
            sysvirt_decode_float(SvNV_nomg(sv), out);
        }
    } else {
        out->tag = SYSVIRT_TAG_INT;
        out->data.integer = SvIV_nomg(sv);
    }
}

/* A copy of the string that an overloaded object stands for, which may be a variable of the script's. */
static SV *own_string(pTHX_ SV *sv) {
    STRLEN length;
    const char *text = SvPV_nomg_const(sv, length);
    return newSVpvn_flags(text, length, SVs_TEMP | SvUTF8(sv));
}

/* Kept until the script's statement is over, whatever Perl code does to the variable that holds it. */
static SV *kept(pTHX_ SV *sv) { return sv_2mortal(SvREFCNT_inc_simple_NN(sv)); }

static bool has_high_bytes(const char *text, STRLEN length) {
    const U8 *at = (const U8 *)text, *end = at + length;
    for (; at < end; at++)
        if (*at & 0x80)
            return TRUE;
    return FALSE;
}

static void decode_text(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    STRLEN length;
    const char *text;
    if (SvROK(sv) && !private_overloads(aTHX_ sv))
        sysvirt_bad(aTHX_ method, param, "is a reference, not a string");
    if (SvROK(sv))
        sv = own_string(aTHX_ sv);
    text = SvPV_nomg_const(sv, length);
    if (memchr(text, '\0', length))
        sysvirt_bad(aTHX_ method, param, "holds a NUL character");
    /* Characters 128 to 255 of a string that is not already UTF-8: libvirt wants the same characters encoded. */
    if (param->kind != SYSVIRT_KIND_PATH_OR_NULL && !SvUTF8(sv) && has_high_bytes(text, length)
        && !is_utf8_string((const U8 *)text, length)) {
        SV *encoded = newSVpvn_flags(text, length, SVs_TEMP);
        text = SvPVutf8(encoded, length);
    }
    sysvirt_set_text(out, SYSVIRT_TAG_TEXT, text, length, FALSE);
}

static void decode_bytes(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    STRLEN length;
    const char *bytes;
    if (SvROK(sv) && !private_overloads(aTHX_ sv))
        sysvirt_bad(aTHX_ method, param, "is a reference, not a string");
    if (SvROK(sv))
        sv = own_string(aTHX_ sv);
    bytes = SvPV_nomg_const(sv, length);
    if (SvUTF8(sv)) {
        SV *downgraded = sysvirt_wiped(aTHX_ newSVpvn_flags(bytes, length, SVs_TEMP | SVf_UTF8));
        if (!sv_utf8_downgrade(downgraded, TRUE))
            sysvirt_bad(aTHX_ method, param, "holds a wide character");
        bytes = SvPV_const(downgraded, length);
    }
    sysvirt_set_text(out, SYSVIRT_TAG_BYTES, bytes, length, FALSE);
}

static void decode_handle(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    const MAGIC *magic = sysvirt_handle_magic(sv);
    if (!magic || (sysvirt_Class)sysvirt_handle_class(magic) != param->class_) {
        if (!sv_isobject(sv) || SvTYPE(SvRV(sv)) != SVt_PVMG)
            croak("%s() -- %s is not a blessed SV reference", method->name, param->name);
        croak("%s() -- %s is not a %s object", method->name, param->name, sysvirt_package(param->class_));
    }
    out->tag = SYSVIRT_TAG_HANDLE;
    out->class_ = param->class_;
    out->data.pointer = magic->mg_ptr;
    out->len = PTR2UV(sv);
}

static void decode_code(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    CV *cv = NULL;
    if (SvROK(sv) && (SvTYPE(SvRV(sv)) == SVt_PVCV || private_overloads(aTHX_ sv))) {
        HV *stash;
        GV *gv;
        cv = sv_2cv(sv, &stash, &gv, 0);
    } else if (SvPOK(sv)) {
        cv = get_cv(SvPV_nolen(sv), 0); /* a sub's name, as call_sv takes it */
    }
    if (!cv)
        sysvirt_bad(aTHX_ method, param, "is not a CODE reference");
    out->tag = SYSVIRT_TAG_CODE;
    out->data.pointer = cv;
}

/* One argument, which is not magical any more, according to its parameter. `out` is all zeros: undef. */
static void decode(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    sysvirt_structure of = {method, param, 0, 0};
    switch (param->kind) {
    case SYSVIRT_KIND_NUMBER:
        decode_number(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_TEXT_OR_NULL:
    case SYSVIRT_KIND_PATH_OR_NULL:
        if (!SvOK(sv))
            break;
        /* FALLTHROUGH */
    case SYSVIRT_KIND_TEXT:
        decode_text(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_BYTES_OR_NULL:
        if (!SvOK(sv))
            break;
        /* FALLTHROUGH */
    case SYSVIRT_KIND_BYTES:
        decode_bytes(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_HANDLE_OR_NULL:
        if (!SvROK(sv))
            break;
        /* FALLTHROUGH */
    case SYSVIRT_KIND_HANDLE:
        decode_handle(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_HASH:
        sysvirt_decode_container(aTHX_ &of, sv, out, SVt_PVHV, "is not a HASH reference");
        break;
    case SYSVIRT_KIND_ARRAY_OR_NULL:
        if (!SvOK(sv))
            break;
        /* FALLTHROUGH */
    case SYSVIRT_KIND_ARRAY:
        sysvirt_decode_container(aTHX_ &of, sv, out, SVt_PVAV, "is not an ARRAY reference");
        break;
    case SYSVIRT_KIND_CODE:
        decode_code(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_ANY:
        sysvirt_decode_tree(aTHX_ &of, sv, out);
        break;
    case SYSVIRT_KIND_INVOCANT:
        out->data.pointer = sysvirt_invocant_stash(aTHX_ sv);
        break;
    case SYSVIRT_KIND_VARIABLE: /* rather now than when there is something to lose */
        if (isGV_with_GP(sv) && !SvFAKE(sv))
            sysvirt_bad(aTHX_ method, param, "is a glob, not a variable");
        if (SvREADONLY(sv))
            croak("Modification of a read-only value attempted"); /* perl's own words */
        break;
    default:
        break;
    }
}

/* A handle that Perl code closed after it had been decoded is closed. */
static void look_again(sysvirt_Value *values, size_t count) {
    size_t index;
    for (index = 0; index < count; index++) {
        sysvirt_Value *value = &values[index];
        if (value->tag == SYSVIRT_TAG_HANDLE)
            value->data.pointer = sysvirt_handle_magic((SV *)(uintptr_t)value->len)->mg_ptr;
        else if (value->tag == SYSVIRT_TAG_ARRAY || value->tag == SYSVIRT_TAG_MAP || value->tag == SYSVIRT_TAG_REF)
            look_again(value->data.items, value->len);
    }
}

/* Decodes all arguments of a call into `args`, one for each parameter of the method, with all that perl's values can be:
 * magic, overloading, other types. `copy`: something may change them while they are in use. */
void sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool copy) {
    const SSize_t nparams = (SSize_t)method->nparams;
    SSize_t index;
    if (nparams && method->params[nparams - 1].kind == SYSVIRT_KIND_PAIRS)
        copy = TRUE;
    for (index = 0; index < nparams && index < count && !copy; index++)
        copy = needs_copy(aTHX_ &method->params[index], given[index]);
    for (index = 0; index < count && copy; index++)
        kept(aTHX_ given[index]); /* perl's stack holds no references */
    for (index = 0; index < nparams; index++) {
        sysvirt_Value *out = &args[index];
        const sysvirt_Param *param = &method->params[index];
        Zero(out, 1, sysvirt_Value);
        if (param->kind == SYSVIRT_KIND_PAIRS) {
            sysvirt_structure of = {method, param, 0, 0};
            if (count > index)
                sysvirt_decode_pairs(aTHX_ &of, &given[index], count - index, out);
        } else if (index < count) {
            SV *sv = given[index];
            if (copy && param->kind != SYSVIRT_KIND_VARIABLE)
                sv = sv_mortalcopy(sv);
            if (!copy && param->kind == SYSVIRT_KIND_HASH)
                sysvirt_decode_plain_hash(aTHX_ (HV *)SvRV(sv), out);
            else
                decode(aTHX_ method, param, sv, out);
        } else if (!param->default_text) {
            decode(aTHX_ method, param, &PL_sv_undef, out); /* a sub's argument that was left out */
        } else {
            *out = param->absent;
        }
    }
    if (copy)
        look_again(args, method->nparams);
}
