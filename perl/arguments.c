/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Arguments become values. This is where Perl code may run (ties, overloading, warning handlers) and where
 * bad arguments die; Rust has not been entered yet. Whatever a value points to lives in the argument itself or in a
 * mortal, so that dying leaks nothing. */

#include "arguments.h"
#include "handle.h"

#define DEPTH_MAX 16
#define ELEMENTS_MAX (1 << 20) /* of one argument; what holds a container twice decodes it twice */

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

static void bad(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, const char *why) {
    croak("%s: %.*s %s", method->name, shown_length(param->name), param->name, why);
}

/* Whether the reference is to an object with overloaded operators. The flag that SvAMAGIC looks at is only a
 * suspicion until perl has looked for the operators. */
static bool overloads(pTHX_ SV *sv) {
    return SvAMAGIC(sv) && Gv_AMG(SvSTASH(SvRV(sv)));
}

static void set_text(sysvirt_Value *out, sysvirt_Tag tag, const char *text, STRLEN length, bool utf8) {
    out->tag = tag;
    out->utf8 = utf8;
    out->len = length;
    out->data.text = text;
}

static void *scratch(pTHX_ size_t size) {
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
static SV *wiped(pTHX_ SV *copy) {
    static MGVTBL table = {NULL, NULL, NULL, NULL, wipe, NULL, NULL, NULL};
    sv_magicext(copy, NULL, PERL_MAGIC_ext, &table, NULL, 0);
    return copy;
}

/* A string or a number, which can be looked at without running Perl code. */
static bool is_plain(SV *sv) {
    return !SvGMAGICAL(sv) && !SvROK(sv) && (SvPOK(sv) || SvIOK(sv) || SvNOK(sv));
}

/* Whether the argument is a reference to a hash of nothing but plain values. */
static bool is_plain_hash(pTHX_ SV *sv) {
    HV *hash;
    HE *entry;
    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != SVt_PVHV || SvMAGICAL(SvRV(sv)))
        return FALSE;
    hash = (HV *)SvRV(sv);
    hv_iterinit(hash);
    while ((entry = hv_iternext(hash)))
        if (!is_plain(HeVAL(entry)))
            return FALSE;
    return TRUE;
}

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
        return !is_plain_hash(aTHX_ sv);
    default:
        return SvOK(sv);
    }
}

static void decode_float(NV number, sysvirt_Value *out) {
    out->tag = SYSVIRT_TAG_FLOAT;
    out->data.real = (double)number;
}

static void decode_integer(pTHX_ SV *sv, sysvirt_Value *out) {
    if (SvIsUV(sv)) {
        out->tag = SYSVIRT_TAG_UINT;
        out->data.natural = SvUVX(sv);
    } else {
        out->tag = SYSVIRT_TAG_INT;
        out->data.integer = SvIVX(sv);
    }
}

