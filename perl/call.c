/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* A call of a method: arguments become values, Rust runs, its result becomes scalars or an exception. */

#include "call.h"
#include "arguments.h"
#include "error.h"
#include "limit.h"
#include "results.h"
#include "warning.h"

static void usage(pTHX_ const sysvirt_Method *method) {
    SV *text = sv_2mortal(newSVpvs(""));
    size_t index;
    for (index = 0; index < method->nparams; index++) {
        const sysvirt_Param *param = &method->params[index];
        const char *value = param->default_text;
        sv_catpvf(text, "%s%s", index ? ", " : "", param->name);
        if (value)
            sv_catpvf(text, "%s%s", param->spaced ? " = " : "=", strEQ(value, "undef") ? "&PL_sv_undef" : value);
    }
    croak("Usage: %s(%" SVf ")", method->name, SVfARG(text));
}

/* Work that callbacks deferred until the end of the method. $SIG{__DIE__} has seen the exception already. */
static void finish_deferred(pTHX_ my_cxt_t *cxt, sysvirt_Value *result) {
    SV *error = cxt->deferred;
    const bool exiting = cxt->exiting;
    cxt->deferred = NULL;
    cxt->exiting = cxt->pending = FALSE;
    sysvirt_drop(result);
    if (exiting)
        private_exit_on(aTHX);
    sv_2mortal(error);
    sysvirt_warn_of_others(aTHX_ cxt);
    private_without_die_hook(aTHX);
    croak_sv(error);
}

static void throw(pTHX_ my_cxt_t *cxt, sysvirt_Outcome outcome, sysvirt_Value *result) {
    SV *error;
    if (outcome == SYSVIRT_OUTCOME_ERROR) {
        const COP *position = sysvirt_position(aTHX);
        error =
            sv_2mortal(sysvirt_error_new(aTHX_ cxt, result, position ? CopFILE(position) : NULL, position ? CopLINE(position) : 0));
        sysvirt_drop(result);
        croak_sv(error);
    }
    error = sv_2mortal(sysvirt_build(aTHX_ cxt, result, NULL));
    sysvirt_drop(result);
    croak("%" SVf, SVfARG(error));
}

static SV *assigned(pTHX_ my_cxt_t *cxt, sysvirt_Value *result, SV *variable) {
    sysvirt_Value *content = &result->data.items[1];
    SV *returned = sysvirt_build(aTHX_ cxt, &result->data.items[2], NULL);
    if (content->tag != SYSVIRT_TAG_NONE) {
        sv_setpvn(variable, content->data.text, content->len);
        SvUTF8_off(variable);
    }
    return returned;
}

static void hold(pTHX_ sysvirt_Class class_, void *object) {
    PERL_UNUSED_CONTEXT;
    sysvirt_retain(class_, object);
}

static void release_now(pTHX_ sysvirt_Class class_, void *object) {
    PERL_UNUSED_CONTEXT;
    sysvirt_release(class_, object);
}

static void release_later(pTHX_ sysvirt_Class class_, void *object) { sv_2mortal(sysvirt_handle_inner(aTHX_ class_, object)); }

/* Whether there is a callback among the arguments, which may run during the method. */
static bool has_code(const sysvirt_Value *values, size_t count) {
    size_t index;
    for (index = 0; index < count; index++) {
        const sysvirt_Value *value = &values[index];
        if (value->tag == SYSVIRT_TAG_CODE
            || ((value->tag == SYSVIRT_TAG_ARRAY || value->tag == SYSVIRT_TAG_MAP) && has_code(value->data.items, value->len)))
            return TRUE;
    }
    return FALSE;
}

/* Calls a function on each object among the arguments. If Perl code may run, the objects are held during the method: a handler, an
 * event loop in Perl or the end of the program (`exit` in a handler) may close the script's handles. They are then held until the
 * end of the script's statement, because the result may be a string that they own. */
static void each_object(pTHX_ const sysvirt_Value *values, size_t count, void (*with)(pTHX_ sysvirt_Class, void *)) {
    size_t index;
    for (index = 0; index < count; index++) {
        const sysvirt_Value *value = &values[index];
        if (value->tag == SYSVIRT_TAG_HANDLE && value->data.pointer)
            with(aTHX_ value->class_, value->data.pointer);
        else if (value->tag == SYSVIRT_TAG_ARRAY || value->tag == SYSVIRT_TAG_MAP)
            each_object(aTHX_ value->data.items, value->len, with);
    }
}

