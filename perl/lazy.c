/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Subs that are written in Perl and rarely called: they are bound here, and the first call of one loads its module. Reading them
 * with Sys/Virt.pm would take a fiftieth of the time for loading. */

#include "lazy.h"
#include "sub.h"

/* A sub, and the function that does its work: in a module, with these arguments before the sub's own. */
typedef struct {
    const char *name, *module, *code;
    const char *arguments[2];
} lazy_sub;

/* Methods that are made of several calls: %composed in Sys/Virt/Async.pm names the same. */
#define COMPOSED(name, module) \
    { \
        name, "Sys::Virt::Async", "Sys::Virt::Async::composed", { module, name } \
    }
#define SUB(name, module, sub) \
    { \
        name, "Sys::Virt::" module, "Sys::Virt::" module "::" sub, { NULL, NULL } \
    }

static const lazy_sub of_all[] = {SUB("name_of", "Names", "name_of"), SUB("async", "Async", "proxy")};
static const lazy_sub of_connections[] = {SUB("async_limits", "Async", "limits"), COMPOSED("ensure_domain", "Ensure"),
                                          COMPOSED("ensure_network", "Ensure"), COMPOSED("ensure_storage_pool", "Ensure")};
static const lazy_sub of_pools[] = {COMPOSED("ensure_volume", "Ensure")};
static const lazy_sub of_domains[] = {COMPOSED("addresses", "Wait"),          COMPOSED("wait_for_address", "Wait"),
                                      COMPOSED("wait_for_agent", "Wait"),     COMPOSED("wait_for_block_job", "Wait::Jobs"),
                                      COMPOSED("wait_for_job", "Wait::Jobs"), COMPOSED("wait_for_state", "Wait")};
static const lazy_sub of_streams[] = {SUB("handle", "Stream::Handle", "open_on"), SUB("send_from", "Stream::Transfer", "send_from"),
                                      SUB("receive_to", "Stream::Transfer", "receive_to")};
static const lazy_sub of_errors[] = {SUB("name_of", "Names", "name_of"), SUB("code_name", "Names", "code_name"),
                                     SUB("domain_name", "Names", "domain_name")};
static const lazy_sub of_events[] = {SUB("name_of", "Names", "name_of")};
static const lazy_sub of_async[] = {SUB("AUTOLOAD", "Async", "autoload")};

/* The sub's code; its module is loaded now if it was not before. */
static CV *code_of(pTHX_ const lazy_sub *of) {
    CV *code = get_cv(of->code, 0);
    if (!code) {
        ENTER;
        save_scalar(PL_errgv); /* loading sets $@, which may be the object itself: $@->code_name */
        load_module(PERL_LOADMOD_NOIMPORT, newSVpv(of->module, 0), NULL);
        LEAVE;
        code = get_cv(of->code, GV_ADD);
    }
    return code;
}

/* Calls the sub's code instead: `caller` does not show a frame for an XSUB. */
XS_INTERNAL(load_and_call) {
    dXSARGS;
    const lazy_sub *of = (const lazy_sub *)CvXSUBANY(cv).any_ptr;
    CV *code;
    I32 index;
    /* perl's stack holds no references: while Perl copies the arguments, the FETCH of one may free the others. */
    for (index = 0; index < items; index++)
        sv_2mortal(SvREFCNT_inc_simple_NN(ST(index)));
    code = code_of(aTHX_ of);
    SPAGAIN;
    if (of->arguments[0]) {
        EXTEND(SP, 2);
        Move(&ST(0), &ST(2), items, SV *);
        ST(0) = sv_2mortal(newSVpv(of->arguments[0], 0));
        ST(1) = sv_2mortal(newSVpv(of->arguments[1], 0));
        PL_stack_sp = PL_stack_base + ax + items + 1;
    }
    PUSHMARK(PL_stack_base + ax - 1);
    call_sv((SV *)code, GIMME_V);
}

/* overload::AUTOLOAD. The original loads overload.pm, which takes as long as all of our classes: scripts have it when they call a
 * sub of it. */
XS_INTERNAL(load_overload) {
    dXSARGS;
    SV *name = newSVsv(get_sv("overload::AUTOLOAD", GV_ADD));
    CV *code;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    sv_2mortal(name);
    load_module(PERL_LOADMOD_NOIMPORT, newSVpvs("overload"), NULL);
    code = get_cvn_flags(SvPVX(name), SvCUR(name), 0);
    if (!code)
        croak("Undefined subroutine &%" SVf " called", SVfARG(name));
    PUSHMARK(PL_stack_base + ax - 1);
    call_sv((SV *)code, GIMME_V);
}

