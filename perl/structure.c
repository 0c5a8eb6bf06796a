/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Anything becomes a value according to its shape, hashes and arrays with all that the shape says of their elements. */

#include "structure.h"
#include "plain.h"
#include "warning.h"

#define ELEMENTS_MAX (1 << 20) /* of one array or hash */

/* "keycodes[2] is not ..." */
static SV *named(pTHX_ const sysvirt_place *place, SV *why) {
    return why ? sv_2mortal(newSVpvf("%" SVf " %" SVf, SVfARG(sysvirt_place_name(aTHX_ place)), SVfARG(why))) : NULL;
}

static SV *because(pTHX_ const sysvirt_place *place, const char *why) {
    return named(aTHX_ place, newSVpvn_flags(why, strlen(why), SVs_TEMP));
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

static void finish(const growing *list, sysvirt_Tag tag, sysvirt_Value *out) {
    out->tag = tag;
    out->len = list->count;
    out->data.items = list->count ? (sysvirt_Value *)SvPVX(list->buffer) : NULL;
}

static const sysvirt_Field *field_of(const sysvirt_Shape *shape, const char *key, STRLEN length) {
    size_t index;
    for (index = 0; index < shape->nfields; index++)
        if (shape->fields[index].len == length && memEQ(shape->fields[index].key, key, length))
            return &shape->fields[index];
    return NULL;
}

/* Records a scalar: it stays alive, whatever Perl code does to its container. */
static void note(pTHX_ AV *noted, SV *sv) { av_push(noted, sv ? SvREFCNT_inc_NN(sv) : newSV(0)); }

/* The elements are recorded before any of them is decoded, because decoding may run Perl code, which may change the array. */
static SV *decode_array(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, AV *array, sysvirt_Value *out) {
    growing list = {NULL, 0};
    const SSize_t count = av_len(array) + 1;
    AV *noted = (AV *)sv_2mortal((SV *)newAV());
    sysvirt_place element = *place;
    if (count > ELEMENTS_MAX)
        return because(aTHX_ place, "has too many elements");
    if (count)
        av_extend(noted, count - 1);
    for (element.index = 0; element.index < count; element.index++) {
        SV **found = av_fetch(array, element.index, 0);
        note(aTHX_ noted, found ? *found : NULL);
    }
    for (element.index = 0; element.index < count; element.index++) {
        sysvirt_Value value;
        SV *why;
        Zero(&value, 1, sysvirt_Value);
        why = sysvirt_decode_as(aTHX_ &element, shape->element, sysvirt_copy(aTHX_ AvARRAY(noted)[element.index]), &value);
        if (why)
            return why;
        *push(aTHX_ &list) = value;
    }
    finish(&list, SYSVIRT_TAG_ARRAY, out);
    return NULL;
}

/* An array with a fixed number of elements, each with its own shape. */
static SV *decode_tuple(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, AV *array, sysvirt_Value *out) {
    sysvirt_Value *items = sysvirt_scratch(aTHX_ shape->nfields * sizeof *items);
    size_t index;
    if ((size_t)(av_len(array) + 1) != shape->nfields)
        return because(aTHX_ place, "is not a pair");
    Zero(items, shape->nfields, sysvirt_Value);
    out->tag = SYSVIRT_TAG_ARRAY;
    out->len = shape->nfields;
    out->data.items = items;
    for (index = 0; index < shape->nfields; index++) {
        SV **found = av_fetch(array, (SSize_t)index, 0), *why;
        SV *element = found ? sysvirt_copy(aTHX_ *found) : &PL_sv_undef;
        why = sysvirt_decode_as(aTHX_ place, &shape->fields[index].shape, element, &items[index]);
        if (why)
            return why;
    }
    return NULL;
}

/* A hash being decoded. */
typedef struct {
    const sysvirt_place *place;
    const sysvirt_Shape *shape;
    growing list;
    AV *unknown; /* the unknown keys; NULL: none */
    bool soft;   /* Rust rejects an invalid value, if it uses the value */
} hash_decoder;

static SV *decode_pair(pTHX_ hash_decoder *of, SV *key, SV *value) {
    STRLEN length;
    const char *name = SvPV_const(key, length);
    const sysvirt_Field *field = field_of(of->shape, name, length);
    const sysvirt_Shape scalar = {.kind = SYSVIRT_KIND_SCALAR};
    const sysvirt_place place = {of->place->method, name, length, -1};
    sysvirt_Value decoded;
    SV *why;
    if (!field && of->shape->others != SYSVIRT_OTHERS_KEEP) {
        if (of->shape->others == SYSVIRT_OTHERS_WARN) {
            if (!of->unknown)
                of->unknown = (AV *)sv_2mortal((SV *)newAV());
            note(aTHX_ of->unknown, key);
        }
        return NULL;
    }
    Zero(&decoded, 1, sysvirt_Value);
    if (value && field && field->shape.secret
        && !isGV_with_GP(value)) /* no other code can overwrite a value that only our hash holds */
        sysvirt_wiped(aTHX_ value);
    why = sysvirt_decode_as(aTHX_ &place, field ? &field->shape : &scalar, value ? sysvirt_copy(aTHX_ value) : &PL_sv_undef,
                            &decoded);
    if (why && !of->soft)
        return why;
    if (why)
        sysvirt_set_text(&decoded, SYSVIRT_TAG_BAD, SvPVX_const(why), SvCUR(why), FALSE);
    sysvirt_set_text(push(aTHX_ &of->list), SYSVIRT_TAG_TEXT, field ? field->key : name, length, cBOOL(SvUTF8(key)));
    *push(aTHX_ &of->list) = decoded;
    return NULL;
}

/* For a tied hash, whose iterator the script may use: fetches each known key. The original fetches the keys that the driver has. */
static void note_known(pTHX_ const sysvirt_Shape *shape, HV *hash, AV *pairs) {
    size_t index;
    for (index = 0; index < shape->nfields; index++) {
        const sysvirt_Field *field = &shape->fields[index];
        if (hv_exists(hash, field->key, (I32)field->len)) {
            SV **found = hv_fetch(hash, field->key, (I32)field->len, 0);
            av_push(pairs, newSVpvn(field->key, field->len));
            note(aTHX_ pairs, found ? *found : NULL);
        }
    }
}

static SV *note_all(pTHX_ const sysvirt_place *place, HV *hash, AV *pairs) {
    private_walk walk = {hash, 0, NULL};
    HE *entry;
    while ((entry = private_next(&walk))) {
        if (av_len(pairs) > ELEMENTS_MAX)
            return because(aTHX_ place, "has too many elements");
        av_push(pairs, newSVhek(HeKEY_hek(entry)));
        note(aTHX_ pairs, HeVAL(entry));
    }
    return NULL;
}

static SV *decode_hash(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, HV *hash, sysvirt_Value *out) {
    hash_decoder of = {place, shape, {NULL, 0}, NULL, FALSE};
    AV *pairs = (AV *)sv_2mortal((SV *)newAV());
    SV *why = NULL;
    SSize_t index;
    if (SvRMAGICAL((SV *)hash) && mg_find((SV *)hash, PERL_MAGIC_tied))
        note_known(aTHX_ shape, hash, pairs);
    else
        why = note_all(aTHX_ place, hash, pairs);
    for (index = 0; !why && index < av_len(pairs); index += 2)
        why = decode_pair(aTHX_ &of, AvARRAY(pairs)[index], AvARRAY(pairs)[index + 1]);
    if (why)
        return why;
    /* Without a known key Rust throws, and names one of the unknown keys. */
    if (of.unknown && !of.list.count) {
        STRLEN length;
        const char *name = SvPV_const(AvARRAY(of.unknown)[0], length);
        sysvirt_set_text(push(aTHX_ &of.list), SYSVIRT_TAG_TEXT, name, length, cBOOL(SvUTF8(AvARRAY(of.unknown)[0])));
        push(aTHX_ &of.list)->tag = SYSVIRT_TAG_OTHER;
        sv_2mortal(SvREFCNT_inc_NN(AvARRAY(of.unknown)[0]));
    } else if (of.unknown) {
        for (index = 0; index <= av_len(of.unknown); index++)
            sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s: %s has the unknown key '%" SVf "', which is ignored", place->method,
                                                   place->name, SVfARG(AvARRAY(of.unknown)[index]))));
    }
    finish(&of.list, SYSVIRT_TAG_MAP, out);
    return NULL;
}

