/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Handles, see handle.c. */

#ifndef SYSVIRT_HANDLE_H
#define SYSVIRT_HANDLE_H

#include "context.h"

void sysvirt_handle_boot(void);
SV *sysvirt_handle_inner(pTHX_ sysvirt_Class class_, void *object);
SV *sysvirt_handle_borrow(pTHX_ sysvirt_Class class_, void *object);
void sysvirt_handle_end_borrow(pTHX_ SV *inner);
SV *sysvirt_handle_new(pTHX_ HV *stash, sysvirt_Class class_, void *object);
void sysvirt_handle_close(pTHX_ SV *sv);
bool sysvirt_handle_hold(SV *inner, const void *object);
void sysvirt_handle_end_hold(pTHX_ SV *inner, void *object);
void **sysvirt_handle_connection(SV *inner, const void *object);
void sysvirt_handle_warn_or_exit(pTHX_ my_cxt_t *cxt);
extern const MGVTBL sysvirt_handle_table;

/* The magic of a handle's scalar, NULL for any other scalar. */
static inline MAGIC *sysvirt_handle_magic_of(SV *inner) {
    MAGIC *magic;
    if (SvTYPE(inner) < SVt_PVMG)
        return NULL;
    for (magic = SvMAGIC(inner); magic; magic = magic->mg_moremagic)
        if (magic->mg_virtual == &sysvirt_handle_table)
            return magic;
    return NULL;
}

/* Behind other magic. */
MAGIC *sysvirt_handle_magic_of_argument(SV *inner);

/* The same for a method's argument: the result of a tainted argument is tainted. */
static inline MAGIC *sysvirt_handle_magic_read(SV *inner) {
    MAGIC *magic;
    if (SvTYPE(inner) < SVt_PVMG || !(magic = SvMAGIC(inner)))
        return NULL;
    return LIKELY(magic->mg_virtual == &sysvirt_handle_table) ? magic : sysvirt_handle_magic_of_argument(inner);
}

/* The same through the reference. */
static inline MAGIC *sysvirt_handle_magic(SV *sv) { return SvROK(sv) ? sysvirt_handle_magic_of(SvRV(sv)) : NULL; }

/* The same for an argument that is a plain reference without magic. */
static inline MAGIC *sysvirt_handle_magic_plain(SV *sv) {
    return (SvFLAGS(sv) & (SVs_GMG | SVf_ROK)) == SVf_ROK ? sysvirt_handle_magic_read(SvRV(sv)) : NULL;
}

/* mg_private holds the class, above it whether the object is only borrowed, and then how often it is held. */
#define SYSVIRT_HANDLE_CLASS_BITS 5
#define SYSVIRT_HANDLE_BORROWED (1 << SYSVIRT_HANDLE_CLASS_BITS)
#define SYSVIRT_HANDLE_HOLD (SYSVIRT_HANDLE_BORROWED << 1)
#define SYSVIRT_HANDLE_HOLDS (0xFFFF & ~(SYSVIRT_HANDLE_HOLD - 1))

typedef char sysvirt_classes_fit[SYSVIRT_CLASS_COUNT <= 1 << SYSVIRT_HANDLE_CLASS_BITS ? 1 : -1];

static inline sysvirt_Class sysvirt_handle_class(const MAGIC *magic) {
    return (sysvirt_Class)(magic->mg_private & ((1 << SYSVIRT_HANDLE_CLASS_BITS) - 1));
}

#endif
