/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The only place that knows how perl stores what a module keeps for each interpreter; the others are given it. */

#include "context.h"

#define MY_CXT_KEY "Sys::Virt::_guts" XS_VERSION
START_MY_CXT

#ifdef MULTIPLICITY
int sysvirt_context_index;
#else
my_cxt_t *sysvirt_only_context;
#endif

my_cxt_t *sysvirt_context_new(pTHX_ bool cloned) {
#ifdef MULTIPLICITY
    if (cloned) {
        MY_CXT_CLONE;
        return &MY_CXT;
    }
#else
    PERL_UNUSED_ARG(cloned);
#endif
    {
        MY_CXT_INIT;
#ifdef MULTIPLICITY
        sysvirt_context_index = my_cxt_index;
#else
        sysvirt_only_context = &MY_CXT;
#endif
        return &MY_CXT;
    }
}
