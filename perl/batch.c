/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The calls of Sys::Virt::Async->all: no future, no sub and no scalar for each, except its result. Notifications of Perl, and
 * what is done seldom, the methods of Sys::Virt::Async::All do. */

#include "batch.h"
#include "async.h"
#include "sub.h"

typedef struct {
    AV *objects, *arguments, *results;
    HV *methods;   /* by package */
    SV *options;   /* of each call */
    SSize_t count; /* number of objects ... */
    SSize_t at;    /* ... so many of them were examined ... */
    SSize_t done;  /* ... and so many have a result */
    SSize_t active, most;
    bool over;    /* canceled: the results are not wanted any more */
    bool watched; /* for on_progress */
} batch;

static int batch_free(pTHX_ SV *sv, MAGIC *magic) {
    batch *of = (batch *)(void *)magic->mg_ptr;
    PERL_UNUSED_ARG(sv);
    if (of) {
        SvREFCNT_dec((SV *)of->objects);
        SvREFCNT_dec((SV *)of->arguments);
        SvREFCNT_dec((SV *)of->results);
        SvREFCNT_dec((SV *)of->methods);
        SvREFCNT_dec(of->options);
        Safefree(of);
    }
    return 0;
}

/* A thread's copy has none: its calls belong to the parent. */
static const MGVTBL batch_table = {.svt_free = batch_free, .svt_local = sysvirt_magic_local, SYSVIRT_MAGIC_OF_ONE_THREAD};

static batch *batch_of(pTHX_ SV *self) {
    const MAGIC *magic = SvTYPE(self) == SVt_PVHV ? mg_findext(self, PERL_MAGIC_ext, &batch_table) : NULL;
    return magic ? (batch *)(void *)magic->mg_ptr : NULL;
}

static batch *batch_argument(pTHX_ SV *self) {
    batch *of = SvROK(self) ? batch_of(aTHX_ SvRV(self)) : NULL;
    if (!of)
        croak("these calls were made in another thread");
    return of;
}

static SV *key(pTHX_ HV *self, const char *name) {
    SV **found = hv_fetch(self, name, (I32)strlen(name), 0);
    return found ? *found : &PL_sv_undef;
}

static AV *array(pTHX_ HV *self, const char *name) {
    SV *found = key(aTHX_ self, name);
    if (!SvROK(found) || SvTYPE(SvRV(found)) != SVt_PVAV)
        croak("Sys::Virt::Async::All: %s is not an array", name);
    return (AV *)SvREFCNT_inc_simple_NN(SvRV(found));
}

/* _begin($self): reads the hash, once. */
XS_INTERNAL(begin) {
    dXSARGS;
    batch *of;
    MAGIC *magic;
    HV *self;
    SV *methods;
    NV most;
    PERL_UNUSED_VAR(cv);
    if (items != 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVHV || batch_of(aTHX_ SvRV(ST(0))))
        croak("Usage: Sys::Virt::Async::All::_begin(self)");
    self = (HV *)SvRV(ST(0));
    methods = key(aTHX_ self, "methods");
    if (!SvROK(methods) || SvTYPE(SvRV(methods)) != SVt_PVHV)
        croak("Sys::Virt::Async::All: methods is not a hash");
    most = SvNV(key(aTHX_ self, "most"));
    Newxz(of, 1, batch);
    magic = sv_magicext((SV *)self, NULL, PERL_MAGIC_ext, &batch_table, (const char *)of, 0);
    magic->mg_flags |= MGf_DUP | MGf_LOCAL;
    of->methods = (HV *)SvREFCNT_inc_simple_NN(SvRV(methods));
    of->objects = array(aTHX_ self, "objects");
    of->arguments = array(aTHX_ self, "arguments");
    of->results = array(aTHX_ self, "results");
    of->options = newSVsv(key(aTHX_ self, "how"));
    of->count = av_len(of->objects) + 1;
    of->most = most < 1000000 ? (SSize_t)most + ((NV)(SSize_t)most < most) : 1000000;
    of->watched = SvOK(key(aTHX_ self, "progress"));
    if (of->count)
        av_extend(of->results, of->count - 1);
    XSRETURN_EMPTY;
}

static SV *element(pTHX_ AV *of, SSize_t index) {
    SV *found = private_av_at(of, index);
    return found ? found : &PL_sv_undef;
}

/* The method of an object or a class. All were looked up before the first call. */
static const sysvirt_Method *method_of(pTHX_ const batch *of, SV *object) {
    SV *code = NULL;
    if (sv_isobject(object)) {
        const HV *stash = SvSTASH(SvRV(object));
        SV **found = hv_fetch(of->methods, HvNAME(stash), HvNAMEUTF8(stash) ? -(I32)HvNAMELEN(stash) : (I32)HvNAMELEN(stash), 0);
        code = found ? *found : NULL;
    } else {
        HE *found = hv_fetch_ent(of->methods, object, 0, 0);
        code = found ? HeVAL(found) : NULL;
    }
    return sysvirt_async_method(aTHX_ code ? code : &PL_sv_undef);
}

static void tell(pTHX_ my_cxt_t *cxt, sysvirt_call *call, sysvirt_Settled *settled);

/* _fill($self): makes as many calls as may be under way. Throws if the arguments of one are invalid: it was the last one examined.
 */
