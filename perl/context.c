/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Only this file knows how perl stores a module's data for each interpreter; the others get a pointer to it. */

#include "context.h"

#define MY_CXT_KEY "Sys::Virt::_guts" XS_VERSION
START_MY_CXT

#ifdef MULTIPLICITY
int sysvirt_context_index;

/* The entry in perl's list after the context of an ending interpreter is freed. It serves no interpreter. Objects are freed until
 * the very end, and read this entry. */
static my_cxt_t no_context;
#else
my_cxt_t *sysvirt_only_context;
#endif

static void set_up(pTHX_ my_cxt_t *cxt) {
    int index;
    cxt->interpreter = CURRENT_INTERPRETER;
    cxt->keys = newAV();
    cxt->templates = newAV();
    for (index = 1; index < SYSVIRT_CLASS_COUNT; index++) {
        cxt->stash[index] = gv_stashpv(sysvirt_package((sysvirt_Class)index), GV_ADD);
        SvREFCNT_inc_simple_void((SV *)cxt->stash[index]);
    }
    cxt->futures = gv_stashpvs("Sys::Virt::Future", GV_ADD);
    SvREFCNT_inc_simple_void((SV *)cxt->futures);
}

#ifdef MULTIPLICITY
/* From malloc: a scalar, which is what perl would use, is freed before the last objects are. perl copies its list, with the
 * address of the parent's context in it, and calls the CLONE subs of all packages in the order of a hash: ours may well come
 * after some that call us. */
my_cxt_t *sysvirt_context_new(pTHX) {
    my_cxt_t *cxt;
    Newxz(cxt, 1, my_cxt_t);
    private_set_my_cxt(aTHX_ sysvirt_context_index, cxt);
    set_up(aTHX_ cxt);
    return cxt;
}
#endif

/* The context's references are released with the interpreter. perl also copies its list of exit functions to each thread. */
static void forget(pTHX_ void *unused) {
#ifdef MULTIPLICITY
    my_cxt_t *cxt = sysvirt_context_of(aTHX);
    PERL_UNUSED_ARG(unused);
    private_set_my_cxt(aTHX_ sysvirt_context_index, &no_context);
    Safefree(cxt->shapes);
    Safefree(cxt);
#else
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(unused);
    Safefree(sysvirt_only_context->shapes);
    sysvirt_only_context->shapes = NULL;
    sysvirt_only_context->interpreter = NULL;
#endif
}

my_cxt_t *sysvirt_context_boot(pTHX) {
    MY_CXT_INIT;
    Perl_call_atexit(aTHX_ forget, NULL);
#ifdef MULTIPLICITY
    sysvirt_context_index = my_cxt_index;
    return sysvirt_context_new(aTHX);
#else
    Zero(&MY_CXT, 1, my_cxt_t);
    sysvirt_only_context = &MY_CXT;
    set_up(aTHX_ &MY_CXT);
    return &MY_CXT;
#endif
}

#ifdef USE_ITHREADS
int sysvirt_magic_dup(pTHX_ MAGIC *magic, CLONE_PARAMS *params) {
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(params);
    magic->mg_ptr = NULL;
    return 0;
}
#endif

int sysvirt_magic_local(pTHX_ SV *sv, MAGIC *magic) {
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(sv);
    PERL_UNUSED_ARG(magic);
    return 0;
}
