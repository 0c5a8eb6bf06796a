/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Plain arguments: of the kind that the parameter has, so that no Perl code can run while they are decoded, and nothing
 * need be copied. Almost all are; only this file decides which. */

#ifndef SYSVIRT_PLAIN_H
#define SYSVIRT_PLAIN_H

#include "handle.h"
#include "scalar.h"

bool sysvirt_decode_plain_other(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
bool sysvirt_decode_plain_pairs(pTHX_ const sysvirt_Shape *shape, SV **given, SSize_t count, sysvirt_Value *out);

/* Whether one of eight bytes is 0 or not ASCII: what borrows in the subtraction, or had its highest bit set. */
static inline bool sysvirt_is_special(uint64_t bytes) {
    return (((bytes - 0x0101010101010101ull) | bytes) & 0x8080808080808080ull) != 0;
}

/* Whether the string is ASCII without NUL, which needs no conversion. */
static inline bool sysvirt_is_ascii(const char *text, STRLEN length) {
    const char *at = text, *const end = text + length;
    uint64_t word = 0x2020202020202020ull;
    for (; end - at >= 8; at += 8) {
        memcpy(&word, at, 8);
        if (sysvirt_is_special(word))
            return FALSE;
    }
    if (at == end)
        return TRUE;
    if (length >= 8) {
        memcpy(&word, end - 8, 8);
    } else if (length >= 4) {
        memcpy(&word, text, 4);
        memcpy((char *)&word + 4, end - 4, 4);
    } else {
        for (; at < end; at++)
            if ((signed char)*at <= 0)
                return FALSE;
        return TRUE;
    }
    return !sysvirt_is_special(word);
}

static ALWAYS_INLINE void sysvirt_set_head(sysvirt_Value *out, sysvirt_Tag tag, sysvirt_Class class_, size_t len) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t head = (uint64_t)tag | (uint64_t)class_ << 8; /* the other fields are 0: gcc would write each of them */
    memcpy(out, &head, sizeof head);
#else
    out->tag = tag;
    out->class_ = class_;
    out->storage = SYSVIRT_STORAGE_BORROWED;
    out->utf8 = FALSE;
    out->capacity = 0;
#endif
    out->len = len;
}

static ALWAYS_INLINE void sysvirt_set_handle(sysvirt_Value *out, const MAGIC *magic, SV *sv) {
    sysvirt_set_head(out, SYSVIRT_TAG_HANDLE, sysvirt_handle_class(magic), PTR2UV(sv));
    out->data.pointer = magic->mg_ptr;
}

/* Decodes the argument if it is plain. The common kinds come first. */
static ALWAYS_INLINE bool sysvirt_decode_plain(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out) {
    const U32 flags = SvFLAGS(sv) & (SVs_GMG | SVf_ROK | SVf_IOK | SVf_POK | SVf_IVisUV);
    if (shape->kind == SYSVIRT_KIND_HANDLE) {
        const MAGIC *magic = flags == SVf_ROK ? sysvirt_handle_magic_read(SvRV(sv)) : NULL;
        if (magic && sysvirt_handle_class(magic) == shape->class_) {
            sysvirt_set_handle(out, magic, sv);
            return TRUE;
        }
    } else if (shape->kind == SYSVIRT_KIND_NUMBER) {
        if ((flags & ~SVf_POK) == SVf_IOK && sysvirt_signed_fits(shape, SvIVX(sv))) {
            sysvirt_set_head(out, SYSVIRT_TAG_INT, SYSVIRT_CLASS_NONE, 0);
            out->data.integer = SvIVX(sv);
            return TRUE;
        }
    } else if (shape->kind == SYSVIRT_KIND_TEXT || shape->kind == SYSVIRT_KIND_PATH) {
        if ((flags & (SVs_GMG | SVf_ROK | SVf_POK)) == SVf_POK && sysvirt_is_ascii(SvPVX_const(sv), SvCUR(sv))) {
            sysvirt_set_head(out, SYSVIRT_TAG_TEXT, SYSVIRT_CLASS_NONE, SvCUR(sv));
            out->data.text = SvPVX_const(sv);
            return TRUE;
        }
    } else if (shape->kind == SYSVIRT_KIND_BYTES) {
        if ((flags & (SVs_GMG | SVf_ROK | SVf_POK)) == SVf_POK && !SvUTF8(sv)) {
            sysvirt_set_head(out, SYSVIRT_TAG_BYTES, SYSVIRT_CLASS_NONE, SvCUR(sv));
            out->data.text = SvPVX_const(sv);
            return TRUE;
        }
    } else if (shape->kind == SYSVIRT_KIND_ANY) {
        const MAGIC *magic = flags == SVf_ROK ? sysvirt_handle_magic_read(SvRV(sv)) : NULL;
        if (magic)
            sysvirt_set_handle(out, magic, sv);
        return magic != NULL;
    }
    return sysvirt_decode_plain_other(aTHX_ shape, sv, out);
}

#endif
