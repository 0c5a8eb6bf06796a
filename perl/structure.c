/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Hashes, arrays and references become values, with all that is in them. */

#include "structure.h"
#include "handle.h"
#include "scalar.h"

#define DEPTH_MAX 16
#define ELEMENTS_MAX (1 << 20) /* of one argument; what holds a container twice decodes it twice */

/* A string or a number, which can be looked at without running Perl code. */
static bool is_plain(SV *sv) {
    return !SvGMAGICAL(sv) && !SvROK(sv) && (SvPOK(sv) || SvIOK(sv) || SvNOK(sv));
}

/* Whether the argument is a reference to a hash of nothing but plain values. */
bool sysvirt_is_plain_hash(pTHX_ SV *sv) {
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

/* A list of values that grows in a mortal. */
typedef struct {
    SV *buffer;
    size_t count;
} growing;

static sysvirt_Value *push(pTHX_ growing *list) {
    sysvirt_Value *slot;
    if (!list->buffer)
        list->buffer = sv_2mortal(newSV(8 * sizeof *slot));
    if ((list->count + 1) * sizeof *slot > SvLEN(list->buffer))
        SvGROW(list->buffer, list->count * 2 * sizeof *slot);
    slot = (sysvirt_Value *)SvPVX(list->buffer) + list->count++;
    Zero(slot, 1, sysvirt_Value);
    return slot;
}

static void finish(growing *list, sysvirt_Tag tag, sysvirt_Value *out) {
    out->tag = tag;
    out->len = list->count;
    out->data.items = list->count ? (sysvirt_Value *)SvPVX(list->buffer) : NULL;
}

static void refuse(pTHX_ const sysvirt_structure *of, const char *why) {
    if (of->method)
        sysvirt_bad(aTHX_ of->method, of->param, why);
    croak("what the callback returned %s", why);
}

/* The elements are noted before any of them is looked at, for that may run Perl code, which may change the array. */
static void decode_array(pTHX_ sysvirt_structure *of, AV *array, sysvirt_Value *out) {
    growing list = {NULL, 0};
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
        sysvirt_decode_tree(aTHX_ of, AvARRAY(noted)[index], &value);
        *push(aTHX_ &list) = value;
    }
    finish(&list, SYSVIRT_TAG_ARRAY, out);
}

/* Adds a name and a value to the list. */
static void decode_pair(pTHX_ sysvirt_structure *of, growing *list, SV *key, SV *value) {
    STRLEN length;
    const char *text = SvPV_const(key, length);
    sysvirt_Value decoded;
    sysvirt_copy_text(aTHX_ text, length, cBOOL(SvUTF8(key)), push(aTHX_ list));
    Zero(&decoded, 1, sysvirt_Value);
    if (value)
        sysvirt_decode_tree(aTHX_ of, value, &decoded);
    *push(aTHX_ list) = decoded;
}

/* As an array; but a tied hash has its own mind about its keys. */
static void decode_hash(pTHX_ sysvirt_structure *of, HV *hash, sysvirt_Value *out) {
    growing list = {NULL, 0};
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
        sysvirt_set_text(out, SYSVIRT_TAG_TEXT, SvPVX_const(sv), SvCUR(sv), cBOOL(SvUTF8(sv)));
    else if (SvIOK(sv))
        sysvirt_decode_integer(aTHX_ sv, out);
    else
        sysvirt_decode_float(SvNVX(sv), out);
}

/* A hash of plain values: everything is borrowed, for nothing can change it before Rust is done. */
void sysvirt_decode_plain_hash(pTHX_ HV *hash, sysvirt_Value *out) {
    const size_t pairs = HvUSEDKEYS(hash);
    sysvirt_Value *item = pairs ? sysvirt_scratch(aTHX_ 2 * pairs * sizeof *item) : NULL;
    HE *entry;
    out->tag = SYSVIRT_TAG_MAP;
    out->len = 2 * pairs;
    out->data.items = item;
    if (pairs)
        Zero(item, 2 * pairs, sysvirt_Value);
    hv_iterinit(hash);
    while ((entry = hv_iternext(hash))) {
        sysvirt_set_text(item++, SYSVIRT_TAG_TEXT, HeKEY(entry), HeKLEN(entry), cBOOL(HeKUTF8(entry)));
        decode_plain_scalar(aTHX_ HeVAL(entry), item++);
    }
}

/* The descriptor of the file handle that the scalar is, a glob or an object of IO's; false if it is none. */
static bool decode_file(pTHX_ SV *target, sysvirt_Value *out) {
    IO *io = isGV_with_GP(target) ? GvIO((GV *)target) : SvTYPE(target) == SVt_PVIO ? (IO *)target : NULL;
    if (!io && !isGV_with_GP(target))
        return FALSE;
    out->tag = SYSVIRT_TAG_FILE;
    out->data.integer = io && IoIFP(io) ? PerlIO_fileno(IoIFP(io)) : -1;
    return TRUE;
}

/* Any scalar, containers included. */
void sysvirt_decode_tree(pTHX_ sysvirt_structure *of, SV *sv, sysvirt_Value *out) {
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
        if (decode_file(aTHX_ target, out))
            return;
        if (private_overloads(aTHX_ sv)) {
            STRLEN length;
            const char *text = SvPV_const(sv, length);
            sysvirt_copy_text(aTHX_ text, length, cBOOL(SvUTF8(sv)), out);
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
            sysvirt_Value *item = sysvirt_scratch(aTHX_ sizeof *item);
            Zero(item, 1, sysvirt_Value);
            of->depth++;
            sysvirt_decode_tree(aTHX_ of, target, item);
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
        sysvirt_copy_text(aTHX_ text, length, cBOOL(SvUTF8(sv)), out);
    } else if (SvIOK(sv)) {
        sysvirt_decode_integer(aTHX_ sv, out);
    } else if (SvNOK(sv)) {
        sysvirt_decode_float(SvNVX(sv), out);
    } else if (SvOK(sv)) {
        out->tag = SYSVIRT_TAG_OTHER;
    }
}

/* What a callback returned. */
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out) {
    sysvirt_structure of = {NULL, NULL, 0, 0};
    sysvirt_decode_tree(aTHX_ &of, sv, out);
}

/* The rest of a method's arguments as the pairs of a hash. */
void sysvirt_decode_pairs(pTHX_ sysvirt_structure *of, SV **first, SSize_t count, sysvirt_Value *out) {
    growing list = {NULL, 0};
    SSize_t index;
    if (count % 2)
        Perl_ck_warner(aTHX_ packWARN(WARN_MISC), "Odd number of elements in hash assignment");
    for (index = 0; index < count; index += 2)
        decode_pair(aTHX_ of, &list, first[index], index + 1 < count ? first[index + 1] : NULL);
    finish(&list, SYSVIRT_TAG_MAP, out);
}

void sysvirt_decode_container(pTHX_ sysvirt_structure *of, SV *sv, sysvirt_Value *out, svtype type, const char *why) {
    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != type)
        refuse(aTHX_ of, why);
    if (type == SVt_PVHV)
        decode_hash(aTHX_ of, (HV *)SvRV(sv), out);
    else
        decode_array(aTHX_ of, (AV *)SvRV(sv), out);
}
