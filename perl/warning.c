/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Warnings of the category Sys::Virt, for what is likely a mistake but was always accepted. They are on by default, and follow
 * the lexical scope of the script's line: `no warnings 'Sys::Virt'`, `use warnings FATAL => 'Sys::Virt'`. */

#include "warning.h"

/* The place of our category among the bits of a scope; -1: not registered, as warnings.pm is not loaded. */
static IV offset_of_category(pTHX) {
    HV *offsets = get_hv("warnings::Offsets", 0);
    SV **found = offsets ? hv_fetchs(offsets, "Sys::Virt", 0) : NULL;
    return found && SvOK(*found) ? SvIV(*found) : -1;
}

/* Registers the category, if the script knows warnings.pm. We do not load it: that takes as long as all of our classes. */
void sysvirt_warning_boot(pTHX) {
    dSP;
    HV *loaded = get_hv("INC", 0);
    if (!loaded || !hv_exists(loaded, "warnings.pm", 11) || offset_of_category(aTHX) >= 0
        || !get_cv("warnings::register_categories", 0))
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

/* Warns, unless the script's line has that off, or dies if it wants it. */
void sysvirt_warn(pTHX_ SV *message) {
    const IV offset = offset_of_category(aTHX);
    const size_t bit = offset >= 0 ? (size_t)offset : 2 * WARN_MISC;
    if (!private_warning_bit(aTHX_ bit, TRUE))
        return;
    if (private_warning_bit(aTHX_ bit + 1, FALSE))
        croak("%" SVf, SVfARG(message));
    warn("%" SVf, SVfARG(message));
}
