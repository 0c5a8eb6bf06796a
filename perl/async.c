/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Calls that do not block. Arguments are decoded as always, then a thread of
 * Rust's runs the method on copies of them; when it has, a descriptor becomes
 * readable, and _dispatch notifies the futures. Sys::Virt::Async, in Perl, is what
 * scripts see of this. */

#include "warning.h"
#include "async.h"
#include "arguments.h"
#include "call.h"
#include "error.h"
#include "handle.h"
#include "limit.h"
#include "results.h"
#include "sub.h"

void sysvirt_async_free(pTHX_ my_cxt_t *cxt, sysvirt_call *call) {
    if (call->next)
        call->next->previous = call->previous;
    if (call->previous)
        call->previous->next = call->next;
    else
        cxt->calls = call->next;
    SvREFCNT_dec(call->future);
    SvREFCNT_dec((SV *)call->stash);
    if (call->handle)
        sysvirt_handle_end_hold(aTHX_ call->handle, call->object);
    Safefree(call->file);
    Safefree(call);
}

/* The interpreter ends. Its running calls end without it, and their futures are not notified. */
static void forget_interpreter(pTHX_ void *unused) {
    my_cxt_t *cxt = sysvirt_context(aTHX);
    const size_t queue = cxt->queue;
    PERL_UNUSED_ARG(unused);
    cxt->queue = 0;
    sysvirt_queue_close(queue);
    sysvirt_queue_close(cxt->spare);
    cxt->spare = 0;
    while (cxt->calls)
        sysvirt_async_free(aTHX_ cxt, cxt->calls);
}

size_t sysvirt_async_queue(pTHX_ my_cxt_t *cxt) {
    if (!cxt->queue) {
        cxt->queue = sysvirt_queue_open();
        if (cxt->queue)
            Perl_call_atexit(aTHX_ forget_interpreter, NULL);
    }
    return cxt->queue;
}

/* The same for a call, which needs one. */
static size_t needed_queue(pTHX_ my_cxt_t *cxt) {
    const size_t queue = sysvirt_async_queue(aTHX_ cxt);
    if (!queue)
        croak("Sys::Virt::Async: no file descriptor is available");
    sysvirt_watch(); /* an event loop in Perl has to check it */
    return queue;
}

const sysvirt_Method *sysvirt_async_method(pTHX_ SV *code) {
    const sysvirt_Method *method = SvROK(code) && SvTYPE(SvRV(code)) == SVt_PVCV ? sysvirt_method_of((CV *)SvRV(code)) : NULL;
    size_t index;
    if (!method)
        croak("this method cannot run in the background, because it is written in Perl");
    if (method->flags & sysvirt_IN_PLACE)
        croak("%s cannot run in the background, because it changes the thread that calls it", method->name);
    for (index = 0; index < method->nparams; index++) {
        if (method->params[index].field.shape.kind == SYSVIRT_KIND_CODE)
            croak("%s cannot run in the background, because it takes a code reference", method->name);
        if (method->params[index].field.shape.kind == SYSVIRT_KIND_VARIABLE)
            croak("%s cannot run in the background, because it assigns to its argument", method->name);
    }
    return method;
}

/* An option, if present. */
static SV *option(pTHX_ SV *how, const char *name) {
    SV **found = SvROK(how) && SvTYPE(SvRV(how)) == SVt_PVHV ? hv_fetch((HV *)SvRV(how), name, (I32)strlen(name), 0) : NULL;
    return found ? *found : NULL;
}

void sysvirt_async_manner(pTHX_ my_cxt_t *cxt, SV *options, sysvirt_manner *manner) {
    SV *value;
    Zero(manner, 1, sysvirt_manner);
    manner->queue = needed_queue(aTHX_ cxt);
    manner->position = sysvirt_position(aTHX);
    value = option(aTHX_ options, "ordered");
    manner->how.ordered = value && SvTRUE(value);
    value = option(aTHX_ options, "urgent");
    manner->how.urgent = value && SvTRUE(value);
    /* The number may be an object, so it is read first: no Perl code may run after the arguments are decoded. */
    value = option(aTHX_ options, "timeout");
    manner->own_limit = value != NULL;
    manner->how.timeout = value ? sysvirt_nanoseconds(aTHX_ value, "timeout") : 0;
}

