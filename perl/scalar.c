/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Single scalars become values: arguments, the elements of hashes and arrays, and what callbacks return. perl's own conversions,
 * except that nothing is truncated, wrapped around, or changed in the scalar. Only this file decides what a number is. */

#include "scalar.h"
#include "handle.h"
#include "warning.h"

#define OVERLOADS_MAX 16 /* how often an object's number may be an object again */

/* "weight" or "keycodes[2]". */
SV *sysvirt_place_name(pTHX_ const sysvirt_place *place) {
    SV *name = newSVpvn_flags(place->name, place->len, SVs_TEMP);
    if (place->index >= 0)
        sv_catpvf(name, "[%" IVdf "]", (IV)place->index);
    return name;
}

static SV *because(pTHX_ const char *why) { return newSVpvn_flags(why, strlen(why), SVs_TEMP); }

/* Memory that lasts as long as a mortal. */
void *sysvirt_scratch(pTHX_ size_t size) { return SvPVX(sv_2mortal(newSV(size ? size : 1))); }

static int wipe(pTHX_ SV *sv, MAGIC *magic) {
    volatile char *at, *end;
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(magic);
    if (SvROK(sv) || private_shares_buffer(sv))
        return 0;
    SvOOK_off(sv);
    for (at = SvPVX(sv), end = at + SvLEN(sv); at < end;)
        *at++ = 0;
    return 0;
}

/* A possible secret: it is overwritten before its memory is freed. */
SV *sysvirt_wiped(pTHX_ SV *sv) {
    static const MGVTBL table = {.svt_free = wipe};
    if (SvTYPE(sv) < SVt_PVMG || !mg_findext(sv, PERL_MAGIC_ext, &table))
        sv_magicext(sv, NULL, PERL_MAGIC_ext, &table, NULL, 0);
    return sv;
}

/* A mortal copy of a scalar without magic. sv_mortalcopy would take the string of one that is a mortal itself. */
static SV *unstolen(pTHX_ SV *sv) {
    SV *copy = sv_newmortal();
    sv_setsv_flags(copy, sv, SV_NOSTEAL);
    return copy;
}

/* A copy of a scalar, which Perl code cannot change or move. Its magic is called now, once. */
SV *sysvirt_copy(pTHX_ SV *sv) {
    SvGETMAGIC(sv);
    if (SvPOK(sv) && !SvROK(sv) && !SvIOK(sv) && !SvNOK(sv))
        return sysvirt_wiped(aTHX_ newSVpvn_flags(SvPVX_const(sv), SvCUR(sv), SVs_TEMP | SvUTF8(sv)));
    sv = unstolen(aTHX_ sv);
    return SvPOK(sv) ? sysvirt_wiped(aTHX_ sv) : sv;
}

/* perl's message, with our method instead of "subroutine entry". */
static void warn_uninitialized(pTHX_ const sysvirt_place *place) {
    if (ckWARN(WARN_UNINITIALIZED))
        Perl_warner(aTHX_ packWARN(WARN_UNINITIALIZED), "Use of uninitialized value in %s (%" SVf ")",
                    place->method ? place->method : "a callback", SVfARG(sysvirt_place_name(aTHX_ place)));
}

/* How many bytes a string such as "2G" means, 0 if it is none: as in virsh, K, KiB and the like are powers of 1024, KB and the like
 * powers of 1000. */
static NV size_meant(const char *text, STRLEN length) {
    static const char units[] = "KMGTPE";
    const char *at = text, *const end = text + length, *unit;
    NV number = 0, fraction = 1, base = 1024;
    if (at == end || !isDIGIT(*at))
        return 0;
    for (; at < end && isDIGIT(*at); at++)
        number = number * 10 + (*at - '0');
    if (at < end && *at == '.')
        for (at++; at < end && isDIGIT(*at); at++)
            number += (*at - '0') * (fraction /= 10);
    while (at < end && *at == ' ')
        at++;
    if (at == end || !(unit = strchr(units, toUPPER(*at))))
        return 0;
    at++;
    if (end - at == 1 && toUPPER(*at) == 'B')
        base = 1000;
    else if (at < end && !(end - at == 2 && *at == 'i' && at[1] == 'B'))
        return 0;
    for (; unit >= units; unit--)
        number *= base;
    return number;
}

