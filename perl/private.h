/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* perl's private parts: what perlapi does not document, so that a new perl may change it. No other file uses any, except those
 * that nearly every XS module uses: XSANY, CvXSUBANY, SAVEVPTR, PERL_GET_THX, newXS_flags, and the flags of scalars. Each entry
 * says why it is used and what breaks if perl changes it.
 *
 * README's table "Tested combinations" has the perls on which all of this was run. An earlier state was also run on 5.16.3, 5.20.3
 * and 5.26.3, with threads and without, and on 5.36.0 with MULTIPLICITY alone. It lacked the entries that are marked "Newer". */

#ifndef SYSVIRT_PRIVATE_H
#define SYSVIRT_PRIVATE_H

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>
#include <perliol.h>

/* perl's variables, by weak references: a perl that lacks one is another perl, and has to find out when it compares versions,
 * which is the first thing that a module does. A strong reference would fail before that, with the name of a symbol. */
#ifdef __ELF__
#pragma weak PL_curinterp
#pragma weak PL_current_context
#pragma weak PL_extended_utf8_dfa_tab
#pragma weak PL_hash_state_w
#pragma weak PL_memory_wrap
#pragma weak PL_thr_key
#pragma weak PL_WARN_ALL
#pragma weak PL_WARN_NONE
#pragma weak PL_sv_placeholder
/* A perl with -DDEBUGGING checks types with these. */
#pragma weak PL_valid_types_IVX
#pragma weak PL_valid_types_IV_set
#pragma weak PL_valid_types_NVX
#pragma weak PL_valid_types_NV_set
#pragma weak PL_valid_types_PVX
#pragma weak PL_valid_types_RV

/* In a perl with one interpreter, all its variables are global. */
#ifndef MULTIPLICITY
#define WEAK(words) _Pragma(#words)
#define PERLVAR(prefix, name, type) WEAK(weak PL_##name)
#define PERLVARA(prefix, name, count, type) WEAK(weak PL_##name)
#define PERLVARI(prefix, name, type, value) WEAK(weak PL_##name)
#define PERLVARIC(prefix, name, type, value) WEAK(weak PL_##name)
#include <intrpvar.h>
#undef PERLVAR
#undef PERLVARA
#undef PERLVARI
#undef PERLVARIC
#undef WEAK
#endif
#endif

/* PL_my_cxt_list: what dMY_CXT reads, which only the file with START_MY_CXT may use. Each call would otherwise need a function
 * call to find its context. And what MY_CXT_CLONE writes, with memory that perl would free before the last objects. Breaks the
 * build if the list is renamed. */
#ifdef MULTIPLICITY
static inline void private_set_my_cxt(pTHX_ int index, void *context) { PL_my_cxt_list[index] = context; }
static inline void *private_my_cxt(pTHX_ int index) { return PL_my_cxt_list[index]; }
#endif

/* dJMPENV, JMPENV_PUSH, JMPENV_POP: the only way to return from `exit` (my_exit), which jumps to the innermost JMPENV: below us
 * are frames of Rust and libvirt. G_EVAL catches `die` alone. Runs the function; FALSE if it did not return. */
static inline bool private_returns(pTHX_ void (*function)(pTHX_ void *), void *argument) {
    int jump;
    dJMPENV;
    JMPENV_PUSH(jump);
    if (jump == 0)
        function(aTHX_ argument);
    JMPENV_POP;
    return jump == 0;
}

/* PL_tmps_ix, PL_tmps_stack: the mortals that a call's arguments made, since `exit` in a callback frees all mortals (my_exit
 * unwinds) while Rust still uses them. perlapi has no other way to name them. Breaks the build if they are renamed. */
static inline SSize_t private_mortals(pTHX) { return PL_tmps_ix; }
static inline SV *private_mortal(pTHX_ SSize_t index) { return PL_tmps_stack[index]; }

/* PL_markstack_ptr without POPMARK: whether a method was called with its object alone, so that the mark is still there for the
 * general way. perl's own dMARK-less ops do the same. Breaks the build if the mark stack changes. */
static inline I32 private_mark(pTHX) { return *PL_markstack_ptr; }

/* hv_common with HV_FETCH_ISSTORE: hv_store_ent with a key whose hash value is known, and without returning the HE. */
static inline void private_hv_store(pTHX_ HV *hash, SV *key, SV *value) {
    (void)hv_common(hash, key, NULL, 0, 0, HV_FETCH_ISSTORE | HV_FETCH_JUST_SV, value, SvSHARED_HASH(key));
}

/* newHVhv, HvARRAY, HvMAX, HeVAL: a copy of a hash, whose values are then replaced in their places: a third of the cost of
 * storing each key. Only hashes of ours are walked so, without placeholders or magic. The keys are compared one by one, so that
 * hashes are correct even in a perl that orders a copy differently. */