/* The mortals above `floor`, which decoding created, with an extra reference to each. An `exit` in a callback frees all mortals
 * while Rust and libvirt still use them. */
static SV **pin_mortals(pTHX_ SSize_t floor, SSize_t *count) {
    SV **pinned;
    SSize_t index;
    *count = private_mortals(aTHX) - floor;
    Newx(pinned, *count, SV *);
    for (index = 0; index < *count; index++)
        pinned[index] = SvREFCNT_inc(private_mortal(aTHX_ floor + 1 + index));
    return pinned;
}

static void unpin(pTHX_ SV **pinned, SSize_t count) {
    while (count--)
        SvREFCNT_dec(pinned[count]);
    Safefree(pinned);
}

/* If an argument is not plain, all are decoded by sysvirt_decode, and held if Perl code may run during the method. */
static NOINLINE sysvirt_Outcome call_carefully(pTHX_ my_cxt_t *cxt, const sysvirt_Method *method, SV **given, SSize_t count,
                                               sysvirt_Value *args, sysvirt_Value *result) {
    const SSize_t floor = private_mortals(aTHX);
    SSize_t npinned;
    SV **pinned;
    sysvirt_Outcome outcome;
    sysvirt_Decoded decoded;
    uint64_t limit;
    decoded = sysvirt_decode(aTHX_ method, given, count, args, TRUE);
    if (decoded != SYSVIRT_DECODED) {
        static sysvirt_Value undefined;
        Zero(result, 1, sysvirt_Value);
        sysvirt_set_head(result, decoded == SYSVIRT_NO_OBJECT ? SYSVIRT_TAG_LIST : SYSVIRT_TAG_OTHER, SYSVIRT_CLASS_NONE, 1);
        result->data.items = &undefined;
        return SYSVIRT_OUTCOME_DONE;
    }
    if (!cxt->reentrant && !has_code(args, method->nparams))
        return method->body(args, result);
    if ((limit = sysvirt_call_limit(cxt, method, args)))
        return sysvirt_call_limited(aTHX_ cxt, method, args, limit, result);
    each_object(aTHX_ args, method->nparams, hold);
    pinned = pin_mortals(aTHX_ floor, &npinned);
    outcome = method->body(args, result);
    each_object(aTHX_ args, method->nparams, cxt->exiting ? release_now : release_later);
    unpin(aTHX_ pinned, npinned);
    return outcome;
}

/* Deferred work of callbacks, or the method's own exception. */
static NOINLINE void fail(pTHX_ my_cxt_t *cxt, sysvirt_Outcome outcome, sysvirt_Value *result) {
    if (cxt->pending)
        finish_deferred(aTHX_ cxt, result);
    throw(aTHX_ cxt, outcome, result);
}

/* A list in list context: one scalar for each value. */
static void return_list(pTHX_ my_cxt_t *cxt, I32 ax, sysvirt_Value *result) {
    SV **sp = PL_stack_base + ax - 1;
    SV **end;
    EXTEND(SP, (SSize_t)result->len);
    sysvirt_build_elements(aTHX_ cxt, result, SP + 1);
    for (end = SP + result->len; SP < end;)
        sv_2mortal(*++SP);
    PUTBACK;
    if (result->storage != SYSVIRT_STORAGE_BORROWED)
        sysvirt_drop(result);
}

/* A list in scalar context: its length, or its last element. */
static SV *scalar_of_list(pTHX_ my_cxt_t *cxt, sysvirt_Value *result) {
    if (result->tag == SYSVIRT_TAG_COUNTED_LIST)
        return newSViv((IV)result->len);
    return result->len ? sysvirt_build_element(aTHX_ cxt, result, result->len - 1) : &PL_sv_undef;
}

/* Raises the warnings behind a result; it is dropped first, since a warning may be fatal. */
static NOINLINE void return_warned(pTHX_ my_cxt_t *cxt, I32 ax, const sysvirt_Method *method, sysvirt_Value *result) {
    AV *warnings = (AV *)sv_2mortal((SV *)newAV());
    SSize_t index;
    for (index = 1; index < (SSize_t)result->len; index++) {
        const sysvirt_Value *text = &result->data.items[index];
        SV *warning = newSVpvf("%s: ", method->name);
        sv_catpvn(warning, text->data.text, text->len); /* it may have a NUL */
        av_push(warnings, warning);
    }
    ST(0) = sv_2mortal(sysvirt_build(aTHX_ cxt, &result->data.items[0], NULL));
    index = result->data.items[0].tag == SYSVIRT_TAG_NONE ? 0 : 1;
    sysvirt_drop(result);
    PL_stack_sp = PL_stack_base + ax + index - 1;
    for (index = 0; index <= av_len(warnings); index++)
        sysvirt_warn(aTHX_ AvARRAY(warnings)[index]);
}

