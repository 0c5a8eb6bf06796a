/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The arguments of a call become values, one for each parameter of the method. Perl code may run here (ties, overloading, warning
 * handlers), and bad arguments die; Rust has not been entered yet. Whatever a value points to lives in the argument itself or
 * in a mortal, so that dying leaks nothing. SAFETY.md says how an argument stays alive. */

#include "arguments.h"
#include "structure.h"
#include "warning.h"

/* For the elements of an array or a hash: they are needed until the method returns, and no other call is made before. */
static sysvirt_Value *take(pTHX_ size_t count) {
    my_cxt_t *cxt = sysvirt_context(aTHX);
    sysvirt_Value *taken = cxt->room + cxt->taken;
    if (SYSVIRT_ROOM - cxt->taken < count)
        return sysvirt_scratch(aTHX_ count * sizeof *taken);
    cxt->taken += count;
    return taken;
}

static const sysvirt_Field *known(const sysvirt_Shape *shape, const char *key, STRLEN length) {
    const sysvirt_Field *field = shape->fields, *const end = field + shape->nfields;
    for (; field < end; field++)
        if (field->len == length && memEQ(field->key, key, length))
            return field;
    return NULL;
}

/* A value whose type only the driver knows: its number, or its string and the number that it stands for. The string of a number is
 * made only if the driver wants one; Rust then does it as perl does, except for numbers that it would write in another way. */
static bool decode_plain_scalar(pTHX_ SV *sv, sysvirt_Value *out) {
    const U32 flags = SvFLAGS(sv) & (SVs_GMG | SVf_ROK | SVf_IOK | SVf_NOK | SVf_POK);
    sysvirt_Value *items;
    sysvirt_set_head(out, SYSVIRT_TAG_NONE, SYSVIRT_CLASS_NONE, 0);
    out->data.integer = 0;
    if (flags == SVf_IOK)
        return sysvirt_numify(aTHX_ sv, out);
    if (flags == SVf_NOK) {
        const NV number = SvNVX(sv);
        if (sizeof number != sizeof out->data.real || number - number != 0 || number == 0)
            return FALSE;
        out->tag = SYSVIRT_TAG_FLOAT;
        out->data.real = (double)number;
        return TRUE;
    }
    if (flags != SVf_POK || !sysvirt_is_ascii(SvPVX_const(sv), SvCUR(sv)))
        return !(flags & (SVs_GMG | SVf_ROK)) && !SvOK(sv);
    items = take(aTHX_ 2);
    sysvirt_set_head(&items[0], SYSVIRT_TAG_TEXT, SYSVIRT_CLASS_NONE, SvCUR(sv));
    items[0].data.text = SvPVX_const(sv);
    sysvirt_set_head(&items[1], SYSVIRT_TAG_NONE, SYSVIRT_CLASS_NONE, 0);
    out->utf8 = !sysvirt_numify_wholly(aTHX_ sv, &items[1]);
    out->tag = SYSVIRT_TAG_SCALAR;
    out->len = 2;
    out->data.items = items;
    return TRUE;
}

/* The target of a reference, if it is of the type and plain. */
static SV *plain_target(SV *sv, svtype type) {
    SV *target = SvRV(sv);
    return SvTYPE(target) == type && !(SvFLAGS(target) & (SVs_GMG | SVs_SMG | SVs_RMG | SVs_OBJECT)) ? target : NULL;
}

/* A hash of which each key is known, or may be any, and each value plain: everything is borrowed. */
static NOINLINE bool decode_plain_hash(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    HV *const hash = (HV *)plain_target(sv, SVt_PVHV);
    private_walk walk = {hash, 0, NULL};
    sysvirt_Value *item;
    HE *entry;
    size_t pairs;
    if (!hash)
        return FALSE;
    pairs = HvUSEDKEYS(hash);
    item = take(aTHX_ 2 * pairs);
    sysvirt_set_head(out, SYSVIRT_TAG_MAP, SYSVIRT_CLASS_NONE, 2 * pairs);
    out->data.items = item;
    while ((entry = private_next(&walk))) {
        const sysvirt_Field *field;
        if (HeKLEN(entry) < 0)
            return FALSE; /* a tied hash has such keys */
        field = known(shape, HeKEY(entry), (STRLEN)HeKLEN(entry));
        if (!field && (shape->others != SYSVIRT_OTHERS_KEEP || !sysvirt_is_ascii(HeKEY(entry), (STRLEN)HeKLEN(entry))))
            return FALSE;
        sysvirt_set_head(item, SYSVIRT_TAG_TEXT, SYSVIRT_CLASS_NONE, (size_t)HeKLEN(entry));
        item++->data.text = field ? field->key : HeKEY(entry);
        if (!(field ? sysvirt_decode_plain(aTHX_ &field->shape, HeVAL(entry), item++)
                    : decode_plain_scalar(aTHX_ HeVAL(entry), item++)))
            return FALSE;
    }
    return TRUE;
}

