/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Calls from libvirt, through Rust, into Perl. Nothing that Perl code does there may jump over the frames of Rust
 * and libvirt: what it dies with is deferred: thrown when the enclosing method has returned, and `exit` waits as long. */

#include "callback.h"
#include "async.h"
#include "handle.h"
#include "results.h"
#include "structure.h"
#include <pthread.h>

typedef struct callback {
    SV *code;          /* the sub, which we keep; NULL once the interpreter is gone */
    SV *owner;         /* weak: the object that the callback was registered on */
    HV *owner_stash;   /* its package, in case it has to be created again */
    void *interpreter; /* NULL once it is gone; other threads look at it, see `interpreter_of` */
#ifndef USE_ITHREADS
    pthread_t thread; /* where it runs: CURRENT_INTERPRETER does not show that */
#endif
    bool abandoned; /* to be freed by the interpreter that it belongs to */
    struct callback *next, *previous;
} callback;

/* All callbacks of the process whose interpreters are alive. Callbacks of other interpreters are only marked and counted, because
 * there may be many. */
static callback *all;
static size_t abandoned;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A call of a callback. */
typedef struct sysvirt_invocation {
    const sysvirt_Request *request;
    my_cxt_t *cxt;
    callback *cb;
    size_t count; /* of arguments */
    SV *code;     /* the sub, which may unregister itself */
    SV **args;    /* its arguments, */
    size_t built; /* of which so many are built */
    SV *error;    /* the script's $@, which the sub must not change; NULL: it is empty */
    SV *borrowed; /* the object that libvirt lends for the time of the call */
    bool ok;      /* the sub did not die */
} invocation;

/* Without the lock: the interpreter may end at this time. */
static void *interpreter_of(const callback *cb) { return __atomic_load_n(&cb->interpreter, __ATOMIC_RELAXED); }

/* Whether this is the thread of the callback's interpreter. libvirt calls from any thread. */
static bool is_here_in(const callback *cb, const void *interpreter) {
#ifdef USE_ITHREADS
    return interpreter_of(cb) == interpreter;
#else
    return interpreter_of(cb) == interpreter && pthread_equal(cb->thread, pthread_self());
#endif
}

static bool is_here(const callback *cb) { return is_here_in(cb, CURRENT_INTERPRETER); }

static void unlink_callback(callback *cb) {
    if (cb->previous)
        cb->previous->next = cb->next;
    else
        all = cb->next;
    if (cb->next)
        cb->next->previous = cb->previous;
}

/* Releases a reference, but not within libvirt's or Rust's frames, with libvirt's locks held: freed values may have a DESTROY,
 * which may call libvirt or `exit`. A mortal is freed at the end of the script's statement. */
static void release_later(pTHX_ SV *sv) {
    if (sv && PL_phase != PERL_PHASE_DESTRUCT)
        sv_2mortal(sv);
    else
        SvREFCNT_dec(sv);
}

static void free_callback(pTHX_ callback *cb) {
    release_later(aTHX_ cb->code);
    release_later(aTHX_ cb->owner);
    release_later(aTHX_ (SV *)cb->owner_stash);
    free(cb);
}

/* Frees callbacks that other threads have released. */
static void sweep(pTHX) {
    callback *cb, *next, *mine = NULL;
    pthread_mutex_lock(&lock);
    for (cb = abandoned ? all : NULL; cb; cb = next) {
        next = cb->next;
        if (cb->abandoned && is_here(cb)) {
            unlink_callback(cb);
            abandoned--;
            cb->next = mine;
            mine = cb;
        }
    }
    pthread_mutex_unlock(&lock);
    for (cb = mine; cb; cb = next) {
        next = cb->next;
        free_callback(aTHX_ cb);
    }
}

/* `anytime`: the callback may run during any call. */
static void *create(void *code, void *owner, bool anytime) {
    dTHX;
    callback *cb = calloc(1, sizeof *cb);
    if (!cb)
        return NULL;
    sweep(aTHX);
    if (anytime)
        sysvirt_context(aTHX)->reentrant = TRUE;
    cb->code = SvREFCNT_inc_simple_NN((SV *)code);
    if (owner) {
        cb->owner_stash = SvSTASH(SvRV((SV *)owner));
        SvREFCNT_inc_simple_void((SV *)cb->owner_stash);
        cb->owner = sv_rvweaken(newRV_inc(SvRV((SV *)owner)));
    }
    cb->interpreter = CURRENT_INTERPRETER;
#ifndef USE_ITHREADS
    cb->thread = pthread_self();
#endif
    pthread_mutex_lock(&lock);
    cb->next = all;
    if (all)
        all->previous = cb;
    all = cb;
    pthread_mutex_unlock(&lock);
    return cb;
}