static inline HV *private_hv_copy(pTHX_ HV *hash) { return newHVhv(hash); }
static inline HE **private_hv_buckets(HV *hash) { return HvARRAY(hash); }
static inline size_t private_hv_size(HV *hash) { return HvMAX(hash) + 1; }

/* AvFILLp: the length of an array of ours, without a function call for the magic that it does not have. */
static inline void private_av_fill(AV *array, SSize_t last) { AvFILLp(array) = last; }
static inline SV *private_av_at(AV *array, SSize_t index) { return index <= AvFILLp(array) ? AvARRAY(array)[index] : NULL; }

/* Gv_AMG: whether a class has overloaded operators. SvAMAGIC is only a suspicion until perl has looked for them. */
static inline bool private_overloads(pTHX_ SV *reference) { return SvAMAGIC(reference) && Gv_AMG(SvSTASH(SvRV(reference))); }

/* amagic_call with numer_amg: what `0+` makes of an object, or the operators that perl uses instead; NULL if there is none.
 * sv_2num, which is public since 5.20 only, would take the address of an object without operators. */
static inline SV *private_overloaded_number(pTHX_ SV *reference) {
    return amagic_call(reference, &PL_sv_undef, numer_amg, AMGf_noright | AMGf_unary);
}

/* Newer. cop_warnings: the bits of a lexical scope, which warnings::enabled reads by `caller`; ckWARN only knows perl's own
 * categories. A scope made before the category was registered is shorter: there `all` counts (bits 0 and 1). Without a set of its
 * own a scope says `otherwise`. 5.37.6 changed the type; a perl that changes it again is told apart by RCPV_LEN. */
static inline bool private_warning_bit(pTHX_ size_t bit, bool otherwise) {
    const COP *const scope = PL_curcop;
    const unsigned char *bits;
    size_t length;
    if (!scope || scope->cop_warnings == pWARN_STD || scope->cop_warnings == pWARN_ALL)
        return otherwise;
    if (scope->cop_warnings == pWARN_NONE)
        return FALSE;
#ifdef RCPV_LEN
    bits = (const unsigned char *)scope->cop_warnings;
    length = RCPV_LEN(scope->cop_warnings);
#else
    bits = (const unsigned char *)(scope->cop_warnings + 1);
    length = *scope->cop_warnings;
#endif
    if (bit >> 3 >= length)
        bit &= 1;
    return length && (bits[bit >> 3] >> (bit & 7) & 1);
}

/* Newer. HvARRAY, HeNEXT, HeVAL, PL_sv_placeholder: the entries of an untied hash without its iterator, which is the script's.
 * hv_iternext would move it, and hv_iterinit frees the entry that the script just deleted. No Perl code may run in between. */
typedef struct {
    HV *hash;
    size_t bucket;
    HE *entry;
} private_walk;

static inline HE *private_next(private_walk *walk) {
    if (walk->entry)
        walk->entry = HeNEXT(walk->entry);
    for (;;) {
        while (walk->entry && HeVAL(walk->entry) == &PL_sv_placeholder)
            walk->entry = HeNEXT(walk->entry);
        if (walk->entry || !HvARRAY(walk->hash) || walk->bucket > HvMAX(walk->hash))
            return walk->entry;
        walk->entry = HvARRAY(walk->hash)[walk->bucket++];
    }
}

/* CvCONST on an XSUB that has effects: perl does not call a DESTROY that is a constant (S_curse, since 5.16), and what it would
 * do, the handle's magic does at a tenth of the cost. A perl that calls it would only be slower; t/handles.t detects that. Without
 * a value the sub is not inlined (cv_const_sv), whatever its prototype. */
static inline void private_skip_on_destruction(CV *destroy) { CvCONST_on(destroy); }

/* Newer. CvCONST with a value: a sub that perl inlines, as newCONSTSUB makes it. A perl that keeps the value elsewhere would call
 * the XSUB, which returns it: slower, and right. */
static inline void private_make_constant(CV *constant, SV *value) {
    CvXSUBANY(constant).any_ptr = value;
    CvCONST_on(constant);
#ifdef CvREFCOUNTED_ANYSV_on
    CvREFCOUNTED_ANYSV_on(constant);
#endif
}

/* Newer. The same as newXS_flags, in a third of the time: hv_fetch in the stash, gv_init_pvn, a CV by newSV_type, CvFILE, CvISXSUB,
 * CvXSUB, and a prototype that is not copied: with SvLEN 0 a string is not perl's to free. CvGV_set comes before GvCV_set, so that
 * the sub holds its glob, as one does that perl made of a named sub without glob (cvgv_from_hek), and the glob need not get magic
 * to find the sub by. The caller calls mro_method_changed_in at the end. NULL if the stash has the name already, and in a perl that
 * this was not tried on: then newXS_flags does it. */