/* Perl's own conversion, with its warnings; what does not fit an integer stays a float for Rust to refuse. */
static void decode_number(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    if (SvROK(sv)) {
        SV *number = overloads(aTHX_ sv) ? amagic_call(sv, &PL_sv_undef, numer_amg, AMGf_noright | AMGf_unary) : NULL;
        if (!number || SvROK(number))
            bad(aTHX_ method, param, "is a reference, not a number");
        sv = number;
    }
    if (SvIOK(sv)) {
        decode_integer(aTHX_ sv, out);
    } else if (SvNOK(sv)) {
        decode_float(SvNVX(sv), out);
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
            decode_float(SvNV_nomg(sv), out);
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
    if (SvROK(sv) && !overloads(aTHX_ sv))
        bad(aTHX_ method, param, "is a reference, not a string");
    if (SvROK(sv))
        sv = own_string(aTHX_ sv);
    text = SvPV_nomg_const(sv, length);
    if (memchr(text, '\0', length))
        bad(aTHX_ method, param, "holds a NUL character");
    /* Characters 128 to 255 of a string that is not already UTF-8: libvirt wants the same characters encoded. */
    if (param->kind != SYSVIRT_KIND_PATH_OR_NULL && !SvUTF8(sv) && has_high_bytes(text, length)
        && !is_utf8_string((const U8 *)text, length)) {
        SV *encoded = newSVpvn_flags(text, length, SVs_TEMP);
        text = SvPVutf8(encoded, length);
    }
    set_text(out, SYSVIRT_TAG_TEXT, text, length, FALSE);
}

static void decode_bytes(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    STRLEN length;
    const char *bytes;
    if (SvROK(sv) && !overloads(aTHX_ sv))
        bad(aTHX_ method, param, "is a reference, not a string");
    if (SvROK(sv))
        sv = own_string(aTHX_ sv);
    bytes = SvPV_nomg_const(sv, length);
    if (SvUTF8(sv)) {
        SV *downgraded = wiped(aTHX_ newSVpvn_flags(bytes, length, SVs_TEMP | SVf_UTF8));
        if (!sv_utf8_downgrade(downgraded, TRUE))
            bad(aTHX_ method, param, "holds a wide character");
        bytes = SvPV_const(downgraded, length);
    }
    set_text(out, SYSVIRT_TAG_BYTES, bytes, length, FALSE);
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
    if (SvROK(sv) && (SvTYPE(SvRV(sv)) == SVt_PVCV || overloads(aTHX_ sv))) {
        HV *stash;
        GV *gv;
        cv = sv_2cv(sv, &stash, &gv, 0);
    } else if (SvPOK(sv)) {
        cv = get_cv(SvPV_nolen(sv), 0); /* a sub's name, as call_sv takes it */
    }
    if (!cv)
        bad(aTHX_ method, param, "is not a CODE reference");
    out->tag = SYSVIRT_TAG_CODE;
    out->data.pointer = cv;
}

/* A list of values that grows in a mortal. */
typedef struct {
    SV *buffer;
    size_t count;
} values;

static sysvirt_Value *push(pTHX_ values *list) {
    sysvirt_Value *slot;
    if (!list->buffer)
        list->buffer = sv_2mortal(newSV(8 * sizeof *slot));
    if ((list->count + 1) * sizeof *slot > SvLEN(list->buffer))
        SvGROW(list->buffer, list->count * 2 * sizeof *slot);
    slot = (sysvirt_Value *)SvPVX(list->buffer) + list->count++;
    Zero(slot, 1, sysvirt_Value);
    return slot;
}

static void finish(values *list, sysvirt_Tag tag, sysvirt_Value *out) {
    out->tag = tag;
    out->len = list->count;
    out->data.items = list->count ? (sysvirt_Value *)SvPVX(list->buffer) : NULL;
}

/* A copy of a string, so that nothing the script does meanwhile can move it; overwritten when it goes. */
static void copy_text(pTHX_ const char *text, STRLEN length, bool utf8, sysvirt_Value *out) {
    char *copy = SvPVX(wiped(aTHX_ sv_2mortal(newSV(length + 1))));
    Copy(text, copy, length, char);
    copy[length] = '\0';
    set_text(out, SYSVIRT_TAG_TEXT, copy, length, utf8);
}

/* What is being looked at, however deep. */
typedef struct {
    const sysvirt_Method *method; /* NULL: what a callback returned */
    const sysvirt_Param *param;
    int depth;
    int elements; /* how many there were */
} structure;

static void refuse(pTHX_ const structure *of, const char *why) {
    if (of->method)
        bad(aTHX_ of->method, of->param, why);
    croak("what the callback returned %s", why);
}

static void decode_any(pTHX_ structure *of, SV *sv, sysvirt_Value *out);

/* The elements are noted before any of them is looked at, for that may run Perl code, which may change the array. */
static void decode_array(pTHX_ structure *of, AV *array, sysvirt_Value *out) {
    values list = {NULL, 0};
    const SSize_t count = av_len(array) + 1;
    AV *noted = (AV *)sv_2mortal((SV *)newAV());
    SSize_t index;
    if (count > ELEMENTS_MAX)
        refuse(aTHX_ of, "has too many elements");
    if (count)
        av_extend(noted, count - 1);
    for (index = 0; index < count; index++) {
        SV **found = av_fetch(array, index, 0);
        av_push(noted, found ? SvREFCNT_inc_NN(*found) : newSV(0));
    }
    for (index = 0; index < count; index++) {
        sysvirt_Value value;
        Zero(&value, 1, sysvirt_Value);
        decode_any(aTHX_ of, AvARRAY(noted)[index], &value);
        *push(aTHX_ &list) = value;
    }
    finish(&list, SYSVIRT_TAG_ARRAY, out);
}

/* Adds a name and a value to the list. */
static void decode_pair(pTHX_ structure *of, values *list, SV *key, SV *value) {
    STRLEN length;
    const char *text = SvPV_const(key, length);
    sysvirt_Value decoded;
    copy_text(aTHX_ text, length, cBOOL(SvUTF8(key)), push(aTHX_ list));
    Zero(&decoded, 1, sysvirt_Value);
    if (value)
        decode_any(aTHX_ of, value, &decoded);
    *push(aTHX_ list) = decoded;
}

/* As an array; but a tied hash has its own mind about its keys. */
static void decode_hash(pTHX_ structure *of, HV *hash, sysvirt_Value *out) {
    values list = {NULL, 0};
    AV *pairs = (AV *)sv_2mortal((SV *)newAV());
    HE *entry;
    SSize_t index;
    hv_iterinit(hash);
    while ((entry = hv_iternext(hash))) {
        if (av_len(pairs) > ELEMENTS_MAX)
            refuse(aTHX_ of, "has too many elements");
        av_push(pairs, SvREFCNT_inc_NN(hv_iterkeysv(entry)));
        av_push(pairs, SvREFCNT_inc_NN(hv_iterval(hash, entry)));
    }
    for (index = 0; index < av_len(pairs); index += 2)
        decode_pair(aTHX_ of, &list, AvARRAY(pairs)[index], AvARRAY(pairs)[index + 1]);
    finish(&list, SYSVIRT_TAG_MAP, out);
}

static void decode_plain_scalar(pTHX_ SV *sv, sysvirt_Value *out) {
    if (SvPOK(sv))
        set_text(out, SYSVIRT_TAG_TEXT, SvPVX_const(sv), SvCUR(sv), cBOOL(SvUTF8(sv)));
    else if (SvIOK(sv))
        decode_integer(aTHX_ sv, out);
    else
        decode_float(SvNVX(sv), out);
}

/* A hash of plain values: everything is borrowed, for nothing can change it before Rust is done. */
static void decode_plain_hash(pTHX_ HV *hash, sysvirt_Value *out) {
    const size_t pairs = HvUSEDKEYS(hash);
    sysvirt_Value *item = pairs ? scratch(aTHX_ 2 * pairs * sizeof *item) : NULL;
    HE *entry;
    out->tag = SYSVIRT_TAG_MAP;
    out->len = 2 * pairs;
    out->data.items = item;
    if (pairs)
        Zero(item, 2 * pairs, sysvirt_Value);
    hv_iterinit(hash);
    while ((entry = hv_iternext(hash))) {
        set_text(item++, SYSVIRT_TAG_TEXT, HeKEY(entry), HeKLEN(entry), cBOOL(HeKUTF8(entry)));
        decode_plain_scalar(aTHX_ HeVAL(entry), item++);
    }
}

/* Any scalar, containers included. */
static void decode_any(pTHX_ structure *of, SV *sv, sysvirt_Value *out) {
    if (of->depth > DEPTH_MAX)
        refuse(aTHX_ of, "is nested too deeply");
    if (++of->elements > ELEMENTS_MAX)
        refuse(aTHX_ of, "has too many elements");
    if (SvGMAGICAL(sv) || SvROK(sv))
        sv = sv_mortalcopy(sv); /* keeps alive what it refers to */
    if (SvROK(sv)) {
        SV *target = SvRV(sv);
        const MAGIC *magic = sysvirt_handle_magic(sv);
        if (magic) {
            out->tag = SYSVIRT_TAG_HANDLE;
            out->class_ = (sysvirt_Class)sysvirt_handle_class(magic);
            out->data.pointer = magic->mg_ptr;
            out->len = PTR2UV(sv);
            return;
        }
        if (SvTYPE(target) == SVt_PVCV) {
            out->tag = SYSVIRT_TAG_CODE;
            out->data.pointer = target;
            return;
        }
        if (overloads(aTHX_ sv)) {
            STRLEN length;
            const char *text = SvPV_const(sv, length);
            copy_text(aTHX_ text, length, cBOOL(SvUTF8(sv)), out);
            return;
        }
        if (SvTYPE(target) == SVt_PVAV) {
            of->depth++;
            decode_array(aTHX_ of, (AV *)target, out);
            of->depth--;
        } else if (SvTYPE(target) == SVt_PVHV) {
            of->depth++;
            decode_hash(aTHX_ of, (HV *)target, out);
            of->depth--;
        } else if (SvTYPE(target) < SVt_PVAV && !isGV_with_GP(target)) {
            sysvirt_Value *item = scratch(aTHX_ sizeof *item);
            Zero(item, 1, sysvirt_Value);
            of->depth++;
            decode_any(aTHX_ of, target, item);
            of->depth--;
            out->tag = SYSVIRT_TAG_REF;
            out->len = 1;
            out->data.items = item;
        } else {
            out->tag = SYSVIRT_TAG_OTHER;
        }
    } else if (SvPOK(sv)) {
        STRLEN length;
        const char *text = SvPV_nomg_const(sv, length);
        copy_text(aTHX_ text, length, cBOOL(SvUTF8(sv)), out);
    } else if (SvIOK(sv)) {
        decode_integer(aTHX_ sv, out);
    } else if (SvNOK(sv)) {
        decode_float(SvNVX(sv), out);
    } else if (SvOK(sv)) {
        out->tag = SYSVIRT_TAG_OTHER;
    }
}

/* What a callback returned. */
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out) {
    structure of = {NULL, NULL, 0, 0};
    decode_any(aTHX_ &of, sv, out);
}