static void bind_lazy(pTHX_ HV *stash, const lazy_sub *sub, size_t count) {
    for (; count; count--, sub++) {
        union {
            const lazy_sub *of;
            void *any;
        } row;
        row.of = sub;
        CvXSUBANY(sysvirt_new_sub(aTHX_ stash, sub->name, strlen(sub->name), load_and_call, NULL)).any_ptr = row.any;
    }
}

/* Sys::Virt::Async::_rebind(): now that it is loaded, `async` of each class is its sub, unless the script has put another there. */
XS_INTERNAL(rebind) {
    dXSARGS;
    const my_cxt_t *cxt = sysvirt_context(aTHX);
    const lazy_sub *const async = &of_all[1];
    SV *code = sv_2mortal(newRV_inc((SV *)get_cv(async->code, GV_ADD)));
    int class_;
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    for (class_ = SYSVIRT_CLASS_CONNECT; class_ < SYSVIRT_CLASS_ADMIN; class_++) {
        SV **slot = hv_fetch(cxt->stash[class_], async->name, (I32)strlen(async->name), 0);
        const CV *stub = slot && isGV_with_GP(*slot) ? GvCV((GV *)*slot) : NULL;
        if (stub && private_runs(stub, load_and_call))
            sv_setsv_mg(*slot, code);
    }
    XSRETURN_EMPTY;
}

/* Classes that are entirely in the shared object: their files, which contain only their manuals, need not be read. */
static bool has_empty_file(sysvirt_Class class_) {
    return (class_ > SYSVIRT_CLASS_CONNECT && class_ < SYSVIRT_CLASS_ADMIN) || class_ == SYSVIRT_CLASS_ERROR;
}

/* Sys::Virt::_loaded(file): the file of each such class counts as loaded, beside this one, Sys/Virt.pm. */
XS_INTERNAL(loaded) {
    dXSARGS;
    HV *inc = get_hv("INC", GV_ADD);
    STRLEN length;
    const char *file = items > 0 ? SvPV(ST(0), length) : NULL;
    int class_;
    PERL_UNUSED_VAR(cv);
    if (!file || length < 3 || strNE(file + length - 3, ".pm"))
        XSRETURN_EMPTY;
    for (class_ = 0; class_ < SYSVIRT_CLASS_COUNT; class_++) {
        if (has_empty_file((sysvirt_Class)class_)) {
            const char *name = sysvirt_package((sysvirt_Class)class_) + sizeof("Sys::Virt::") - 1;
            SV *key = sv_2mortal(newSVpvf("Sys/Virt/%s.pm", name));
            if (!hv_exists_ent(inc, key, 0))
                (void)hv_store_ent(inc, key, newSVpvf("%.*s/%s.pm", (int)length - 3, file, name), 0);
        }
    }
    XSRETURN_EMPTY;
}

#define BIND(stash, subs) bind_lazy(aTHX_ stash, subs, C_ARRAY_LENGTH(subs))

void sysvirt_lazy_boot(pTHX_ const my_cxt_t *cxt) {
    int class_;
    for (class_ = SYSVIRT_CLASS_CONNECT; class_ < SYSVIRT_CLASS_ADMIN; class_++)
        BIND(cxt->stash[class_], of_all);
    BIND(cxt->stash[SYSVIRT_CLASS_CONNECT], of_connections);
    BIND(cxt->stash[SYSVIRT_CLASS_DOMAIN], of_domains);
    BIND(cxt->stash[SYSVIRT_CLASS_STORAGE_POOL], of_pools);
    BIND(cxt->stash[SYSVIRT_CLASS_STREAM], of_streams);
    BIND(cxt->stash[SYSVIRT_CLASS_ERROR], of_errors);
    BIND(cxt->stash[SYSVIRT_CLASS_EVENT], of_events);
    BIND(gv_stashpvs("Sys::Virt::Async", GV_ADD), of_async);
    newXS("Sys::Virt::Async::_rebind", rebind, __FILE__);
    newXS("overload::AUTOLOAD", load_overload, __FILE__);
    newXS("Sys::Virt::_loaded", loaded, __FILE__);
}