static inline CV *private_new_xsub(pTHX_ HV *stash, const char *name, U32 length, XSUBADDR_t code, const char *file,
                                   const char *prototype) {
#if PERL_REVISION == 5 && PERL_VERSION <= 42
    SV **slot = hv_fetch(stash, name, (I32)length, TRUE);
    GV *gv;
    CV *cv;
    if (!slot || SvTYPE(*slot) != SVt_NULL)
        return NULL;
    gv = (GV *)*slot;
    gv_init_pvn(gv, stash, name, length, GV_ADDMULTI);
    cv = (CV *)newSV_type(SVt_PVCV);
    CvGV_set(cv, gv);
    GvCV_set(gv, cv);
    CvFILE(cv) = (char *)PTR2UV(file);
    CvISXSUB_on(cv);
    CvXSUB(cv) = code;
#if defined(CvHSCXT) && !defined(MULTIPLICITY)
    CvHSCXT(cv) = &PL_stack_sp;
#endif
    if (prototype) {
        SvPV_set((SV *)cv, (char *)PTR2UV(prototype));
        SvCUR_set((SV *)cv, strlen(prototype));
        SvPOK_on((SV *)cv);
    }
    return cv;
#else
    PERL_UNUSED_CONTEXT;
    return NULL;
#endif
}

/* Newer. MAGIC, SvMAGIC_set: what sv_magicext does for PERL_MAGIC_ext without a string of perl, but that it takes its memory from
 * malloc's caches, which calloc passes by: it is half the cost of a handle. The scalar is of type SVt_PVMG or higher. The struct is
 * described in perlguts; a perl that adds a member to it would find that member undefined, so all is set to zero. */
static inline void private_attach(pTHX_ SV *sv, MAGIC *magic, const MGVTBL *table, void *pointer) {
    Zero(magic, 1, MAGIC);
    magic->mg_moremagic = SvMAGIC(sv);
    magic->mg_virtual = (MGVTBL *)PTR2UV(table);
    magic->mg_type = PERL_MAGIC_ext;
    magic->mg_ptr = (char *)pointer;
    SvMAGIC_set(sv, magic);
    if (UNLIKELY(magic->mg_moremagic || table->svt_get || table->svt_set))
        mg_magical(sv);
    else
        SvRMAGICAL_on(sv); /* what mg_magical does then */
}

/* Newer. With room behind the struct, uninitialized. A thread's copy has none: mg_dup allocates and copies the struct alone. */
static inline MAGIC *private_magic(pTHX_ SV *sv, const MGVTBL *table, void *pointer, size_t room) {
    char *block;
    Newx(block, sizeof(MAGIC) + room, char);
    private_attach(aTHX_ sv, (MAGIC *)(void *)block, table, pointer);
    return (MAGIC *)(void *)block;
}

/* Newer. mg_len 0: perl frees the struct alone, with Safefree. So mg_ptr may be to what is behind it in the same allocation. */
static inline MAGIC *private_magic_with_room(pTHX_ SV *sv, const MGVTBL *table, size_t room) {
    char *block;
    Newx(block, sizeof(MAGIC) + room, char);
    private_attach(aTHX_ sv, (MAGIC *)(void *)block, table, block + sizeof(MAGIC));
    return (MAGIC *)(void *)block;
}

/* Newer. SvPV_set, SvLEN_set: newSVpvn in two thirds of the time. perl adds a byte, too, in which it counts who shares the buffer.
 */
static inline SV *private_new_string(pTHX_ const char *text, STRLEN length) {
    SV *string = newSV_type(SVt_PV);
    char *buffer;
    Newx(buffer, length + 2, char);
    Copy(text, buffer, length, char);
    buffer[length] = '\0';
    SvPV_set(string, buffer);
    SvCUR_set(string, length);
    SvLEN_set(string, length + 2);
    SvPOK_on(string);
    SvTAINT(string);
    return string;
}

/* Newer. SvLEN 0: a string that perl neither frees nor changes. */
static inline SV *private_static_string(pTHX_ const char *text, STRLEN length) {
    SV *string = newSV_type(SVt_PV);
    SvPV_set(string, (char *)PTR2UV(text));
    SvCUR_set(string, length);
    SvPOK_on(string);
    SvREADONLY_on(string);
    return string;
}

/* Newer. PL_curcop: a glob notes the file that it is made in, for which perl computes the hash of the whole name. Until LEAVE that
 * is a short one. */