/* The same for the remaining arguments. */
bool sysvirt_decode_plain_pairs(pTHX_ const sysvirt_Shape *shape, SV **given, SSize_t count, sysvirt_Value *out) {
    sysvirt_Value *item;
    SV **const end = given + count;
    if (count % 2)
        return FALSE;
    item = take(aTHX_ (size_t)count);
    sysvirt_set_head(out, SYSVIRT_TAG_MAP, SYSVIRT_CLASS_NONE, (size_t)count);
    out->data.items = item;
    for (; given < end; given += 2) {
        const sysvirt_Field *field;
        if ((SvFLAGS(given[0]) & (SVs_GMG | SVf_ROK | SVf_POK)) != SVf_POK
            || !(field = known(shape, SvPVX_const(given[0]), SvCUR(given[0]))))
            return FALSE;
        sysvirt_set_head(item, SYSVIRT_TAG_TEXT, SYSVIRT_CLASS_NONE, field->len);
        item++->data.text = field->key;
        if (!sysvirt_decode_plain(aTHX_ &field->shape, given[1], item++))
            return FALSE;
    }
    return TRUE;
}

/* An array of plain values, none missing: all of one shape, or each of its own shape (a tuple). */
static NOINLINE bool decode_plain_array(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    AV *const array = (AV *)plain_target(sv, SVt_PVAV);
    const bool tuple = shape->kind == SYSVIRT_KIND_TUPLE;
    const sysvirt_Shape *like = shape->element;
    const bool numbers = !tuple && (like->kind == SYSVIRT_KIND_NUMBER || like->kind == SYSVIRT_KIND_DESCRIPTOR);
    const bool texts = !tuple && like->kind == SYSVIRT_KIND_TEXT;
    SV **elements;
    sysvirt_Value *item;
    SSize_t index, count;
    if (!array)
        return FALSE;
    count = AvFILLp(array) + 1;
    if (tuple && (size_t)count != shape->nfields)
        return FALSE;
    elements = AvARRAY(array);
    item = take(aTHX_ (size_t)count);
    sysvirt_set_head(out, SYSVIRT_TAG_ARRAY, SYSVIRT_CLASS_NONE, (size_t)count);
    out->data.items = item;
    for (index = 0; index < count; index++, item++) {
        SV *element = elements[index];
        if (!element)
            return FALSE;
        if (numbers && (SvFLAGS(element) & (SVs_GMG | SVf_ROK | SVf_IOK | SVf_IVisUV)) == SVf_IOK
            && sysvirt_signed_fits(like, SvIVX(element))) { /* a faster path: most are */
            sysvirt_set_head(item, SYSVIRT_TAG_INT, SYSVIRT_CLASS_NONE, 0);
            item->data.integer = SvIVX(element);
        } else if (texts && (SvFLAGS(element) & (SVs_GMG | SVf_ROK | SVf_POK)) == SVf_POK
                   && sysvirt_is_ascii(SvPVX_const(element), SvCUR(element))) {
            sysvirt_set_head(item, SYSVIRT_TAG_TEXT, SYSVIRT_CLASS_NONE, SvCUR(element));
            item->data.text = SvPVX_const(element);
        } else if (!sysvirt_decode_plain(aTHX_ tuple ? &shape->fields[index].shape : like, element, item)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* The number in a string. perl keeps it in the scalar, as in any that a number was made of: the next time costs
 * nothing. For a string that is not a number perl would warn. */
static bool decode_plain_string_as_number(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    if (!sysvirt_numify(aTHX_ sv, out) || !sysvirt_fits(shape, out))
        return FALSE;
    (void)SvIV_nomg(sv);
    return TRUE;
}

/* One without magic, of a kind that is rarely plain. */
static NOINLINE bool decode_plain_kind(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    const U32 flags = SvFLAGS(sv) & (SVf_ROK | SVf_IOK | SVf_NOK | SVf_POK);
    switch (shape->kind) {
    case SYSVIRT_KIND_NUMBER:
    case SYSVIRT_KIND_DESCRIPTOR:
        if (flags == SVf_POK)
            return decode_plain_string_as_number(aTHX_ shape, sv, out);
        return !(flags & SVf_ROK) && flags && sysvirt_numify(aTHX_ sv, out) && sysvirt_fits(shape, out);
    case SYSVIRT_KIND_TEXT:
    case SYSVIRT_KIND_PATH:
        if ((flags & (SVf_ROK | SVf_POK)) != SVf_POK || memchr(SvPVX_const(sv), '\0', SvCUR(sv))
            || (shape->kind == SYSVIRT_KIND_TEXT && !SvUTF8(sv) && !is_utf8_string((const U8 *)SvPVX_const(sv), SvCUR(sv))))
            return FALSE;
        sysvirt_set_text(out, SYSVIRT_TAG_TEXT, SvPVX_const(sv), SvCUR(sv), FALSE);
        return TRUE;
    case SYSVIRT_KIND_BYTES: /* in UTF-8: every copy of a secret must be overwritten */
        return (flags & (SVf_ROK | SVf_POK)) == SVf_POK && !sysvirt_decode_bytes(aTHX_ NULL, shape, sv, out);
    case SYSVIRT_KIND_HANDLE: {
        const MAGIC *magic = sysvirt_handle_magic_plain(sv);
        if (!magic || sysvirt_handle_class(magic) != shape->class_)
            return FALSE;
        sysvirt_set_handle(out, magic, sv);
        return TRUE;
    }
    case SYSVIRT_KIND_SCALAR:
        return decode_plain_scalar(aTHX_ sv, out);
    case SYSVIRT_KIND_TRUTH: /* without a reference, the value itself is true or false */
        out->tag = SYSVIRT_TAG_INT;
        out->data.integer = !(flags & SVf_ROK) && SvTRUE_nomg(sv);
        return !(flags & SVf_ROK);
    case SYSVIRT_KIND_HASH: /* or else something that is not a reference */
        return shape->element && sysvirt_decode_plain(aTHX_ shape->element, sv, out);
    case SYSVIRT_KIND_INVOCANT:
        if (!(flags & (SVf_POK | SVf_ROK)))
            return FALSE;
        out->data.pointer = sysvirt_invocant_stash(aTHX_ sv);
        return TRUE;
    case SYSVIRT_KIND_VARIABLE:
        return !SvREADONLY(sv) && !isGV_with_GP(sv);
    default:
        return FALSE;
    }
}

/* The part of sysvirt_decode_plain for what is not common. */
bool sysvirt_decode_plain_other(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    if (SvGMAGICAL(sv))
        return FALSE;
    sysvirt_set_head(out, SYSVIRT_TAG_NONE, SYSVIRT_CLASS_NONE, 0);
    out->data.integer = 0;
    if (shape->optional && !SvOK(sv))
        return TRUE;
    if (SvROK(sv) && (shape->kind == SYSVIRT_KIND_ARRAY || shape->kind == SYSVIRT_KIND_TUPLE))
        return decode_plain_array(aTHX_ shape, sv, out);
    if (SvROK(sv) && shape->kind == SYSVIRT_KIND_HASH)
        return decode_plain_hash(aTHX_ shape, sv, out);
    return decode_plain_kind(aTHX_ shape, sv, out);
}

/* Whether it is a blessed scalar, which the original accepted as an object. */
static bool is_scalar_object(pTHX_ SV *sv) { return sv_isobject(sv) && SvTYPE(SvRV(sv)) == SVt_PVMG; }

static bool ends_in(const char *name, const char *ending) {
    const STRLEN length = strlen(name), end = strlen(ending);
    return length >= end && strEQ(name + length - end, ending);
}

/* Whether an argument that is not an object has to be rejected. In most methods the original warned and returned undef. But it
 * crashed in functions that do not check the argument (their names end like that), and its methods written in Perl died, except
 * those that migrate. */
static bool needs_object(const sysvirt_Method *method, const sysvirt_Param *param) {
    if (method->flags & sysvirt_SUB)
        return strNE(param->name, "destcon");
    return ends_in(param->name, "_rv") || ends_in(param->name, "ref");
}

/* One argument, copied and without magic. */
static sysvirt_Decoded decode_argument(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out,
                                       bool lenient) {
    const sysvirt_place place = {method->name, param->field.key, param->field.len, -1};
    SV *why;
    if (param->field.shape.kind == SYSVIRT_KIND_HANDLE && !(param->field.shape.optional && !SvROK(sv))) {
        why = sysvirt_decode_handle(aTHX_ &param->field.shape, sv, out);
        if (!why)
            return SYSVIRT_DECODED;
        if (!lenient || is_scalar_object(aTHX_ sv) || needs_object(method, param))
            croak("%s() -- %s %" SVf, method->name, param->name, SVfARG(why)); /* the original's message */
        sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s() -- %s %" SVf, method->name, param->name, SVfARG(why))));
        return SYSVIRT_NO_OBJECT;
    }
    if (param->field.shape.others == SYSVIRT_OTHERS_SKIP && !SvROK(sv)) {
        if (!lenient)
            croak("%s: %s is not an ARRAY reference", method->name, param->field.key);
        sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s: %s is not an ARRAY reference, so the call does nothing", method->name,
                                               param->field.key)));
        return SYSVIRT_NOTHING_TO_DO;
    }
    why = sysvirt_decode_as(aTHX_ &place, &param->field.shape, sv, out);
    if (why)
        croak("%s: %" SVf, method->name, SVfARG(why));
    return SYSVIRT_DECODED;
}