/* Returns a result that needs new scalars. A constructor's object goes into the package of its invocant. */
static NOINLINE void return_built(pTHX_ my_cxt_t *cxt, I32 ax, const sysvirt_Method *method, const sysvirt_Value *args,
                                  sysvirt_Value *result) {
    SV *single, *variable = NULL;
    switch (result->tag) {
    case SYSVIRT_TAG_OTHER: /* nothing was done: the arguments are still there, and the original returns them */
        return;
    case SYSVIRT_TAG_LIST:
    case SYSVIRT_TAG_COUNTED_LIST:
    case SYSVIRT_TAG_TEXTS:
    case SYSVIRT_TAG_NUMBERS:
    case SYSVIRT_TAG_INTS:
    case SYSVIRT_TAG_PAIR:
    case SYSVIRT_TAG_ROWS:
        if (GIMME_V != G_SCALAR) {
            return_list(aTHX_ cxt, ax, result);
            return;
        }
        single = scalar_of_list(aTHX_ cxt, result);
        break;
    case SYSVIRT_TAG_OUT_ARG:
        variable = ST(result->data.items[0].data.natural);
        single = assigned(aTHX_ cxt, result, variable);
        break;
    case SYSVIRT_TAG_WARNED:
        return_warned(aTHX_ cxt, ax, method, result);
        return;
    case SYSVIRT_TAG_HANDLE: /* which takes it over: nothing to drop */
        ST(0) =
            sv_2mortal(sysvirt_build(aTHX_ cxt, result, method->flags & sysvirt_CONSTRUCTOR ? (HV *)args[0].data.pointer : NULL));
        XSRETURN(1);
    default:
        single = sysvirt_build(aTHX_ cxt, result, NULL);
    }
    sysvirt_drop(result);
    ST(0) = sv_2mortal(single);
    if (variable)
        SvSETMAGIC(variable); /* may die: nothing of ours would leak */
    XSRETURN(1);
}

/* Whether the number fits into an IV, which is always true if that has 64 bits. */
static ALWAYS_INLINE bool is_iv(int64_t number) {
#if IVSIZE >= 8
    PERL_UNUSED_VAR(number);
    return TRUE;
#else
    return number >= IV_MIN && number <= IV_MAX;
#endif
}

/* Returns the method's result instead of its arguments. Common results are stored in the op's target, as XS does, without a
 * new SV. */
static ALWAYS_INLINE void finish(pTHX_ my_cxt_t *cxt, I32 ax, const sysvirt_Method *method, const sysvirt_Value *args,
                                 sysvirt_Outcome outcome, sysvirt_Value *result) {
    if (UNLIKELY(cxt->pending || outcome != SYSVIRT_OUTCOME_DONE))
        fail(aTHX_ cxt, outcome, result);

    if (result->tag == SYSVIRT_TAG_NONE) {
        PL_stack_sp = &ST(0) - 1;
    } else if ((result->tag == SYSVIRT_TAG_INT && is_iv(result->data.integer))
               || (result->tag == SYSVIRT_TAG_UINT && result->data.natural <= IV_MAX)) {
        SV **sp = &ST(0) - 1;
        dXSTARG;
        PUSHi((IV)result->data.integer);
        PUTBACK;
    } else if ((result->tag == SYSVIRT_TAG_TEXT || result->tag == SYSVIRT_TAG_BYTES)
               && result->storage != SYSVIRT_STORAGE_SECRET) { /* the op would keep a secret for as long as it lives */
        SV **sp;
        dXSTARG;
        sv_setpvn(TARG, result->data.text, result->len);
        if (result->storage != SYSVIRT_STORAGE_BORROWED)
            sysvirt_drop(result);
        SvUTF8_off(TARG);
        sp = &ST(0) - 1;
        PUSHTARG;
        PUTBACK;
    } else {
        return_built(aTHX_ cxt, ax, method, args, result);
    }
}