static inline void private_make_globs_in(pTHX_ COP *place) {
    SAVEVPTR(PL_curcop);
    PL_curcop = place;
}

/* Newer. PL_curcop and blk_oldcop: where the script called one of our modules, so that messages and warnings name its line, like
 * those of a method that it calls directly. caller_cx is public, its result is not. */
static inline COP *private_caller(pTHX_ I32 level) {
    const PERL_CONTEXT *context = caller_cx(level, NULL);
    return context ? context->blk_oldcop : NULL;
}
static inline COP *private_position(pTHX) { return PL_curcop; }
static inline void private_stand_at(pTHX_ COP *cop) {
    SAVEVPTR(PL_curcop);
    PL_curcop = cop;
}

/* Newer. TAINT: what is made in this statement is tainted, as when perl reads a tainted scalar. mg_get, which is public, would do
 * more. */
static inline void private_taint(pTHX) {
    PERL_UNUSED_CONTEXT;
    TAINT;
}

/* Newer. PL_sig_pending: how many signals have come since perl has last handled any, which perl only compares with 0; perl's C
 * handler adds one for each, and leaves by longjmp if it reaches 120. perl has no function to defer signals for a while. Lowers it,
 * or restores the value that perl expects; the handler may run in between. Returns whether signals had come before. A perl without
 * that limit would only find a number that is not 0. */
static inline bool private_lower_pending(pTHX) { return __atomic_exchange_n(&PL_sig_pending, -1000000000, __ATOMIC_RELAXED) != 0; }
static inline void private_raise_pending(pTHX_ bool before) {
    int lowered = -1000000000;
    if (before || !__atomic_compare_exchange_n(&PL_sig_pending, &lowered, 0, FALSE, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        PL_sig_pending = 1;
}

/* Newer. The same as perl does in its own layers when a signal arrives during a wait (S_perlio_async_run): handlers run, and layers
 * that one of them clears stay until then, for the count in the head of their list is not 0. FALSE if the layer is cleared. A perl
 * that counts elsewhere would free the layer under a handler that closes the file which is being closed. */
static inline void private_layer_unlock(pTHX_ void *f) {
    PERL_UNUSED_CONTEXT;
    ((PerlIOl *)f)->head->flags--;
}
static inline bool private_run_handlers(pTHX_ PerlIO *f) {
    bool here;
    ENTER;
    SAVEDESTRUCTOR_X(private_layer_unlock, (void *)f);
    ((PerlIOl *)(void *)f)->head->flags++;
    PERL_ASYNC_CHECK();
    here = !(PerlIOBase(f)->flags & PERLIO_F_CLEARED);
    while (PerlIOValid(f) && (PerlIOBase(f)->flags & PERLIO_F_CLEARED)) {
        PerlIOl *cleared = *f;
        *f = cleared->next;
        Safefree(cleared);
    }
    LEAVE;
    return here;
}

/* PL_sig_pending: whether perl has handlers of signals to run. */
static inline bool private_signal_waits(pTHX) {
    PERL_UNUSED_CONTEXT;
    return PL_sig_pending != 0;
}

/* Newer. PL_incgv, HvUSEDKEYS: how many modules are loaded. get_hv would look %INC up by its name at each call. */
static inline size_t private_modules(pTHX) { return (size_t)HvUSEDKEYS(GvHVn(PL_incgv)); }

/* CvISXSUB, CvXSUB: whether a sub is one of ours. perlapi has nothing that compares. */
static inline bool private_runs(const CV *cv, XSUBADDR_t code) { return CvISXSUB(cv) && CvXSUB(cv) == code; }

/* PL_diehook, until LEAVE: an exception of a callback has called $SIG{__DIE__} already. */
static inline void private_without_die_hook(pTHX) {
    SAVESPTR(PL_diehook);
    PL_diehook = NULL;
}

/* PUSHSTACKi, POPSTACK: a separate stack for the called sub, as for perl's own DESTROY and tie: no `last` or `return` leaves it.
 * Breaks the build if they are renamed. */
#define PRIVATE_PUSHSTACK PUSHSTACKi(PERLSI_UNKNOWN)
#define PRIVATE_POPSTACK POPSTACK

/* CowREFCNT: whether another scalar has the same buffer. If perl shares buffers in another way, the build breaks, or a secret of
 * that scalar is overwritten as well. */
static inline bool private_shares_buffer(SV *sv) {
#ifdef CowREFCNT
    return SvIsCOW(sv) && SvLEN(sv) && CowREFCNT(sv);
#else
    PERL_UNUSED_ARG(sv);
    return FALSE;
#endif
}

/* STATUS_EXIT: the status that `exit` in a callback set, for continuing the exit. */
static inline void private_exit_on(pTHX) { my_exit(STATUS_EXIT); }

#endif
