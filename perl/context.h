/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Perl, what older perls lack, and what the shim keeps for each interpreter. The shim knows Perl and no method; Rust knows
 * the methods and no Perl. */

#ifndef SYSVIRT_CONTEXT_H
#define SYSVIRT_CONTEXT_H

#include "private.h"
#include "sysvirt.h"

#define SYSVIRT_CLASS_COUNT (SYSVIRT_CLASS_EVENT_IMPL + 1)

/* libvirt's callbacks find their interpreter by themselves; a perl without MULTIPLICITY has only one. */
#ifdef MULTIPLICITY
#define CURRENT_INTERPRETER ((void *)PERL_GET_THX)
#else
#define CURRENT_INTERPRETER ((void *)1)
#endif

/* Functions that perls before 5.36 lack, or have under another name. */
#ifndef G_LIST
#define G_LIST G_ARRAY
#endif
#ifndef PERL_VERSION_GE
#define PERL_VERSION_GE(major, minor, patch) \
    (PERL_REVISION * 1000000 + PERL_VERSION * 1000 + PERL_SUBVERSION >= (major)*1000000 + (minor)*1000 + (patch))
#endif
#ifndef MUTABLE_SV
#define MUTABLE_SV(p) ((SV *)(void *)(p))
#endif

/* Marks for the fast path of most calls, and for the rest. */
#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#else
#define ALWAYS_INLINE inline
#define NOINLINE
#endif

/* For how many elements of arguments there is room that need not be asked for. */
#define SYSVIRT_ROOM ((size_t)64)

/* One per interpreter. */
typedef struct {
    void *interpreter;              /* whose it is */
    HV *stash[SYSVIRT_CLASS_COUNT]; /* by class number */
    SV *deferred;                   /* what a callback died with, to be thrown when the enclosing call has returned */
    AV *others;                     /* what further callbacks of that call died with: warnings, or NULL */
    bool exiting;                   /* a callback called exit: everything returns as fast as it can */
    bool pending;                   /* either of these */
    bool reentrant; /* an event loop in Perl or a close callback may run during any call, and change the arguments */
    bool lowered;   /* perl's count of signals starts below zero, see storm.rs */
    bool signaled;  /* signals had come before libvirt was called, and are not handled yet */
    unsigned depth; /* of the callbacks that run */
    CV *gatherer;   /* runs a callback and collects what it returns */
    struct sysvirt_invocation *gathering; /* which it runs */
    AV *keys;                             /* the keys of results, as scalars that share them, by number */
    AV *templates;                        /* of hashes with such keys, by the number of the first key */
    struct sysvirt_shapes *shapes;        /* templates of hashes with libvirt's names */
    SV *spare_error;                      /* an empty $@ for a callback */
    size_t taken;                         /* of the room: by the call whose arguments are decoded */
    sysvirt_Value room[SYSVIRT_ROOM];
    size_t queue;               /* of calls that do not block; 0: none were made */
    size_t spare;               /* the same of a blocking call with a time limit, when none is made */
    bool limited;               /* there may be time limits */
    struct sysvirt_call *calls; /* those that are not settled */
    HV *futures;                /* Sys::Virt::Future */
    bool joined;                /* the event loops that there were are joined: when, see async.c */
    bool joined_default;
    size_t joined_modules;
    pid_t joined_by;
} my_cxt_t;

/* The context of this interpreter, NULL before its first use and after its end. A thread starts with its parent's context in the
 * list; the parent's stashes and scalars in it must not be used by another interpreter. */
#ifdef MULTIPLICITY
extern int sysvirt_context_index;
my_cxt_t *sysvirt_context_new(pTHX);
static inline my_cxt_t *sysvirt_context_of(pTHX) {
    my_cxt_t *cxt = private_my_cxt(aTHX_ sysvirt_context_index);
    return LIKELY(cxt->interpreter == (void *)aTHX) ? cxt : NULL;
}
#else
extern my_cxt_t *sysvirt_only_context;
static inline my_cxt_t *sysvirt_context_of(pTHX) { return sysvirt_only_context->interpreter ? sysvirt_only_context : NULL; }
#endif

/* The same, created at its first use. */
static inline my_cxt_t *sysvirt_context(pTHX) {
#ifdef MULTIPLICITY
    my_cxt_t *cxt = sysvirt_context_of(aTHX);
    return cxt ? cxt : sysvirt_context_new(aTHX);
#else
    return sysvirt_only_context;
#endif
}

/* For a table of magic: a thread's copy of the scalar has the magic without its data, which is the parent's. */
#ifdef USE_ITHREADS
int sysvirt_magic_dup(pTHX_ MAGIC *magic, CLONE_PARAMS *params);
#define SYSVIRT_MAGIC_OF_ONE_THREAD .svt_dup = sysvirt_magic_dup
#else
#define SYSVIRT_MAGIC_OF_ONE_THREAD .svt_dup = NULL
#endif

/* For a table of magic whose pointer must not be shared, with MGf_LOCAL: what `local` makes in place of the scalar or hash gets no
 * magic. perl's copy would have the same pointer, and nothing else of ours. */
int sysvirt_magic_local(pTHX_ SV *sv, MAGIC *magic);

/* The context of the interpreter that loads the module. */
my_cxt_t *sysvirt_context_boot(pTHX);

#endif
