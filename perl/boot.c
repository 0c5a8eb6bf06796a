/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Binds the tables that Rust exports: methods, constants, DESTROY. */

#include "async.h"
#include "batch.h"
#include "call.h"
#include "callback.h"
#include "error.h"
#include "handle.h"
#include "results.h"
#include "lazy.h"
#include "limit.h"
#include "stream.h"
#include "sub.h"
#include "warning.h"

/* The class whose package contains the function. */
static const sysvirt_ClassTable *class_of(pTHX_ const CV *cv) {
    const my_cxt_t *cxt = sysvirt_context(aTHX);
    size_t index, count;
    const sysvirt_ClassTable *classes = sysvirt_classes(&count);
    for (index = 0; index < count; index++)
        if (cxt->stash[classes[index].class_] == GvSTASH(CvGV(cv)))
            return &classes[index];
    return NULL;
}

/* DESTROY of every class. Perl may call it on anything. */
XS_INTERNAL(destroy_handle) {
    dXSARGS;
    if (items != 1) {
        const sysvirt_ClassTable *table = class_of(aTHX_ cv);
        croak("Usage: %s::DESTROY(%s)", HvNAME(GvSTASH(CvGV(cv))), table ? table->destroy : "object");
    }
    sysvirt_handle_close(aTHX_ ST(0));
    XSRETURN_EMPTY;
}

#ifdef USE_ITHREADS
/* Another package's CLONE may have run first and called one of our functions: then there is nothing to do. */
XS_INTERNAL(clone_context) {
    dXSARGS;
    PERL_UNUSED_VAR(items);
    PERL_UNUSED_VAR(cv);
    (void)sysvirt_context(aTHX);
    XSRETURN_EMPTY;
}
#endif

static bool is_getter(const sysvirt_Method *method) {
    return method->nparams == 1 && method->params->field.shape.kind == SYSVIRT_KIND_HANDLE && !method->params->field.shape.optional
           && !(method->flags & sysvirt_SUB);
}

static XSUBADDR_t entry_of(const sysvirt_Method *method) {
    if (strEQ(method->name, "Sys::Virt::new"))
        return sysvirt_connect;
    return is_getter(method) ? sysvirt_getter : sysvirt_dispatch;
}

/* To perl it is a constant sub, which perl does not call when an object is freed: the magic of the handle does the work then,
 * at a tenth of the cost. A call, for example from a subclass's DESTROY, runs it. */
static void bind_destroy(pTHX_ HV *stash) {
    CV *destroy = sysvirt_new_sub(aTHX_ stash, "DESTROY", 7, destroy_handle, "$");
    CvXSUBANY(destroy).any_ptr = NULL;
    private_skip_on_destruction(destroy);
}

/* Their names are the package's name, and a suffix. */
static void bind_methods(pTHX_ HV *stash, const sysvirt_Method *method, size_t count) {
    const size_t prefix = (size_t)HvNAMELEN(stash) + 2;
    for (; count; count--, method++) {
        union {
            const sysvirt_Method *of;
            void *any;
        } row;
        const char *name = method->name + prefix;
        CV *cv = sysvirt_new_sub(aTHX_ stash, name, strlen(name), entry_of(method), method->prototype);
        row.of = method; /* perl has no field for a pointer to const */
        CvXSUBANY(cv).any_ptr = row.any;
    }
}

XS_INTERNAL(constant_value) {
    dXSARGS;
    SP -= items;
    EXTEND(SP, 1);
    ST(0) = (SV *)XSANY.any_ptr;
    XSRETURN(1);
}

/* Constants are globs with functions, as code that inspects a package expects. Plain values in the stash would load faster, by 1.4
 * million instructions of 46; newCONSTSUB for each would take four million more. */
static void bind_constants(pTHX_ HV *stash, const sysvirt_Constant *constant, size_t count) {
    for (; count; count--, constant++) {
        SV *value = constant->text ? private_static_string(aTHX_ constant->text, constant->text_len)
                                   : sysvirt_signed(aTHX_ constant->integer);
        SvREADONLY_on(value);
        private_make_constant(sysvirt_new_sub(aTHX_ stash, constant->name, constant->len, constant_value, ""), value);
    }
}

static void bind_class(pTHX_ HV *stash, const sysvirt_ClassTable *table) {
    size_t part, count = HvUSEDKEYS(stash) + 8;
    for (part = 0; part < table->nmethods; part++)
        count += table->methods[part].count;
    for (part = 0; part < table->nconstants; part++)
        count += table->constants[part].count;
    hv_ksplit(stash, (IV)count);
    for (part = 0; part < table->nmethods; part++)
        bind_methods(aTHX_ stash, table->methods[part].rows, table->methods[part].count);
    for (part = 0; part < table->nconstants; part++)
        bind_constants(aTHX_ stash, table->constants[part].rows, table->constants[part].count);
    if (table->destroy)
        bind_destroy(aTHX_ stash);
}

static void bind_all(pTHX_ const my_cxt_t *cxt) {
    size_t count, index;
    const sysvirt_ClassTable *const classes = sysvirt_classes(&count);
    COP place;
    ENTER;
    Zero(&place, 1, COP);
    CopFILE_set(&place, SUB_FILE);
    private_make_globs_in(aTHX_ &place);
    for (index = 0; index < count; index++)
        bind_class(aTHX_ cxt->stash[classes[index].class_], &classes[index]);
    sysvirt_lazy_boot(aTHX_ cxt);
    sysvirt_error_boot(aTHX_ cxt);
    sysvirt_async_boot(aTHX);
    sysvirt_batch_boot(aTHX);
    for (index = 1; index < SYSVIRT_CLASS_COUNT; index++)
        mro_method_changed_in(cxt->stash[index]);
    LEAVE;
    CopFILE_free(&place);
}

/* boot_Sys__Virt, by way of the Rust function of that name, which alone can be exported. */
void sysvirt_boot(pTHX_ CV *cv);
void sysvirt_boot(pTHX_ CV *cv) {
#ifdef dXSBOOTARGSXSAPIVERCHK
    dXSBOOTARGSXSAPIVERCHK;
#else
    dXSARGS;
    XS_APIVERSION_BOOTCHECK;
    XS_VERSION_BOOTCHECK;
#endif
    const my_cxt_t *cxt = sysvirt_context_boot(aTHX);
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);

    sysvirt_handle_boot();
    if (!sysvirt_start(&sysvirt_callbacks))
        croak("Sys::Virt: libvirt cannot be initialized");
    sysvirt_callback_boot(aTHX);
    sysvirt_warning_boot(aTHX);
    bind_all(aTHX_ cxt);
    sysvirt_limit_boot(aTHX);
    sysvirt_stream_boot(aTHX);
#ifdef USE_ITHREADS
    newXS("Sys::Virt::CLONE", clone_context, "perl/boot.c");
#endif
#if PERL_VERSION_GE(5, 22, 0)
    Perl_xs_boot_epilog(aTHX_ ax);
#else
    XSRETURN_YES;
#endif
}