/* Every method of every class. */
void sysvirt_dispatch(pTHX_ CV *cv) {
    dXSARGS;
    const sysvirt_Method *method = (const sysvirt_Method *)CvXSUBANY(cv).any_ptr;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    sysvirt_Value args[sysvirt_ARGS_MAX], result;
    sysvirt_Outcome outcome;

    SP -= items;
    if (UNLIKELY(!items))
        EXTEND(SP, 1);
    if (UNLIKELY((size_t)items - method->mandatory > method->optional))
        usage(aTHX_ method);
    cxt->taken = 0;
    if (LIKELY(!cxt->reentrant) && sysvirt_decode_all_plain(aTHX_ method, &ST(0), items, args))
        outcome = method->body(args, &result);
    else
        outcome = call_carefully(aTHX_ cxt, method, &ST(0), items, args, &result);
    finish(aTHX_ cxt, ax, method, args, outcome, &result);
}

/* Most calls have only the object as argument: a faster path for them. */
void sysvirt_getter(pTHX_ CV *cv) {
    const sysvirt_Method *method = (const sysvirt_Method *)CvXSUBANY(cv).any_ptr;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    const I32 ax = private_mark(aTHX) + 1;
    SV **const given = &ST(0);
    const MAGIC *magic = PL_stack_sp == given ? sysvirt_handle_magic_plain(*given) : NULL;
    sysvirt_Value object, result;
    sysvirt_Outcome outcome;

    if (UNLIKELY(!magic || sysvirt_handle_class(magic) != method->params->field.shape.class_ || cxt->reentrant)) {
        sysvirt_dispatch(aTHX_ cv);
        return;
    }
    sysvirt_set_handle(&object, magic, *given);
    (void)POPMARK;
    outcome = method->body(&object, &result);
    finish(aTHX_ cxt, ax, method, &object, outcome, &result);
}

/* The value of an option of Sys::Virt->new, if present. */
static SV *option(pTHX_ SV **given, I32 count, const char *name) {
    SV *found = NULL;
    I32 index;
    for (index = 1; index + 1 < count; index += 2)
        if (SvPOK(given[index]) && strEQ(SvPV_nolen(given[index]), name))
            found = given[index + 1];
    return found;
}

/* Sys::Virt->new, which may have a time limit, for itself and all calls of the connection. */
void sysvirt_connect(pTHX_ CV *cv) {
    dXSARGS;
    const sysvirt_Method *method = (const sysvirt_Method *)CvXSUBANY(cv).any_ptr;
    my_cxt_t *cxt = sysvirt_context(aTHX);
    SV *seconds = option(aTHX_ &ST(0), items, "timeout");
    const uint64_t limit = seconds ? sysvirt_nanoseconds(aTHX_ seconds, "Sys::Virt::new: timeout") : 0;
    sysvirt_Value args[sysvirt_ARGS_MAX], result;
    sysvirt_Outcome outcome;
    if (!limit) {
        PUSHMARK(&ST(-1));
        sysvirt_dispatch(aTHX_ cv);
        return;
    }
    (void)sysvirt_decode(aTHX_ method, &ST(0), items, args, FALSE);
    outcome = sysvirt_call_limited(aTHX_ cxt, method, args, limit, &result);
    if (outcome == SYSVIRT_OUTCOME_DONE && result.tag == SYSVIRT_TAG_HANDLE)
        sysvirt_limit_connection(cxt, result.data.pointer, limit);
    finish(aTHX_ cxt, ax, method, args, outcome, &result);
}

/* For non-blocking calls: they start in the same way, and end with the same exceptions. */

const sysvirt_Method *sysvirt_method_of(const CV *cv) {
    const bool ours = private_runs(cv, sysvirt_dispatch) || private_runs(cv, sysvirt_getter) || private_runs(cv, sysvirt_connect);
    return ours ? (const sysvirt_Method *)CvXSUBANY(cv).any_ptr : NULL;
}

void sysvirt_decode_checked(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args) {
    sysvirt_context(aTHX)->taken = SYSVIRT_ROOM; /* the values may outlive another call */
    if ((size_t)count - method->mandatory > method->optional)
        usage(aTHX_ method);
    if (!sysvirt_decode_all_plain(aTHX_ method, given, count, args))
        (void)sysvirt_decode(aTHX_ method, given, count, args, FALSE);
}

bool sysvirt_has_code(const sysvirt_Value *values, size_t count) { return has_code(values, count); }

void sysvirt_throw(pTHX_ my_cxt_t *cxt, sysvirt_Outcome outcome, sysvirt_Value *result) { throw(aTHX_ cxt, outcome, result); }
