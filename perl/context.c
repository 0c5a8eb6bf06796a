/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The only place that knows how perl stores what a module keeps for each interpreter; the others are given it. */

#include "context.h"

#define MY_CXT_KEY "Sys::Virt::_guts" XS_VERSION
START_MY_CXT

my_cxt_t *sysvirt_context(pTHX) {
    dMY_CXT;
    return &MY_CXT;
}

my_cxt_t *sysvirt_context_new(pTHX_ bool cloned) {
#ifdef USE_ITHREADS
    if (cloned) {
        MY_CXT_CLONE;
        return &MY_CXT;
    }
#else
    PERL_UNUSED_ARG(cloned);
#endif
    {
        MY_CXT_INIT;
        return &MY_CXT;
    }
}
