/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Handles: a blessed reference to a scalar whose integer is the C pointer, as scripts and other C modules
 * expect, and magic on that scalar, which is the proof that the pointer is ours and what owns the reference. */

#include "handle.h"
#include "warning.h"
#include <pthread.h>

/* The connection of a handle's object: not asked for yet; noted behind the magic, or NULL; a thread's copy of a handle has no room
 * for it. */
enum { UNASKED, NOTED, NO_ROOM, STATES = 4 };

/* mg_len of this process' handles, before their state is subtracted: lower for each fork since the process that loaded the module.
 * A handle of an older generation belongs to the parent, like its session with the daemon, and is not closed here. perl makes
 * something of its own of mg_len if it is positive (the pointer is to a copy) or HEf_SVKEY (it is to a scalar). */
#define FIRST_GENERATION (HEf_SVKEY - 1)
static SSize_t generation = FIRST_GENERATION;

static void next_generation(void) { generation -= STATES; }

static bool is_of_this_process(const MAGIC *magic) { return (size_t)(generation - magic->mg_len) < STATES; }

static int state(const MAGIC *magic) { return (int)((size_t)(FIRST_GENERATION - magic->mg_len) % STATES); }

static void set_state(MAGIC *magic, int to) { magic->mg_len += state(magic) - to; }

/* Closing a connection may call an event loop in Perl. No method can throw its exceptions, so they are warnings, as in any DESTROY.
 * `exit` needs no handling. */
void sysvirt_handle_warn_or_exit(pTHX_ my_cxt_t *cxt) {
    SV *error = cxt->deferred;
    const bool exiting = cxt->exiting;
    cxt->deferred = NULL;
    cxt->exiting = cxt->pending = FALSE;
    if (error) {
        sv_2mortal(error);
        Perl_ck_warner(aTHX_ packWARN(WARN_MISC), "\t(in cleanup) %" SVf, SVfARG(error));
        sysvirt_warn_of_others(aTHX_ cxt);
    }
    if (exiting)
        private_exit_on(aTHX);
}

static void release(pTHX_ MAGIC *magic) {
    void *object = magic->mg_ptr;
    magic->mg_ptr = NULL;
    if (magic->mg_private & SYSVIRT_HANDLE_HOLDS)
        return; /* the last hold releases it */
    if (object && !(magic->mg_private & SYSVIRT_HANDLE_BORROWED) && is_of_this_process(magic)) {
        my_cxt_t *cxt = sysvirt_context_of(aTHX);
        const bool pending = cxt && cxt->pending;
        sysvirt_release(sysvirt_handle_class(magic), object);
        if (cxt && UNLIKELY(cxt->pending) && !pending)
            sysvirt_handle_warn_or_exit(aTHX_ cxt);
    }
}

static int handle_free(pTHX_ SV *sv, MAGIC *magic) {
    PERL_UNUSED_ARG(sv);
    release(aTHX_ magic);
    return 0;
}

/* Gives the handle its own reference. */
static void retain(MAGIC *magic) {
    sysvirt_retain(sysvirt_handle_class(magic), magic->mg_ptr);
    magic->mg_private &= ~SYSVIRT_HANDLE_BORROWED;
}

#ifdef USE_ITHREADS
static int handle_dup(pTHX_ MAGIC *magic, CLONE_PARAMS *params) {
    PERL_UNUSED_ARG(params);
    magic->mg_private &= ~SYSVIRT_HANDLE_HOLDS; /* they are the parent's */
    set_state(magic, NO_ROOM);
    retain(magic);
    return 0;
}
#endif

const MGVTBL sysvirt_handle_table = {
    .svt_free = handle_free,
    .svt_local = sysvirt_magic_local,
#ifdef USE_ITHREADS
    .svt_dup = handle_dup,
#endif
};

static void watch_forks(void) { pthread_atfork(NULL, NULL, next_generation); }

void sysvirt_handle_boot(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
}

MAGIC *sysvirt_handle_magic_of_argument(SV *inner) {
    dTHX; /* which is rare */
    MAGIC *magic = sysvirt_handle_magic_of(inner);
    if (magic && SvTAINTED(inner))
        private_taint(aTHX);
    return magic;
}

