/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Warnings of the category Sys::Virt, for likely mistakes that the original accepts. They are on by default, and follow
 * the lexical scope of the script's line: `no warnings 'Sys::Virt'`, `use warnings FATAL => 'Sys::Virt'`. */

#include "warning.h"

/* The place of our category among the bits of a scope; -1: not registered, as the script does not use warnings.pm. */
static IV offset_of_category(pTHX) {
    HV *offsets = get_hv("warnings::Offsets", 0);
    SV **found = offsets ? hv_fetchs(offsets, "Sys::Virt", 0) : NULL;
    return found && SvOK(*found) ? SvIV(*found) : -1;
}

/* Registers the category, when warnings.pm has been read. */
static void register_category(pTHX) {
    dSP;
    if (offset_of_category(aTHX) >= 0)
        return;
    ENTER;
    SAVETMPS;
    PUSHMARK(SP);
    XPUSHs(newSVpvs_flags("Sys::Virt", SVs_TEMP));
    PUTBACK;
    call_pv("warnings::register_categories", G_VOID | G_DISCARD);
    FREETMPS;
    LEAVE;
}

/* Whether warnings.pm has been loaded completely: it fills its tables first. */
static bool has_categories(pTHX) {
    SV *last = get_sv("warnings::LAST_BIT", 0);
    return last && SvOK(last) && get_cv("warnings::register_categories", 0);
}

/* %warnings::Bits is read, which `use warnings` and `no warnings` do first. Once is enough. */
static I32 bits_are_wanted(pTHX_ IV action, SV *bits) {
    MAGIC *magic = mg_find(bits, PERL_MAGIC_uvar);
    PERL_UNUSED_ARG(action);
    if (magic && has_categories(aTHX)) {
        ((struct ufuncs *)magic->mg_ptr)->uf_val = NULL;
        register_category(aTHX);
    }
    return 0;
}

/* Registers the category, immediately or when the script loads warnings.pm. We do not load it, because that takes as long as all of
 * our classes. A hash with uvar magic reports each access (perlguts), and is an ordinary hash otherwise. */
void sysvirt_warning_boot(pTHX) {
    if (has_categories(aTHX)) {
        register_category(aTHX);
    } else {
        struct ufuncs on_access = {bits_are_wanted, NULL, 0};
        sv_magic((SV *)get_hv("warnings::Bits", GV_ADD | GV_ADDMULTI), NULL, PERL_MAGIC_uvar, (char *)&on_access, sizeof on_access);
    }
}

/* Warns, unless warnings are off at the script's line; dies if they are fatal there. */
void sysvirt_warn(pTHX_ SV *message) {
    const IV offset = offset_of_category(aTHX);
    const size_t bit = offset >= 0 ? (size_t)offset : 2 * WARN_MISC;
    if (!private_warning_bit(aTHX_ bit, TRUE))
        return;
    if (private_warning_bit(aTHX_ bit + 1, FALSE))
        croak("%" SVf, SVfARG(message));
    warn("%" SVf, SVfARG(message));
}

/* Warns of the exceptions that cannot be thrown, because the first one is. */
void sysvirt_warn_of_others(pTHX_ my_cxt_t *cxt) {
    AV *others = cxt->others;
    if (!others)
        return;
    cxt->others = NULL;
    sv_2mortal((SV *)others); /* a handler of warnings may die */
    while (av_len(others) >= 0)
        warn_sv(sv_2mortal(av_shift(others)));
}