sysvirt_call *sysvirt_async_submit(pTHX_ my_cxt_t *cxt, const sysvirt_manner *manner, const sysvirt_Method *method, SV **given,
                                   SSize_t count, SV *future) {
    sysvirt_Value args[sysvirt_ARGS_MAX], result;
    sysvirt_How how = manner->how;
    sysvirt_call *call;
    SV *object;
    sysvirt_decode_checked(aTHX_ method, given, count, args);
    if (sysvirt_has_code(args, method->nparams))
        croak("%s cannot run in the background with a code reference among its arguments", method->name);

    /* The connection's limit, unless the option has another limit or turns it off. */
    if (!manner->own_limit)
        how.timeout = sysvirt_call_limit(cxt, method, args);

    Newxz(call, 1, sysvirt_call);
    call->future = SvREFCNT_inc_simple_NN(future);
    if (method->flags & sysvirt_CONSTRUCTOR) {
        call->stash = args[0].data.pointer;
        SvREFCNT_inc_simple_void((SV *)call->stash);
    }
    object = method->nparams ? (SV *)(uintptr_t)args[0].len : NULL;
    if (object && args[0].tag == SYSVIRT_TAG_HANDLE && sysvirt_may_hold(args[0].class_) && SvROK(object)
        && sysvirt_handle_hold(SvRV(object), args[0].data.pointer)) {
        call->handle = SvRV(object);
        call->object = args[0].data.pointer;
        call->of_connection = args[0].class_ == SYSVIRT_CLASS_CONNECT;
        how.held = TRUE;
    }
    call->file = savepv(CopFILE(manner->position));
    call->line = CopLINE(manner->position);
    call->next = cxt->calls;
    if (call->next)
        call->next->previous = call;
    cxt->calls = call;
    how.connection = sysvirt_call_connection(method, args);
    how.token = call;
    call->id = sysvirt_submit(manner->queue, method, args, &how);
    if (call->id <= 1) {
        const bool full = !call->id;
        sysvirt_async_free(aTHX_ cxt, call);
        if (!full)
            croak("%s: cannot start a thread", method->name);
        sysvirt_full(&result);
        sysvirt_throw(aTHX_ cxt, SYSVIRT_OUTCOME_ERROR, &result);
    }
    return call;
}

/* _submit($future, \%how, \&method, @args): the call's id. Throws the same as the method for invalid arguments. */
XS_INTERNAL(submit) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    sysvirt_manner manner;
    const sysvirt_call *call;
    PERL_UNUSED_VAR(cv);
    ENTER;
    private_stand_at(aTHX_ sysvirt_position(aTHX));
    if (items < 3 || !sv_isobject(ST(0)))
        croak("Usage: Sys::Virt::Async::_submit(future, how, method, ...)");
    sysvirt_async_manner(aTHX_ cxt, ST(1), &manner);
    call = sysvirt_async_submit(aTHX_ cxt, &manner, sysvirt_async_method(aTHX_ ST(2)), &ST(3), items - 3, SvRV(ST(0)));
    LEAVE;
    ST(0) = sv_2mortal(newSVuv((UV)call->id));
    XSRETURN(1);
}

static bool is_joined(pTHX_ const my_cxt_t *cxt) {
    return cxt->joined && cxt->joined_modules == private_modules(aTHX) && cxt->joined_by == getpid()
           && cxt->joined_default == sysvirt_has_default();
}

/* _start($future, \%how, \&method, @args): the same for a Sys::Virt::Future, which gets the call's id, and the queue's number.
 * Whether all loops are joined. */
XS_INTERNAL(start) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    sysvirt_manner manner;
    const sysvirt_call *call;
    HV *future;
    PERL_UNUSED_VAR(cv);
    ENTER;
    private_stand_at(aTHX_ sysvirt_position(aTHX));
    if (items < 3 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV)
        croak("Usage: Sys::Virt::Async::_start(future, how, method, ...)");
    future = (HV *)SvRV(ST(0));
    sysvirt_async_manner(aTHX_ cxt, ST(1), &manner);
    call = sysvirt_async_submit(aTHX_ cxt, &manner, sysvirt_async_method(aTHX_ ST(2)), &ST(3), items - 3, (SV *)future);
    (void)hv_stores(future, "id", newSVuv((UV)call->id));
    (void)hv_stores(future, "queue", newSVuv((UV)manner.queue));
    LEAVE;
    ST(0) = boolSV(is_joined(aTHX_ cxt));
    XSRETURN(1);
}