/* The number to pass instead of a size with a unit: "val is in KiB: pass 2097152". Otherwise only the name. */
static SV *name_with_hint(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, const char *text, STRLEN length) {
    SV *name = sysvirt_place_name(aTHX_ place);
    const NV bytes = place->method && shape && !shape->secret ? size_meant(text, length) : 0;
    /* Not with perl's format for an NV: compilers warn about libquadmath's %Qf. A number beyond UV_MAX cannot be passed. */
    if (bytes && shape->unit && bytes / shape->unit < (NV)UV_MAX)
        sv_catpvf(name, " is in %s: pass %" UVuf, shape->unit == 1 ? "bytes" : "KiB", (UV)(bytes / shape->unit + 0.5));
    else if (bytes && !shape->unit)
        sv_catpvs(name, " is a number without a unit");
    return name;
}

static void warn_not_numeric(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, const char *text, STRLEN length,
                             bool utf8) {
    SV *shown;
    if (!ckWARN(WARN_NUMERIC))
        return;
    shown = newSVpvs_flags("", SVs_TEMP);
    if (shape && shape->secret)
        sv_setpvs(shown, "...");
    else
        pv_pretty(shown, text, length, 40, NULL, NULL,
                  PERL_PV_PRETTY_ELLIPSES | PERL_PV_ESCAPE_NONASCII | (utf8 ? PERL_PV_ESCAPE_UNI : 0));
    Perl_warner(aTHX_ packWARN(WARN_NUMERIC), "Argument \"%" SVf "\" isn't numeric in %s (%" SVf ")", SVfARG(shown),
                place->method ? place->method : "a callback", SVfARG(name_with_hint(aTHX_ place, shape, text, length)));
}

static void set_signed(sysvirt_Value *out, int64_t number) {
    out->tag = SYSVIRT_TAG_INT;
    out->data.integer = number;
}

static void set_unsigned(sysvirt_Value *out, uint64_t number) {
    if (number <= INT64_MAX) {
        set_signed(out, (int64_t)number);
    } else {
        out->tag = SYSVIRT_TAG_UINT;
        out->data.natural = number;
    }
}

/* An integer if the number is within 64 bits, in whatever precision perl has; otherwise a float, which no integer type takes. */
static void set_float(sysvirt_Value *out, NV number) {
    const NV two_to_63 = 9223372036854775808.0;
    if (number < 0 && number >= -two_to_63) {
        set_signed(out, (int64_t)number);
    } else if (number >= 0 && number < 2 * two_to_63) {
        set_unsigned(out, (uint64_t)number);
    } else {
        out->tag = SYSVIRT_TAG_FLOAT;
        out->data.real = (double)number;
    }
}

/* The result of `0+` for a reference; NULL if that is its address. */
static SV *number_of_object(pTHX_ SV *sv) {
    int times;
    for (times = 0; SvROK(sv) && times < OVERLOADS_MAX; times++) {
        SV *number = private_overloads(aTHX_ sv) ? private_overloaded_number(aTHX_ sv) : NULL;
        if (!number || (SvROK(number) && SvRV(number) == SvRV(sv)))
            return NULL;
        sv = SvGMAGICAL(number) ? sv_mortalcopy(number) : number; /* magic may die: the arguments are mortals */
    }
    return SvROK(sv) ? NULL : sv;
}

/* The integer value of a string, and its value if it may have a fraction, else 0. FALSE: it is not entirely a number. */
static bool numify_string(pTHX_ SV *sv, sysvirt_Value *out, NV *real) {
    STRLEN length;
    const char *digits = SvPV_nomg_const(sv, length);
    UV number;
    const int type = grok_number(digits, length, &number);
    const bool finite = !(type & (IS_NUMBER_INFINITY | IS_NUMBER_NAN)); /* "1.#INF" seems to have the integer 1 */
    const bool negative = type & IS_NUMBER_NEG;
    const bool exact = finite && type & IS_NUMBER_IN_UV && (!negative || number <= (UV)IV_MAX);
    *real = exact && !(type & IS_NUMBER_NOT_INT) ? 0 : Atof(digits);
    if (!exact)
        set_float(out, *real);
    else if (negative)
        set_signed(out, -(int64_t)number);
    else
        set_unsigned(out, number); /* a fraction aside */
    return type != 0;
}

/* The integer value of a defined scalar, as perl sees it. FALSE: it is a string that is not entirely a number. */
bool sysvirt_numify(pTHX_ SV *sv, sysvirt_Value *out) {
    if (SvIOK(sv)) {
        if (SvIsUV(sv))
            set_unsigned(out, SvUVX(sv));
        else
            set_signed(out, SvIVX(sv));
    } else if (SvNOK(sv)) {
        set_float(out, SvNVX(sv));
    } else {
        NV real;
        return numify_string(aTHX_ sv, out, &real);
    }
    return TRUE;
}

