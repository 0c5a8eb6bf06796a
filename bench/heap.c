/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Bench::heap: the bytes of malloc's that a Perl process has in use, which no process tells of itself otherwise. */
#include <malloc.h>
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

XS(heap) {
    dXSARGS;
    struct mallinfo2 info = mallinfo2();
    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    EXTEND(SP, 1);
    XSRETURN_UV(info.uordblks + info.hblkhd);
}
