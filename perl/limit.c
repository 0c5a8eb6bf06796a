/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Blocking calls with a time limit. Another thread makes the call, while this one waits in a way that signals interrupt: perl's
 * handlers run immediately, and an exception of one leaves the call. If the call needs Perl, such as a callback for credentials,
 * that runs here during the wait. */

#include "limit.h"
#include "async.h"
#include "handle.h"
#include <poll.h>
#include <signal.h>

#define NANOSECONDS 1e9
#define SECONDS_MAX 1e9 /* practically never */

uint64_t sysvirt_nanoseconds(pTHX_ SV *seconds, const char *name) {
    NV number;
    SvGETMAGIC(seconds);
    if (!SvOK(seconds))
        return 0;
    number = SvNV_nomg(seconds);
    if (!(number > 0))
        croak("%s is not a number of seconds above 0", name);
    return number > SECONDS_MAX ? 0 : (uint64_t)(number * NANOSECONDS) + 1;
}

void **sysvirt_call_connection(const sysvirt_Method *method, const sysvirt_Value *args) {
    SV *object = method->nparams && args[0].tag == SYSVIRT_TAG_HANDLE ? (SV *)(uintptr_t)args[0].len : NULL;
    return object && SvROK(object) ? sysvirt_handle_connection(SvRV(object), args[0].data.pointer) : NULL;
}

uint64_t sysvirt_call_limit(const my_cxt_t *cxt, const sysvirt_Method *method, const sysvirt_Value *args) {
    return cxt->limited ? sysvirt_limit_of(args, method->nparams, sysvirt_call_connection(method, args)) : 0;
}

void sysvirt_limit_connection(my_cxt_t *cxt, void *connection, uint64_t limit) {
    sysvirt_set_limit(connection, limit);
    /* Handlers of signals may change arguments, as an event loop in Perl may. */
    if (limit)
        cxt->limited = cxt->reentrant = TRUE;
}

typedef struct {
    my_cxt_t *cxt;
    size_t queue;
    uint64_t id;
} waiting;

/* The call has ended, or is abandoned because a handler died. */
static void leave(pTHX_ void *pointer) {
    waiting *call = pointer;
    PERL_UNUSED_CONTEXT;
    sysvirt_abandon(call->id);
    if (call->cxt->spare)
        sysvirt_queue_close(call->queue);
    else
        call->cxt->spare = call->queue;
    Safefree(call);
}

/* Waits until the descriptor is readable or a signal has come, which may have arrived already: the signal stays blocked between the
 * check and the wait. */
static void wait_for(pTHX_ int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!private_signal_waits(aTHX))
        (void)ppoll(&ready, 1, NULL, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

sysvirt_Outcome sysvirt_call_limited(pTHX_ my_cxt_t *cxt, const sysvirt_Method *method, const sysvirt_Value *args, uint64_t limit,
                                     sysvirt_Value *result) {
    const sysvirt_How how = {.timeout = limit, .attended = TRUE, .connection = sysvirt_call_connection(method, args)};
    sysvirt_Settled settled;
    waiting *call;
    int fd;
    Newxz(call, 1, waiting);
    call->cxt = cxt;
    call->queue = cxt->spare ? cxt->spare : sysvirt_queue_open();
    cxt->spare = 0;
    call->id = call->queue ? sysvirt_submit(call->queue, method, args, &how) : 1;
    if (call->id <= 1) {
        sysvirt_queue_close(call->queue);
        Safefree(call);
        croak("%s: cannot start a thread", method->name);
    }
    ENTER;
    SAVEDESTRUCTOR_X(leave, call);
    sysvirt_watch(); /* libvirt's requests to an event loop in Perl */
    fd = sysvirt_queue_fd(call->queue);
    Zero(&settled, 1, sysvirt_Settled);
    while (!cxt->exiting && !sysvirt_take(call->queue, &settled)) {
        if (sysvirt_serve(call->queue))
            continue;
        wait_for(aTHX_ fd);
        PERL_ASYNC_CHECK();
    }
    LEAVE;
    *result = settled.result;
    return settled.outcome;
}

/* $con->set_call_timeout($seconds) */
XS_INTERNAL(set_call_timeout) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    const MAGIC *magic;
    PERL_UNUSED_VAR(cv);
    if (items != 2)
        croak("Usage: Sys::Virt::set_call_timeout(con, seconds)");
    magic = sysvirt_handle_magic(ST(0));
    if (!magic || sysvirt_handle_class(magic) != SYSVIRT_CLASS_CONNECT || !magic->mg_ptr)
        croak("Sys::Virt::set_call_timeout: con is not an open connection");
    sysvirt_limit_connection(cxt, magic->mg_ptr, sysvirt_nanoseconds(aTHX_ ST(1), "Sys::Virt::set_call_timeout: seconds"));
    XSRETURN_EMPTY;
}

void sysvirt_limit_boot(pTHX) { newXS_flags("Sys::Virt::set_call_timeout", set_call_timeout, __FILE__, "$$", 0); }