/* The scalar with the magic; takes over the caller's reference to the object. */
SV *sysvirt_handle_inner(pTHX_ sysvirt_Class class_, void *object) {
    SV *inner = newSV_type(SVt_PVMG);
    MAGIC *magic = private_magic(aTHX_ inner, &sysvirt_handle_table, object, sizeof(void *));
    magic->mg_private = (U16)class_;
    magic->mg_len = generation;
    magic->mg_flags = MGf_DUP | MGf_LOCAL;
    SvIV_set(inner, PTR2IV(object));
    SvIOK_on(inner);
    return inner;
}

/* The same for an object that libvirt owns until sysvirt_handle_end_borrow. Retaining and releasing it would cost more than all the
 * rest of an event, and scripts rarely keep the object. */
SV *sysvirt_handle_borrow(pTHX_ sysvirt_Class class_, void *object) {
    SV *inner = sysvirt_handle_inner(aTHX_ class_, object);
    SvMAGIC(inner)->mg_private |= SYSVIRT_HANDLE_BORROWED;
    SvTAINT(inner);
    return inner;
}

/* Whether Perl code may run when the object is freed, which might keep it. */
static bool has_destructor(pTHX_ SV *inner) {
    GV *gv = SvOBJECT(inner) ? gv_fetchmeth_pvn(SvSTASH(inner), "DESTROY", 7, 0, 0) : NULL;
    return !gv || !GvCV(gv) || !CvCONST(GvCV(gv));
}

/* Ends the borrow, and releases the caller's reference to the scalar: if there are others, the handle retains the object. */
void sysvirt_handle_end_borrow(pTHX_ SV *inner) {
    MAGIC *magic = sysvirt_handle_magic_of(inner);
    if (magic->mg_ptr && (SvREFCNT(inner) > 1 || has_destructor(aTHX_ inner)))
        retain(magic);
    SvREFCNT_dec(inner);
}

/* Keeps a handle's object and its scalar alive until sysvirt_handle_end_hold, even if the script closes the handle: much cheaper
 * than a libvirt reference. False if impossible. */
bool sysvirt_handle_hold(SV *inner, const void *object) {
    MAGIC *magic = sysvirt_handle_magic_of(inner);
    if (!magic || !object || magic->mg_ptr != object || (magic->mg_private & SYSVIRT_HANDLE_BORROWED)
        || (magic->mg_private & SYSVIRT_HANDLE_HOLDS) == SYSVIRT_HANDLE_HOLDS)
        return FALSE;
    magic->mg_private += SYSVIRT_HANDLE_HOLD;
    SvREFCNT_inc_simple_void_NN(inner);
    return TRUE;
}

void sysvirt_handle_end_hold(pTHX_ SV *inner, void *object) {
    MAGIC *magic = sysvirt_handle_magic_of(inner);
    magic->mg_private -= SYSVIRT_HANDLE_HOLD;
    if (!magic->mg_ptr && !(magic->mg_private & SYSVIRT_HANDLE_HOLDS)) {
        magic->mg_ptr = object; /* closed in the meantime */
        release(aTHX_ magic);
    }
    SvREFCNT_dec(inner);
}

/* Where the connection of a handle's object is noted, NULL for now: libvirt takes long to name it. The object retains its
 * connection, and is never replaced by another one. NULL: this is not the handle of that object, or has no room. glibc's malloc has
 * the room anyway, so that no handle takes more memory for it. */
void **sysvirt_handle_connection(SV *inner, const void *object) {
    MAGIC *magic = sysvirt_handle_magic_of(inner);
    void **noted;
    if (!magic || !object || magic->mg_ptr != object || state(magic) == NO_ROOM)
        return NULL;
    noted = (void **)(void *)(magic + 1);
    if (state(magic) == UNASKED) {
        *noted = NULL;
        set_state(magic, NOTED);
    }
    return noted;
}

/* A new handle; also takes over the reference. */
SV *sysvirt_handle_new(pTHX_ HV *stash, sysvirt_Class class_, void *object) {
    SV *inner = sysvirt_handle_inner(aTHX_ class_, object);
    SvTAINT(inner);
    return sv_bless(newRV_noinc(inner), stash);
}

/* For DESTROY and close: releases the object now; the scalar becomes 0 and stays a handle. */
void sysvirt_handle_close(pTHX_ SV *sv) {
    MAGIC *magic = sysvirt_handle_magic(sv);
    if (!magic)
        return;
    release(aTHX_ magic);
    if (SvIOK(SvRV(sv)) && !SvREADONLY(SvRV(sv))) {
        SvIV_set(SvRV(sv), 0);
        SvIOK_only(SvRV(sv)); /* it may have been printed */
    }
}
