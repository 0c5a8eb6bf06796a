/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Subs whose modules are loaded at the first call, see lazy.c. */

#ifndef SYSVIRT_LAZY_H
#define SYSVIRT_LAZY_H

#include "context.h"

void sysvirt_lazy_boot(pTHX_ const my_cxt_t *cxt);

#endif