static SV *out_of_range(pTHX_ const sysvirt_Shape *shape, const sysvirt_Value *number) {
    SV *why = newSVpvs_flags("", SVs_TEMP);
    if (number->tag == SYSVIRT_TAG_FLOAT && !(number->data.real - number->data.real == 0))
        return because(aTHX_ "is not a finite number");
    if (number->tag == SYSVIRT_TAG_FLOAT)
        sv_setpvf(why, "is out of range: %.0f", number->data.real);
    else if (number->tag == SYSVIRT_TAG_UINT)
        sv_setpvf(why, "is out of range: %" PRIu64, number->data.natural);
    else
        sv_setpvf(why, "is out of range: %" PRId64, number->data.integer);
    sv_catpvf(why, " is not within %" PRId64 " to %" PRIu64, shape->min, shape->max);
    return why;
}

SV *sysvirt_decode_number(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    if (SvROK(sv) && !(sv = number_of_object(aTHX_ sv)))
        return because(aTHX_ "is a reference, not a number");
    if (!SvOK(sv)) {
        warn_uninitialized(aTHX_ place);
        set_signed(out, 0);
        return NULL;
    }
    if (!sysvirt_numify(aTHX_ sv, out)) {
        STRLEN length;
        const char *given = SvPV_nomg_const(sv, length);
        warn_not_numeric(aTHX_ place, shape, given, length, cBOOL(SvUTF8(sv)));
    }
    return sysvirt_fits(shape, out) ? NULL : out_of_range(aTHX_ shape, out);
}

SV *sysvirt_decode_float(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    if (SvROK(sv) && !(sv = number_of_object(aTHX_ sv)))
        return because(aTHX_ "is a reference, not a number");
    out->tag = SYSVIRT_TAG_FLOAT;
    out->data.real = 0;
    if (!SvOK(sv)) {
        warn_uninitialized(aTHX_ place);
    } else if (SvNIOK(sv)) {
        out->data.real = (double)SvNV_nomg(sv);
    } else {
        STRLEN length;
        const char *given = SvPV_nomg_const(sv, length);
        if (!grok_number(given, length, NULL))
            warn_not_numeric(aTHX_ place, shape, given, length, cBOOL(SvUTF8(sv)));
        out->data.real = (double)Atof(given);
    }
    return NULL;
}

/* A copy of the string value of an overloaded object, which may be a variable of the script. */
static SV *own_string(pTHX_ SV *sv) {
    STRLEN length;
    const char *text = SvPV_nomg_const(sv, length);
    return newSVpvn_flags(text, length, SVs_TEMP | SvUTF8(sv));
}

static bool has_high_bytes(const char *text, STRLEN length) {
    const U8 *at = (const U8 *)text, *end = at + length;
    for (; at < end; at++)
        if (*at & 0x80)
            return TRUE;
    return FALSE;
}

/* The scalar with the string value, without magic; NULL: a reference without string value. A number is converted in a copy, because
 * the script's scalar would keep the string. */
static SV *string_of(pTHX_ const sysvirt_place *place, SV *sv) {
    if (SvROK(sv))
        return private_overloads(aTHX_ sv) ? own_string(aTHX_ sv) : NULL;
    if (!SvOK(sv)) {
        warn_uninitialized(aTHX_ place);
        return newSVpvs_flags("", SVs_TEMP);
    }
    return SvPOK(sv) ? sv : own_string(aTHX_ unstolen(aTHX_ sv));
}

/* A string for libvirt: UTF-8 without NUL; a path in whatever bytes it has. */
SV *sysvirt_decode_text(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    STRLEN length;
    const char *text;
    if (!(sv = string_of(aTHX_ place, sv)))
        return because(aTHX_ "is a reference, not a string");
    text = SvPV_nomg_const(sv, length);
    if (memchr(text, '\0', length))
        return because(aTHX_ "holds a NUL character");
    /* Characters 128 to 255 of a string that is not already UTF-8: libvirt wants the same characters encoded. */
    if (shape->kind != SYSVIRT_KIND_PATH && !SvUTF8(sv) && has_high_bytes(text, length)
        && !is_utf8_string((const U8 *)text, length)) {
        SV *encoded = sysvirt_wiped(aTHX_ newSVpvn_flags(text, length, SVs_TEMP));
        text = SvPVutf8(encoded, length);
    }
    sysvirt_set_text(out, SYSVIRT_TAG_TEXT, text, length, FALSE);
    return NULL;
}