/* Only event loops are named. */
static void *named(const char *name) {
    dTHX;
    CV *cv = get_cv(name, 0);
    return cv ? create(cv, NULL, TRUE) : NULL;
}

static void destroy(void *pointer) {
    callback *cb = pointer;
    bool ended, ours;
    pthread_mutex_lock(&lock); /* its interpreter may end at this time */
    ended = !cb->interpreter;
    ours = !ended && is_here(cb);
    if (ours) {
        unlink_callback(cb);
    } else if (!ended) {
        cb->abandoned = TRUE;
        abandoned++;
    }
    pthread_mutex_unlock(&lock);
    if (ours) {
        dTHX;
        free_callback(aTHX_ cb);
    } else if (ended) {
        free(cb);
    }
}

/* The interpreter ends: its callbacks stay allocated, because libvirt has their addresses, but never run again. */
static void forget_interpreter(pTHX_ void *unused) {
    callback *cb, *next;
    PERL_UNUSED_ARG(unused);
    sweep(aTHX);
    pthread_mutex_lock(&lock);
    for (cb = all; cb; cb = next) {
        next = cb->next;
        if (cb->interpreter == CURRENT_INTERPRETER) {
            SV *code = cb->code, *owner = cb->owner;
            __atomic_store_n(&cb->interpreter, NULL, __ATOMIC_RELAXED);
            cb->code = cb->owner = NULL;
            cb->owner_stash = NULL;
            unlink_callback(cb);
            pthread_mutex_unlock(&lock);
            SvREFCNT_dec(code);
            SvREFCNT_dec(owner);
            pthread_mutex_lock(&lock);
            next = all; /* freeing may have run Perl code: start again */
        }
    }
    pthread_mutex_unlock(&lock);
}

/* The gatherer: an XSUB, so that all of its work, including decoding, runs under the caller's G_EVAL. */
static void gather(pTHX_ CV *cv) {
    dXSARGS;
    const invocation *job = sysvirt_context(aTHX)->gathering;
    const sysvirt_Request *request = job->request;
    sysvirt_Value *results, readback;
    size_t index;
    int returned, at;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    SP -= items;
    PUSHMARK(SP);
    EXTEND(SP, (SSize_t)job->count);
    for (index = 0; index < job->count; index++)
        PUSHs(job->args[index]);
    PUTBACK;
    returned = call_sv(job->code, request->want == SYSVIRT_WANT_LIST ? G_LIST : G_SCALAR);
    SPAGAIN;
    results = (sysvirt_Value *)SvPVX(sv_2mortal(newSV((returned + 1) * sizeof *results)));
    Zero(results, returned + 1, sysvirt_Value);
    for (at = 0; at < returned; at++)
        sysvirt_decode_result(aTHX_ request->returned, SP[at + 1 - returned], &results[at]);
    SP -= returned;
    PUTBACK;
    Zero(&readback, 1, sysvirt_Value);
    if (request->readback >= 0) /* last: a string is borrowed from a scalar that the script may change */
        sysvirt_decode_result(aTHX_ request->read, job->args[request->readback], &readback);
    request->sink(request->context, results, (size_t)returned, &readback);
    XSRETURN_EMPTY;
}

/* An argument for Perl. No callback gets more than one borrowed object, which is stored in `borrowed`. */
static SV *build_argument(pTHX_ my_cxt_t *cxt, const callback *cb, sysvirt_Value *value, SV **borrowed) {
    if (value->tag == SYSVIRT_TAG_INT)
        return sysvirt_signed(aTHX_ value->data.integer);
    if (value->tag == SYSVIRT_TAG_BORROWED) {
        assert(!*borrowed);
        *borrowed = sysvirt_handle_borrow(aTHX_ value->class_, value->data.pointer);
        return sv_bless(newRV_inc(*borrowed), cxt->stash[value->class_]);
    }
    if (value->tag == SYSVIRT_TAG_OWNER) {
        const MAGIC *magic = cb->owner && SvROK(cb->owner) ? sysvirt_handle_magic(cb->owner) : NULL;
        if (magic && magic->mg_ptr)
            return newRV_inc(SvRV(cb->owner));
        sysvirt_retain(value->class_, value->data.pointer);
        return sysvirt_handle_new(aTHX_ cb->owner_stash ? cb->owner_stash : cxt->stash[value->class_], value->class_,
                                  value->data.pointer);
    }
    return sysvirt_build(aTHX_ cxt, value, NULL);
}