/* Objects that a connection returns belong to it: libvirt need not be asked. Methods of other objects may return one of another
 * connection, as `migrate` does. */
static SV *note(const sysvirt_call *call, SV *built) {
    if (call->of_connection && SvROK(built) && SvOBJECT(SvRV(built))) {
        const MAGIC *magic = sysvirt_handle_magic_of(SvRV(built));
        const sysvirt_Class class_ = magic ? sysvirt_handle_class(magic) : SYSVIRT_CLASS_CONNECT;
        void **noted = NULL;
        if (class_ != SYSVIRT_CLASS_CONNECT && sysvirt_may_hold(class_))
            noted = sysvirt_handle_connection(SvRV(built), magic->mg_ptr);
        if (noted)
            *noted = call->object;
    }
    return built;
}

static SV *build(pTHX_ my_cxt_t *cxt, const sysvirt_call *call, sysvirt_Value *value) {
    return note(call, sysvirt_build(aTHX_ cxt, value, call->stash));
}

static AV *elements(pTHX_ my_cxt_t *cxt, const sysvirt_call *call, sysvirt_Value *result) {
    AV *array = sysvirt_build_array(aTHX_ cxt, result);
    size_t index;
    for (index = 0; call->of_connection && index < result->len; index++)
        note(call, AvARRAY(array)[index]);
    return array;
}

SV *sysvirt_async_outcome(pTHX_ my_cxt_t *cxt, const sysvirt_call *call, sysvirt_Settled *settled) {
    sysvirt_Value *result = &settled->result;
    SV *built;
    if (settled->outcome == SYSVIRT_OUTCOME_USAGE || result->tag == SYSVIRT_TAG_WARNED)
        return NULL;
    if (settled->outcome == SYSVIRT_OUTCOME_ERROR)
        built = sysvirt_error_new(aTHX_ cxt, result, call->file, call->line);
    else
        built = sysvirt_is_list(result) ? newRV_noinc((SV *)elements(aTHX_ cxt, call, result)) : build(aTHX_ cxt, call, result);
    sysvirt_drop(result);
    return built;
}

static void push_outcome(pTHX_ my_cxt_t *cxt, const sysvirt_call *call, sysvirt_Settled *settled) {
    dSP;
    sysvirt_Value *result = &settled->result;
    size_t index;
    if (settled->outcome == SYSVIRT_OUTCOME_ERROR) {
        mPUSHi(0);
        mPUSHs(sysvirt_error_new(aTHX_ cxt, result, call->file, call->line));
    } else if (settled->outcome == SYSVIRT_OUTCOME_USAGE) {
        SV *message = sysvirt_build(aTHX_ cxt, result, NULL);
        sv_catpvf(message, " at %s line %" IVdf ".\n", call->file, (IV)call->line);
        mPUSHi(0);
        mPUSHs(message);
    } else if (sysvirt_is_list(result)) {
        EXTEND(SP, (SSize_t)result->len + 1);
        mPUSHi(2);
        sysvirt_build_elements(aTHX_ cxt, result, SP + 1);
        for (index = 0; index < result->len; index++)
            sv_2mortal(note(call, *++SP));
    } else if (result->tag == SYSVIRT_TAG_WARNED) {
        mPUSHi(1);
        if (result->data.items[0].tag != SYSVIRT_TAG_NONE)
            mPUSHs(sysvirt_build(aTHX_ cxt, &result->data.items[0], NULL));
        PUTBACK;
        for (index = 1; index < result->len; index++)
            sysvirt_warn(aTHX_ sv_2mortal(newSVpvf("%.*s at %s line %" IVdf ".\n", (int)result->data.items[index].len,
                                                   result->data.items[index].data.text, call->file, (IV)call->line)));
        SPAGAIN;
    } else {
        mPUSHi(1);
        if (result->tag != SYSVIRT_TAG_NONE)
            mPUSHs(build(aTHX_ cxt, call, result));
    }
    PUTBACK;
    sysvirt_drop(result);
}