XS_INTERNAL(fill) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    batch *of = items == 1 ? batch_argument(aTHX_ ST(0)) : NULL;
    SV *self;
    sysvirt_manner manner;
    SV **given;
    SSize_t count, index;
    PERL_UNUSED_VAR(cv);
    if (!of)
        croak("Usage: Sys::Virt::Async::All::_fill(self)");
    self = SvRV(ST(0));
    if (of->over || of->at >= of->count || of->active >= of->most)
        XSRETURN_EMPTY;
    sysvirt_async_manner(aTHX_ cxt, of->options, &manner);
    ENTER;
    private_stand_at(aTHX_ manner.position);
    count = av_len(of->arguments) + 2;
    given = (SV **)(void *)SvPVX(sv_2mortal(newSV((STRLEN)count * sizeof *given)));
    for (index = 1; index < count; index++)
        given[index] = element(aTHX_ of->arguments, index - 1);
    SAVETMPS;
    while (!of->over && of->at < of->count && of->active < of->most) {
        const sysvirt_Method *method;
        sysvirt_call *call;
        index = of->at++;
        given[0] = element(aTHX_ of->objects, index);
        method = method_of(aTHX_ of, given[0]);
        call = sysvirt_async_submit(aTHX_ cxt, &manner, method, given, count, self);
        call->tell = tell;
        call->index = index;
        of->active++;
        FREETMPS;
    }
    FREETMPS;
    LEAVE;
    XSRETURN_EMPTY;
}

/* Whether Perl has to go on: all is done, or there is room for more calls. They are made in batches, too. */
static bool is_due(const batch *of) {
    return of->done == of->count || (of->at < of->count && of->active <= of->most - 1 - of->most / 16);
}

/* Stores the result of a call. Perl code that is notified may die, and may do anything: nothing is held. */
static void tell(pTHX_ my_cxt_t *cxt, sysvirt_call *call, sysvirt_Settled *settled) {
    dSP;
    batch *of = batch_of(aTHX_ call->future);
    SV *self, *built;
    ENTER;
    SAVETMPS;
    self = sv_2mortal(newRV_inc(call->future));
    if (!of || of->over) {
        sysvirt_drop(&settled->result);
        sysvirt_async_free(aTHX_ cxt, call);
    } else {
        of->active--;
        built = of->watched ? NULL : sysvirt_async_outcome(aTHX_ cxt, call, settled);
        if (built) {
            av_store(of->results, call->index, built);
            of->done++;
            sysvirt_async_free(aTHX_ cxt, call);
            if (is_due(of)) {
                PUSHMARK(SP);
                XPUSHs(self);
                PUTBACK;
                call_method("_go_on", G_VOID | G_DISCARD);
            }
        } else {
            sysvirt_async_notify(aTHX_ cxt, call, settled, "_told");
        }
    }
    FREETMPS;
    LEAVE;
}

/* _note($self, $index, $result): an element's; how many there are now. */
XS_INTERNAL(note) {
    dXSARGS;
    batch *of = items == 3 ? batch_argument(aTHX_ ST(0)) : NULL;
    PERL_UNUSED_VAR(cv);
    if (!of)
        croak("Usage: Sys::Virt::Async::All::_note(self, index, result)");
    if (!av_store(of->results, (SSize_t)SvIV(ST(1)), newSVsv(ST(2))))
        croak("Sys::Virt::Async::All: no such element");
    XSRETURN_IV((IV)++of->done);
}

/* _skip($self): the index of the next call, which is not made; undef if there is none. */
XS_INTERNAL(skip) {
    dXSARGS;
    batch *of = items == 1 ? batch_argument(aTHX_ ST(0)) : NULL;
    PERL_UNUSED_VAR(cv);
    if (!of)
        croak("Usage: Sys::Virt::Async::All::_skip(self)");
    if (of->over || of->at >= of->count)
        XSRETURN_UNDEF;
    XSRETURN_IV((IV)of->at++);
}

/* _state($self): the index of the call that was examined last, and how many have a result. */
XS_INTERNAL(state) {
    dXSARGS;
    const batch *of = items == 1 ? batch_argument(aTHX_ ST(0)) : NULL;
    PERL_UNUSED_VAR(cv);
    if (!of)
        croak("Usage: Sys::Virt::Async::All::_state(self)");
    EXTEND(SP, 2);
    ST(0) = sv_2mortal(newSViv((IV)of->at - 1));
    ST(1) = sv_2mortal(newSViv((IV)of->done));
    XSRETURN(2);
}

/* _stop($self): the results are not wanted any more, and calls that have not begun are not made. */
XS_INTERNAL(stop) {
    dXSARGS;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    batch *of = items == 1 && SvROK(ST(0)) ? batch_of(aTHX_ SvRV(ST(0))) : NULL;
    sysvirt_call *call, *next;
    SV *self;
    PERL_UNUSED_VAR(cv);
    if (!of)
        XSRETURN_EMPTY; /* they belong to another thread */
    self = SvRV(ST(0));
    of->over = TRUE;
    for (call = cxt->calls; call; call = next) {
        next = call->next;
        if (call->future == self && sysvirt_cancel(call->id))
            sysvirt_async_free(aTHX_ cxt, call);
    }
    XSRETURN_EMPTY;
}

void sysvirt_batch_boot(pTHX) {
    static const struct {
        const char *name;
        XSUBADDR_t code;
    } subs[] = {{"_begin", begin}, {"_fill", fill}, {"_note", note}, {"_skip", skip}, {"_state", state}, {"_stop", stop}};
    HV *stash = gv_stashpvs("Sys::Virt::Async::All", GV_ADD);
    size_t index;
    for (index = 0; index < C_ARRAY_LENGTH(subs); index++)
        sysvirt_new_sub(aTHX_ stash, subs[index].name, strlen(subs[index].name), subs[index].code, NULL);
    mro_method_changed_in(stash);
}