/* The rest of a method's arguments as the pairs of a hash. */
static void decode_pairs(pTHX_ structure *of, SV **first, SSize_t count, sysvirt_Value *out) {
    values list = {NULL, 0};
    SSize_t index;
    if (count % 2)
        Perl_ck_warner(aTHX_ packWARN(WARN_MISC), "Odd number of elements in hash assignment");
    for (index = 0; index < count; index += 2)
        decode_pair(aTHX_ of, &list, first[index], index + 1 < count ? first[index + 1] : NULL);
    finish(&list, SYSVIRT_TAG_MAP, out);
}

static void decode_container(pTHX_ structure *of, SV *sv, sysvirt_Value *out, svtype type, const char *why) {
    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != type)
        refuse(aTHX_ of, why);
    if (type == SVt_PVHV)
        decode_hash(aTHX_ of, (HV *)SvRV(sv), out);
    else
        decode_array(aTHX_ of, (AV *)SvRV(sv), out);
}

/* One argument, which is not magical any more, according to its parameter. `out` is all zeros: undef. */
static void decode(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out) {
    structure of = {method, param, 0, 0};
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
        decode_container(aTHX_ &of, sv, out, SVt_PVHV, "is not a HASH reference");
        break;
    case SYSVIRT_KIND_ARRAY_OR_NULL:
        if (!SvOK(sv))
            break;
        /* FALLTHROUGH */
    case SYSVIRT_KIND_ARRAY:
        decode_container(aTHX_ &of, sv, out, SVt_PVAV, "is not an ARRAY reference");
        break;
    case SYSVIRT_KIND_CODE:
        decode_code(aTHX_ method, param, sv, out);
        break;
    case SYSVIRT_KIND_ANY:
        decode_any(aTHX_ &of, sv, out);
        break;
    case SYSVIRT_KIND_INVOCANT:
        out->data.pointer = sysvirt_invocant_stash(aTHX_ sv);
        break;
    case SYSVIRT_KIND_VARIABLE: /* rather now than when there is something to lose */
        if (isGV_with_GP(sv) && !SvFAKE(sv))
            bad(aTHX_ method, param, "is a glob, not a variable");
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
            structure of = {method, param, 0, 0};
            if (count > index)
                decode_pairs(aTHX_ &of, &given[index], count - index, out);
        } else if (index < count) {
            SV *sv = given[index];
            if (copy && param->kind != SYSVIRT_KIND_VARIABLE)
                sv = sv_mortalcopy(sv);
            if (!copy && param->kind == SYSVIRT_KIND_HASH)
                decode_plain_hash(aTHX_ (HV *)SvRV(sv), out);
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