/* The rest of a method's arguments as the pairs of a hash. */
void sysvirt_decode_pairs(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV **first, SSize_t count,
                          sysvirt_Value *out) {
    hash_decoder of = {place, shape, {NULL, 0}, NULL, TRUE};
    SSize_t index;
    if (count % 2)
        Perl_ck_warner(aTHX_ packWARN(WARN_MISC), "Odd number of elements in hash assignment");
    for (index = 0; index < count; index += 2)
        (void)decode_pair(aTHX_ &of, sv_mortalcopy(first[index]), index + 1 < count ? first[index + 1] : NULL);
    for (index = 0; of.unknown && index <= av_len(of.unknown); index++) {
        SV *key = AvARRAY(of.unknown)[index];
        sysvirt_warn(
            aTHX_ SvROK(key) ? sv_2mortal(newSVpvf("%s: a reference is not an option, and is ignored", place->method))
                             : sv_2mortal(newSVpvf("%s: '%" SVf "' is not an option, and is ignored", place->method, SVfARG(key))));
    }
    finish(&of.list, SYSVIRT_TAG_MAP, out);
}

/* A file descriptor: of a file handle (a glob, a reference to one, or an IO object), or its number. */
static SV *decode_descriptor(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    SV *target = SvROK(sv) ? SvRV(sv) : sv;
    IO *io = isGV_with_GP(target) ? GvIO((GV *)target) : SvTYPE(target) == SVt_PVIO ? (IO *)target : NULL;
    if (!io && !isGV_with_GP(target))
        return sysvirt_decode_number(aTHX_ place, shape, sv, out);
    if (!io || !IoIFP(io) || PerlIO_fileno(IoIFP(io)) < 0)
        return newSVpvs_flags("is a file handle without descriptor", SVs_TEMP);
    out->tag = SYSVIRT_TAG_INT;
    out->data.integer = PerlIO_fileno(IoIFP(io));
    return NULL;
}

