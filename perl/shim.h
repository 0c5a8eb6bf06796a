/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* What the parts of the shim share. The shim knows Perl and no method; Rust knows the methods and no Perl. */

#ifndef SYSVIRT_SHIM_H
#define SYSVIRT_SHIM_H

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

#include "sysvirt.h"

#define SYSVIRT_CLASS_COUNT (SYSVIRT_CLASS_EVENT_IMPL + 1)

/* libvirt's callbacks find their interpreter by themselves; an unthreaded perl has only one. */
#ifdef USE_ITHREADS
#define CURRENT_INTERPRETER ((void *)PERL_GET_THX)
#else
#define CURRENT_INTERPRETER ((void *)1)
#endif

#ifndef MUTABLE_SV
#define MUTABLE_SV(p) ((SV *)(void *)(p))
#endif

/* One per interpreter. */
typedef struct {
    HV *stash[SYSVIRT_CLASS_COUNT]; /* by class number */
    SV *parked;   /* what a callback died with, to be thrown when the enclosing call has returned */
    bool exiting; /* a callback called exit: everything returns as fast as it can */
    bool reentrant; /* an event loop in Perl may run in the midst of any call, and change the arguments */
    CV *gatherer; /* runs a callback and collects what it returns */
    struct gathering *gathering;
} my_cxt_t;

/* shim.c: the only place where the context is declared; the others get it passed. */
my_cxt_t *sysvirt_context(pTHX);

/* arguments.c */
void sysvirt_decode(pTHX_ const sysvirt_Method *method, const sysvirt_Param *param, SV *sv, sysvirt_Value *out);
bool sysvirt_needs_copy(pTHX_ const sysvirt_Param *param, SV *sv);
void sysvirt_decode_pairs(pTHX_ SV **first, SSize_t count, sysvirt_Value *out);
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out, int depth);

/* results.c */
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash);

/* handle.c */
void sysvirt_handle_boot(void);
SV *sysvirt_handle_new(pTHX_ HV *stash, sysvirt_Class class_, void *object);
MAGIC *sysvirt_handle_magic(SV *sv);
sysvirt_Class sysvirt_handle_class(const MAGIC *magic);
void sysvirt_handle_close(pTHX_ SV *sv);

/* callback.c */
extern const sysvirt_Callbacks sysvirt_callbacks;
void sysvirt_callback_boot(pTHX);
void sysvirt_callback_forget_interpreter(pTHX_ void *unused);
void sysvirt_gather(pTHX_ CV *cv);

#endif