/* A string of bytes; in a secret, wide characters are passed as UTF-8, as in the original. */
SV *sysvirt_decode_bytes(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    STRLEN length;
    const char *bytes;
    if (!(sv = string_of(aTHX_ place, sv)))
        return because(aTHX_ "is a reference, not a string");
    bytes = SvPV_nomg_const(sv, length);
    if (SvUTF8(sv)) {
        SV *downgraded = sysvirt_wiped(aTHX_ newSVpvn_flags(bytes, length, SVs_TEMP | SVf_UTF8));
        if (!sv_utf8_downgrade(downgraded, TRUE) && !shape->secret)
            return because(aTHX_ "holds a wide character");
        bytes = SvPV_const(downgraded, length);
    }
    sysvirt_set_text(out, SYSVIRT_TAG_BYTES, bytes, length, FALSE);
    return NULL;
}

/* The number of a scalar, with its fraction if it has one. FALSE: it is a string that is not entirely a number. */
bool sysvirt_numify_wholly(pTHX_ SV *sv, sysvirt_Value *out) {
    NV real = SvIOK(sv) || !SvNOK(sv) ? 0 : SvNVX(sv);
    const bool number = SvNIOK(sv) ? sysvirt_numify(aTHX_ sv, out) : numify_string(aTHX_ sv, out, &real);
    if (real != Perl_floor(real)) {
        out->tag = SYSVIRT_TAG_FLOAT;
        out->data.real = (double)real;
    }
    return number;
}

/* A value whose type only Rust knows: its string and its number. An invalid one is an error only when it is used. */
SV *sysvirt_decode_scalar(pTHX_ const sysvirt_place *place, SV *sv, sysvirt_Value *out) {
    static const sysvirt_Shape string = {.kind = SYSVIRT_KIND_TEXT};
    SV *number = sv, *why;
    sysvirt_Value *items;
    if (!SvOK(sv))
        return NULL; /* undef */
    items = sysvirt_scratch(aTHX_ 2 * sizeof *items);
    Zero(items, 2, sysvirt_Value);
    why = sysvirt_decode_text(aTHX_ place, &string, sv, &items[0]);
    if (why)
        sysvirt_set_text(&items[0], SYSVIRT_TAG_BAD, SvPVX_const(why), SvCUR(why), FALSE);
    if (!SvROK(sv) || (number = number_of_object(aTHX_ sv)))
        out->utf8 = !sysvirt_numify_wholly(aTHX_ number, &items[1]); /* not entirely a number */
    else
        sysvirt_set_text(&items[1], SYSVIRT_TAG_BAD, "is a reference, not a number", 28, FALSE);
    out->tag = SYSVIRT_TAG_SCALAR;
    out->len = 2;
    out->data.items = items;
    return NULL;
}

SV *sysvirt_decode_handle(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    const MAGIC *magic = SvROK(sv) ? sysvirt_handle_magic_read(SvRV(sv)) : NULL;
    if (!magic || sysvirt_handle_class(magic) != shape->class_) {
        if (!sv_isobject(sv) || SvTYPE(SvRV(sv)) != SVt_PVMG)
            return because(aTHX_ "is not a blessed SV reference");
        return sv_2mortal(newSVpvf("is not a %s object", sysvirt_package(shape->class_)));
    }
    out->tag = SYSVIRT_TAG_HANDLE;
    out->class_ = shape->class_;
    out->data.pointer = magic->mg_ptr;
    out->len = PTR2UV(sv);
    return NULL;
}

/* Whether perl would find a sub to call now. */
static bool is_callable(pTHX_ SV *sv) {
    if (SvROK(sv)) {
        SV *target = SvRV(sv);
        return SvTYPE(target) == SVt_PVCV || (SvOBJECT(target) && gv_fetchmeth_pvn(SvSTASH(target), "(&{}", 4, -1, 0));
    }
    if (isGV_with_GP(sv))
        return GvCV((GV *)sv) != NULL;
    return SvPOK(sv) && get_cv(SvPV_nolen(sv), 0);
}

/* Anything that call_sv accepts when the callback is called: a code reference, an object that overloads `&{}`, a glob, or a name,
 * whose sub may be redefined or defined later. For anything else call_sv dies then. */
void sysvirt_decode_code(pTHX_ const sysvirt_place *place, SV *sv, sysvirt_Value *out) {
    if (!is_callable(aTHX_ sv))
        sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%s: %" SVf " is not a CODE reference", place->method,
                                               SVfARG(sysvirt_place_name(aTHX_ place)))));
    out->tag = SYSVIRT_TAG_CODE;
    out->data.pointer = SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVCV ? SvRV(sv) : sv;
}