/* A handle, a reference to a number, or a string: for the few methods that accept anything. */
static SV *decode_any(pTHX_ const sysvirt_place *place, SV *sv, sysvirt_Value *out) {
    const MAGIC *magic = SvROK(sv) ? sysvirt_handle_magic_read(SvRV(sv)) : NULL;
    if (magic) {
        sysvirt_set_handle(out, magic, sv);
        return NULL;
    }
    if (!SvROK(sv))
        return sysvirt_decode_scalar(aTHX_ place, sv, out);
    out->tag = SYSVIRT_TAG_OTHER;
    if (SvTYPE(SvRV(sv)) < SVt_PVAV && !isGV_with_GP(SvRV(sv))) {
        SV *target = sysvirt_copy(aTHX_ SvRV(sv));
        if (SvOK(target) && !SvROK(target)) {
            out->tag = SYSVIRT_TAG_REF;
            out->len = 1;
            out->data.items = sysvirt_scratch(aTHX_ sizeof *out);
            Zero(out->data.items, 1, sysvirt_Value);
            (void)sysvirt_numify(aTHX_ target, out->data.items);
        }
    }
    return NULL;
}

/* Whether it is an object with a numeric value, such as those of bigint, which are hashes. */
static bool is_number_object(pTHX_ SV *target) { return SvOBJECT(target) && gv_fetchmeth_pvn(SvSTASH(target), "(0+", 3, -1, 0); }