/* The same as Sys::Virt::Future::_settle, for a future without callbacks. False: it has some, or is of another class. */
static bool settle(pTHX_ my_cxt_t *cxt, sysvirt_call *call, sysvirt_Settled *settled) {
    HV *future = (HV *)call->future;
    const bool ok = settled->outcome == SYSVIRT_OUTCOME_DONE;
    sysvirt_Value *result = &settled->result;
    SV **before;
    AV *values;
    if (SvTYPE(future) != SVt_PVHV || SvSTASH(future) != cxt->futures || settled->outcome == SYSVIRT_OUTCOME_USAGE
        || result->tag == SYSVIRT_TAG_WARNED || hv_exists(future, "callbacks", 9)
        || ((before = hv_fetchs(future, "ok", 0)) && SvOK(*before)))
        return FALSE;
    if (ok && sysvirt_is_list(result)) {
        values = elements(aTHX_ cxt, call, result);
    } else {
        values = newAV();
        if (!ok || result->tag != SYSVIRT_TAG_NONE)
            av_push(values, ok ? build(aTHX_ cxt, call, result) : sysvirt_error_new(aTHX_ cxt, result, call->file, call->line));
    }
    sysvirt_drop(result);
    (void)hv_stores(future, "ok", newSViv(ok));
    (void)hv_stores(future, "values", newRV_noinc((SV *)values));
    if (!ok && !hv_exists(future, "where", 5))
        (void)hv_stores(future, "where", newSVpvf(" at %s line %" IVdf ".", call->file, (IV)call->line));
    (void)hv_delete(future, "id", 2, G_DISCARD);
    if (HvUSEDKEYS(future) > 4) {
        (void)hv_delete(future, "from", 4, G_DISCARD);
        (void)hv_delete(future, "held", 4, G_DISCARD);
        (void)hv_delete(future, "on_cancel", 9, G_DISCARD);
    }
    return TRUE;
}

void sysvirt_async_notify(pTHX_ my_cxt_t *cxt, sysvirt_call *call, sysvirt_Settled *settled, const char *method) {
    dSP;
    ENTER;
    SAVETMPS;
    PUSHMARK(SP);
    EXTEND(SP, 4);
    mPUSHs(newRV_inc(call->future));
    if (call->tell)
        mPUSHi(call->index);
    PUTBACK;
    push_outcome(aTHX_ cxt, call, settled);
    sysvirt_async_free(aTHX_ cxt, call);
    call_method(method, G_VOID | G_DISCARD);
    FREETMPS;
    LEAVE;
}

/* Notifies one future. Its code may die or do anything, so no lock or object is held. */
static void tell(pTHX_ my_cxt_t *cxt, sysvirt_Settled *settled) {
    sysvirt_call *call = settled->token;
    if (call->tell) {
        call->tell(aTHX_ cxt, call, settled);
        return;
    }
    if (settle(aTHX_ cxt, call, settled))
        sysvirt_async_free(aTHX_ cxt, call);
    else
        sysvirt_async_notify(aTHX_ cxt, call, settled, "_settle");
}

/* Notifies the futures of all settled calls; returns their number. */
IV sysvirt_async_dispatch(pTHX_ my_cxt_t *cxt) {
    IV count = 0;
    /* Calls that are settled during this loop have to wait, but the descriptor stays readable for them. */
    size_t left = sysvirt_ready(cxt->queue) + 1;
    sysvirt_Settled settled;
    while (left-- && sysvirt_take(cxt->queue, &settled)) {
        count++;
        tell(aTHX_ cxt, &settled);
    }
    return count;
}

XS_INTERNAL(dispatch_settled) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    const IV count = cxt->queue ? sysvirt_async_dispatch(aTHX_ cxt) : 0;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    sysvirt_serve_loop(cxt->depth > 0);
    if (UNLIKELY(cxt->pending))
        sysvirt_handle_warn_or_exit(aTHX_ cxt); /* objects were freed */
    XSRETURN_IV(count);
}

/* _fileno(): the descriptor for event loops. */
XS_INTERNAL(descriptor) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    XSRETURN_IV(sysvirt_queue_fd(needed_queue(aTHX_ cxt)));
}

/* _queue(): an id that is unique among the interpreters of the process. */
XS_INTERNAL(queue_number) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    XSRETURN_UV((UV)needed_queue(aTHX_ cxt));
}

/* _cancel($id): true if the call had not started; then it never starts, and its future is not notified. */
XS_INTERNAL(cancel) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    sysvirt_call *call;
    PERL_UNUSED_VAR(cv);
    if (items != 1)
        croak("Usage: Sys::Virt::Async::_cancel(id)");
    call = sysvirt_cancel((uint64_t)SvUV(ST(0)));
    if (!call)
        XSRETURN_NO;
    sysvirt_async_free(aTHX_ cxt, call);
    XSRETURN_YES;
}