static void add_other(pTHX_ my_cxt_t *cxt, SV *error) {
    if (!cxt->others)
        cxt->others = newAV();
    av_push(cxt->others, error);
}

/* Stores the exception to throw at the end of the method; those after the first become warnings. Takes over the reference. */
static void defer(pTHX_ my_cxt_t *cxt, SV *error) {
    if (cxt->deferred)
        add_other(aTHX_ cxt, error);
    else
        cxt->deferred = error;
    cxt->pending = TRUE;
}

/* Whether there is something in a $@. */
static bool is_error(const SV *error) { return SvROK(error) || !SvPOK(error) || SvCUR(error); }

/* Gives the sub a $@ of its own, as `local` would: the last one's, if that left nothing in it. */
static void hide_error(pTHX_ invocation *of) {
    of->error = GvSV(PL_errgv);
    GvSV(PL_errgv) = of->cxt->spare_error ? of->cxt->spare_error : newSVpvs("");
    of->cxt->spare_error = NULL;
}

static void restore_error(pTHX_ invocation *of) {
    SV *used = GvSV(PL_errgv);
    if (!of->error)
        return;
    GvSV(PL_errgv) = of->error;
    of->error = NULL;
    if (used && SvTYPE(used) == SVt_PV && SvLEN(used) < 1024 && SvREFCNT(used) == 1 && !is_error(used) && !of->cxt->spare_error)
        of->cxt->spare_error = used;
    else
        SvREFCNT_dec(used);
}

/* Runs the sub. What it frees may have a DESTROY, so that this ends with releasing what it got, within private_returns. The
 * arguments are no mortals, and nothing is on perl's stack of saved values, which costs less. */
static void invoke(pTHX_ void *argument) {
    dSP;
    invocation *of = argument;
    size_t index;
    SV *error;

    if (is_error(ERRSV))
        hide_error(aTHX_ of);
    PRIVATE_PUSHSTACK; /* no `last` or `return` gets past here */
    of->code = SvREFCNT_inc_simple_NN(of->cb->code);
    for (; of->built < of->count; of->built++)
        of->args[of->built] = build_argument(aTHX_ of->cxt, of->cb, &of->request->args[of->built], &of->borrowed);

    PUSHMARK(SP);
    if (of->request->want == SYSVIRT_WANT_NOTHING) {
        EXTEND(SP, (SSize_t)of->count);
        for (index = 0; index < of->count; index++)
            PUSHs(of->args[index]);
        PUTBACK;
        call_sv(of->code, G_VOID | G_DISCARD | G_EVAL);
    } else {
        struct sysvirt_invocation *outer = of->cxt->gathering;
        PUTBACK;
        if (!of->cxt->gatherer)
            of->cxt->gatherer = newXS(NULL, gather, __FILE__);
        of->cxt->gathering = of;
        call_sv((SV *)of->cxt->gatherer, G_VOID | G_DISCARD | G_EVAL);
        of->cxt->gathering = outer;
    }

    error = ERRSV;
    of->ok = !(SvROK(error) || (SvPOK(error) && SvCUR(error)));
    if (!of->ok) {
        defer(aTHX_ of->cxt, newSVsv(error));
        CLEAR_ERRSV();
    }
    PRIVATE_POPSTACK;
    while (of->built)
        SvREFCNT_dec(of->args[--of->built]);
    error = of->code;
    of->code = NULL;
    SvREFCNT_dec(error);
    restore_error(aTHX_ of);
}

/* Releases the arguments of an invocation that has called `exit`. */
static void clean_up(pTHX_ invocation *of, struct sysvirt_invocation *gathering) {
    while (of->built)
        release_later(aTHX_ of->args[--of->built]);
    release_later(aTHX_ of->code);
    restore_error(aTHX_ of);
    of->cxt->gathering = gathering;
}

/* Warns that a callback of another interpreter could not run. It is a function of its own, because a warning may die. */
static void warn_of_miss(pTHX_ CV *cv) {
    dXSARGS;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    Perl_ck_warner(aTHX_ packWARN(WARN_THREADS),
                   "The event loop of this thread cannot run a callback that another thread registered (reported once)");
    XSRETURN_EMPTY;
}

/* Whether that has not been reported yet. For a thread that has ended it is not reported. */
static bool is_first_miss(const callback *cb) {
    static bool told;
    bool first;
    pthread_mutex_lock(&lock);
    first = cb->interpreter && !told;
    told = told || first;
    pthread_mutex_unlock(&lock);
    return first;
}