static SV *decode_container(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    const bool hash = shape->kind == SYSVIRT_KIND_HASH;
    const svtype type = hash ? SVt_PVHV : SVt_PVAV;
    if (SvROK(sv) && SvTYPE(SvRV(sv)) == type && !(hash && shape->element && is_number_object(aTHX_ SvRV(sv)))) {
        if (hash)
            return decode_hash(aTHX_ place, shape, (HV *)SvRV(sv), out);
        return (shape->kind == SYSVIRT_KIND_TUPLE ? decode_tuple : decode_array)(aTHX_ place, shape, (AV *)SvRV(sv), out);
    }
    if (hash && shape->element)
        return sysvirt_decode_as(aTHX_ place, shape->element, sv, out);
    if (!hash && shape->others == SYSVIRT_OTHERS_IGNORE && !SvROK(sv)) {
        if (SvOK(sv))
            sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s: %" SVf " is not an ARRAY reference, and is ignored", place->method,
                                                   SVfARG(sysvirt_place_name(aTHX_ place)))));
        out->tag = SYSVIRT_TAG_ARRAY;
        return NULL;
    }
    return because(aTHX_ place, hash ? "is not a HASH reference" : "is not an ARRAY reference");
}

/* Decodes a scalar without magic, which nothing else can change. `out` is all zeros: undef. Returns NULL, or what is wrong with it.
 */
SV *sysvirt_decode_as(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    if (shape->optional && !SvOK(sv))
        return NULL;
    switch (shape->kind) {
    case SYSVIRT_KIND_NUMBER:
        return named(aTHX_ place, sysvirt_decode_number(aTHX_ place, shape, sv, out));
    case SYSVIRT_KIND_DESCRIPTOR:
        return named(aTHX_ place, decode_descriptor(aTHX_ place, shape, sv, out));
    case SYSVIRT_KIND_FLOAT:
        return named(aTHX_ place, sysvirt_decode_float(aTHX_ place, shape, sv, out));
    case SYSVIRT_KIND_TRUTH:
        out->tag = SYSVIRT_TAG_INT;
        out->data.integer = SvTRUE(sv);
        return NULL;
    case SYSVIRT_KIND_TEXT:
    case SYSVIRT_KIND_PATH:
        return named(aTHX_ place, sysvirt_decode_text(aTHX_ place, shape, sv, out));
    case SYSVIRT_KIND_BYTES:
        return named(aTHX_ place, sysvirt_decode_bytes(aTHX_ place, shape, sv, out));
    case SYSVIRT_KIND_SCALAR:
        return sysvirt_decode_scalar(aTHX_ place, sv, out);
    case SYSVIRT_KIND_HANDLE:
        if (shape->optional && !SvROK(sv)) {
            sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s: %" SVf " is not an object, and is treated as undef", place->method,
                                                   SVfARG(sysvirt_place_name(aTHX_ place)))));
            return NULL;
        }
        return named(aTHX_ place, sysvirt_decode_handle(aTHX_ shape, sv, out));
    case SYSVIRT_KIND_CODE:
        sysvirt_decode_code(aTHX_ place, sv, out);
        return NULL;
    case SYSVIRT_KIND_ARRAY:
    case SYSVIRT_KIND_TUPLE:
    case SYSVIRT_KIND_HASH:
        return decode_container(aTHX_ place, shape, sv, out);
    case SYSVIRT_KIND_ANY:
        return decode_any(aTHX_ place, sv, out);
    case SYSVIRT_KIND_INVOCANT:
        out->data.pointer = sysvirt_invocant_stash(aTHX_ sv);
        return NULL;
    default:
        return NULL;
    }
}

/* The result of a callback, or the value that it left in an argument. Dies if it is invalid. */
void sysvirt_decode_result(pTHX_ const sysvirt_Field *what, SV *sv, sysvirt_Value *out) {
    const sysvirt_place place = {NULL, what->key, what->len, -1};
    SV *why;
    if (SvGMAGICAL(sv))
        sv = sv_mortalcopy(sv);
    why = sysvirt_decode_as(aTHX_ &place, &what->shape, sv, out);
    if (why)
        croak("%" SVf, SVfARG(why));
}