/* A variable to assign to: checked before the call, so that no data is lost. */
static void check_variable(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv) {
    if (isGV_with_GP(sv) && !SvFAKE(sv))
        croak("%s: %s is a glob, not a variable", method->name, param->field.key);
    if (SvREADONLY(sv))
        croak("Modification of a read-only value attempted"); /* perl's own message */
}

/* A handle that Perl code closed after it was decoded counts as closed. */
static void look_again(sysvirt_Value *values, size_t count) {
    size_t index;
    for (index = 0; index < count; index++) {
        sysvirt_Value *value = &values[index];
        if (value->tag == SYSVIRT_TAG_HANDLE)
            value->data.pointer = sysvirt_handle_magic((SV *)(uintptr_t)value->len)->mg_ptr;
        else if (value->tag == SYSVIRT_TAG_ARRAY || value->tag == SYSVIRT_TAG_MAP)
            look_again(value->data.items, value->len);
    }
}

/* Decodes all arguments of a call into `args`, with all that perl's values can be: magic, overloading, other types. When it
 * returns, every argument has been checked, and none of the values depends on what Perl code may do. */
sysvirt_Decoded sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool lenient) {
    const SSize_t nparams = (SSize_t)method->nparams;
    SSize_t index;
    for (index = 0; index < count; index++)
        sv_2mortal(SvREFCNT_inc_simple_NN(given[index])); /* perl's stack holds no references */
    for (index = 0; index < nparams; index++) {
        sysvirt_Value *out = &args[index];
        const sysvirt_Param *param = &method->params[index];
        Zero(out, 1, sysvirt_Value);
        if (param->field.shape.kind == SYSVIRT_KIND_PAIRS) {
            const sysvirt_place place = {method->name, param->field.key, param->field.len, -1};
            if (count > index)
                sysvirt_decode_pairs(aTHX_ &place, &param->field.shape, &given[index], count - index, out);
        } else if (index >= count && param->default_text) {
            *out = param->absent;
        } else if (param->field.shape.kind == SYSVIRT_KIND_VARIABLE && index < count) {
            check_variable(aTHX_ method, param, given[index]);
        } else {
            SV *copy = index < count ? sv_mortalcopy(given[index]) : &PL_sv_undef;
            const sysvirt_Decoded outcome = decode_argument(aTHX_ method, param, copy, out, lenient);
            if (outcome != SYSVIRT_DECODED)
                return outcome;
        }
    }
    look_again(args, method->nparams);
    return SYSVIRT_DECODED;
}