static void lower_count(pTHX_ my_cxt_t *cxt, bool lowered) {
    cxt->lowered = lowered;
    if (lowered)
        cxt->signaled = private_lower_pending(aTHX);
    else
        private_raise_pending(aTHX_ cxt->signaled);
}

/* NULL after the interpreter has ended, in a thread without one, and if it is lowered already. */
static void *lower_signals(void) {
    void *interpreter = CURRENT_INTERPRETER;
    if (interpreter) {
        dTHXa(interpreter);
        my_cxt_t *cxt = sysvirt_context_of(aTHX);
        if (cxt && !cxt->lowered) {
            lower_count(aTHX_ cxt, TRUE);
            return cxt;
        }
    }
    return NULL;
}

static void raise_signals(void *context) {
    my_cxt_t *cxt = context;
    dTHXa(cxt->interpreter);
    if (cxt->lowered)
        lower_count(aTHX_ cxt, FALSE);
}

/* Calls Perl. If it died, or if the interpreter has ended, the caller makes libvirt abort. */
static sysvirt_Called call(void *pointer, const sysvirt_Request *request) {
    callback *cb = pointer, missed;
    void *interpreter = CURRENT_INTERPRETER;
    const bool foreign = interpreter_of(cb) != interpreter;
    invocation of = {.request = request, .cb = cb, .count = request->count};

    if (!interpreter || (!foreign && !is_here_in(cb, interpreter)))
        return SYSVIRT_CALLED_ELSEWHERE;
    if (foreign && (request->want != SYSVIRT_WANT_NOTHING || !is_first_miss(cb)))
        return SYSVIRT_CALLED_FAILED;
    {
        dTHXa(interpreter);
        my_cxt_t *cxt = of.cxt = sysvirt_context(aTHX);
        struct sysvirt_invocation *const gathering = cxt->gathering;
        SV *args[sysvirt_ARGS_MAX];
        SV *const earlier = cxt->deferred; /* of the same method; does not concern the methods that Perl calls now */
        AV *const others = earlier ? cxt->others : NULL;
        const bool lowered = cxt->lowered; /* perl handles signals in the callback */
        if (cxt->exiting || of.count > sysvirt_ARGS_MAX)
            return SYSVIRT_CALLED_FAILED;
        of.args = args;
        if (foreign) {
            Zero(&missed, 1, callback);
            missed.code = sv_2mortal((SV *)newXS(NULL, warn_of_miss, __FILE__));
            of.cb = &missed;
            of.count = 0;
        }
        cxt->deferred = NULL;
        if (UNLIKELY(others != NULL))
            cxt->others = NULL;
        cxt->pending = FALSE;
        cxt->depth++;
        if (lowered)
            lower_count(aTHX_ cxt, FALSE);
        if (!private_returns(aTHX_ invoke, &of)) {
            clean_up(aTHX_ &of, gathering);
            of.ok = FALSE;
            cxt->exiting = TRUE; /* exit: perl has unwound its own stacks; the C stack follows when we return */
        }
        cxt->depth--;
        if (lowered)
            lower_count(aTHX_ cxt, TRUE);
        if (of.borrowed)
            sysvirt_handle_end_borrow(aTHX_ of.borrowed);
        if (earlier) {
            SV *error = cxt->deferred;
            cxt->deferred = earlier;
            cxt->others = others;
            if (error)
                add_other(aTHX_ cxt, error);
        }
        cxt->pending = cxt->exiting || cxt->deferred;
    }
    return of.ok ? SYSVIRT_CALLED_DONE : SYSVIRT_CALLED_FAILED;
}

static void defer_message(const char *message) {
    dTHX;
    SV *text = mess_sv(newSVpvn_flags(message, strlen(message), SVs_TEMP), FALSE);
    defer(aTHX_ sysvirt_context(aTHX), SvREFCNT_inc_simple_NN(text));
}

static int32_t place(void *pointer) {
    const callback *cb = pointer;
    return !interpreter_of(cb) ? -1 : is_here(cb);
}

static size_t queue(void) {
    dTHX;
    return sysvirt_async_queue(aTHX_ sysvirt_context(aTHX));
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

static void after_fork_in_child(void) {
    const pthread_mutex_t open = PTHREAD_MUTEX_INITIALIZER;
    lock = open;
}

const sysvirt_Callbacks sysvirt_callbacks = {create, named,         destroy,       call,         place,
                                             queue,  defer_message, lower_signals, raise_signals};

static void watch_forks(void) { pthread_atfork(before_fork, after_fork, after_fork_in_child); }

void sysvirt_callback_boot(pTHX) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    Perl_call_atexit(aTHX_ forget_interpreter, NULL);
}