static uint32_t limit_argument(pTHX_ SV *sv, const char *name) {
    NV number;
    SvGETMAGIC(sv);
    if (!SvOK(sv))
        return 0;
    number = SvNV_nomg(sv);
    if (!(number >= 1 && number <= 1000000))
        croak("%s is not a number of calls, from 1 to 1000000", name);
    return (uint32_t)number;
}

/* _limits($conn, $slow, $all): the current limits; undef leaves a limit unchanged. */
XS_INTERNAL(limits) {
    dXSARGS;
    const MAGIC *magic;
    uint32_t slow, all;
    PERL_UNUSED_VAR(cv);
    if (items != 3)
        croak("Usage: Sys::Virt::Async::_limits(con, slow, all)");
    ENTER;
    private_stand_at(aTHX_ sysvirt_position(aTHX));
    magic = sysvirt_handle_magic(ST(0));
    if (!magic || sysvirt_handle_class(magic) != SYSVIRT_CLASS_CONNECT || !magic->mg_ptr)
        croak("con is not an open connection");
    slow = limit_argument(aTHX_ ST(1), "slow");
    all = limit_argument(aTHX_ ST(2), "all");
    sysvirt_window(magic->mg_ptr, &slow, &all);
    LEAVE;
    ST(0) = sv_2mortal(newSVuv(slow));
    ST(1) = sv_2mortal(newSVuv(all));
    XSRETURN(2);
}

/* _pending(): how many calls wait, how many run, how many threads there are; how many of this interpreter's are not settled. */
XS_INTERNAL(pending) {
    dXSARGS;
    uintptr_t counts[4] = {0, 0, 0, 0};
    int index;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    sysvirt_counts(sysvirt_async_queue(aTHX_ sysvirt_context(aTHX)), counts);
    SP -= items;
    EXTEND(SP, 4);
    for (index = 0; index < 4; index++)
        mPUSHu(counts[index]);
    PUTBACK;
}

/* Sys::Virt::Future::DESTROY: most futures are freed without a warning. */
XS_INTERNAL(destroy_future) {
    dXSARGS;
    SV **found;
    HV *future;
    PERL_UNUSED_VAR(cv);
    if (items < 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV || PL_phase == PERL_PHASE_DESTRUCT)
        XSRETURN_EMPTY;
    future = (HV *)SvRV(ST(0));
    if (!hv_exists(future, "callbacks", 9) && (!(found = hv_fetchs(future, "ok", 0)) || !SvOK(*found) || SvTRUE(*found)))
        XSRETURN_EMPTY;
    PUSHMARK(PL_stack_base + ax - 1);
    call_pv("Sys::Virt::Future::_dropped", G_VOID | G_DISCARD);
    XSRETURN_EMPTY;
}

/* _joined(): whether nothing has changed since the loops that there are were joined, for the last time _joined(1) was called, that
 * is; _joined(0): something has. */
XS_INTERNAL(joined) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    PERL_UNUSED_VAR(cv);
    if (items < 1)
        EXTEND(SP, 1);
    if (items > 0) {
        cxt->joined = SvTRUE(ST(0));
        cxt->joined_modules = private_modules(aTHX);
        cxt->joined_by = getpid();
        cxt->joined_default = sysvirt_has_default();
    }
    ST(0) = boolSV(is_joined(aTHX_ cxt));
    XSRETURN(1);
}

void sysvirt_async_boot(pTHX) {
    static const struct {
        const char *name;
        XSUBADDR_t code;
    } subs[] = {
        {"_submit", submit},     {"_dispatch", dispatch_settled},
        {"_fileno", descriptor}, {"_queue", queue_number},
        {"_cancel", cancel},     {"_limits", limits},
        {"_pending", pending},   {"_joined", joined},
        {"_start", start},
    };
    HV *stash = gv_stashpvs("Sys::Virt::Async", GV_ADD);
    size_t index;
    for (index = 0; index < C_ARRAY_LENGTH(subs); index++)
        sysvirt_new_sub(aTHX_ stash, subs[index].name, strlen(subs[index].name), subs[index].code, NULL);
    mro_method_changed_in(stash);
    newXS("Sys::Virt::Future::DESTROY", destroy_future, __FILE__);
}
