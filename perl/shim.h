/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* What the parts of the shim share. The shim knows Perl and no method; Rust knows the methods and no Perl. */

#ifndef SYSVIRT_SHIM_H
#define SYSVIRT_SHIM_H

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

#include "sysvirt.h"

/* A perl that lacks one of these variables is another perl: it is to find out when it compares versions, which comes
 * first of all, and not from a symbol that cannot be found. */
#ifdef __ELF__
#pragma weak PL_thr_key
#pragma weak PL_current_context
#pragma weak PL_hash_state_w
#pragma weak PL_extended_utf8_dfa_tab
#endif

#define SYSVIRT_CLASS_COUNT (SYSVIRT_CLASS_EVENT_IMPL + 1)

/* libvirt's callbacks find their interpreter by themselves; an unthreaded perl has only one. */
#ifdef USE_ITHREADS
#define CURRENT_INTERPRETER ((void *)PERL_GET_THX)
#else
#define CURRENT_INTERPRETER ((void *)1)
#endif

/* What perls before 5.36 call otherwise, or lack. */
#ifndef G_LIST
#define G_LIST G_ARRAY
#endif
#ifndef PERL_VERSION_GE
#define PERL_VERSION_GE(major, minor, patch) \
    (PERL_REVISION * 1000000 + PERL_VERSION * 1000 + PERL_SUBVERSION >= (major) * 1000000 + (minor) * 1000 + (patch))
#endif
#ifndef MUTABLE_SV
#define MUTABLE_SV(p) ((SV *)(void *)(p))
#endif

/* One per interpreter. */
typedef struct {
    HV *stash[SYSVIRT_CLASS_COUNT]; /* by class number */
    SV *parked;   /* what a callback died with, to be thrown when the enclosing call has returned */
    bool exiting; /* a callback called exit: everything returns as fast as it can */
    bool pending; /* either of these */
    bool reentrant; /* an event loop in Perl may run in the midst of any call, and change the arguments */
    CV *gatherer; /* runs a callback and collects what it returns */
    struct gathering *gathering;
    AV *keys;     /* the keys of results, as scalars that share them, by number */
} my_cxt_t;

/* shim.c: the only place where the context is declared; the others get it passed. */
my_cxt_t *sysvirt_context(pTHX);

/* arguments.c */
void sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool copy);
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out, int depth);

/* results.c */
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash);

/* handle.c */
void sysvirt_handle_boot(void);
SV *sysvirt_handle_inner(pTHX_ sysvirt_Class class_, void *object);
SV *sysvirt_handle_new(pTHX_ HV *stash, sysvirt_Class class_, void *object);
void sysvirt_handle_close(pTHX_ SV *sv);
extern MGVTBL sysvirt_handle_table;

/* The magic of what a handle refers to, NULL for any other scalar. */
static inline MAGIC *sysvirt_handle_magic_of(SV *inner) {
    MAGIC *magic;
    if (SvTYPE(inner) < SVt_PVMG)
        return NULL;
    for (magic = SvMAGIC(inner); magic; magic = magic->mg_moremagic)
        if (magic->mg_virtual == &sysvirt_handle_table)
            return magic;
    return NULL;
}

/* The same by way of the reference. */
static inline MAGIC *sysvirt_handle_magic(SV *sv) {
    return SvROK(sv) ? sysvirt_handle_magic_of(SvRV(sv)) : NULL;
}

/* mg_private holds the class, and above it the generation of processes that the handle belongs to. */
#define SYSVIRT_HANDLE_CLASS_BITS 6

static inline sysvirt_Class sysvirt_handle_class(const MAGIC *magic) {
    return (sysvirt_Class)(magic->mg_private & ((1 << SYSVIRT_HANDLE_CLASS_BITS) - 1));
}

/* callback.c */
extern const sysvirt_Callbacks sysvirt_callbacks;
void sysvirt_callback_boot(pTHX);
void sysvirt_callback_forget_interpreter(pTHX_ void *unused);
void sysvirt_gather(pTHX_ CV *cv);

#endif
