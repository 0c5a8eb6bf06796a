/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The XSUBs that stand for every method, see call.c. */

#ifndef SYSVIRT_CALL_H
#define SYSVIRT_CALL_H

#include "context.h"

void sysvirt_dispatch(pTHX_ CV *cv);
void sysvirt_getter(pTHX_ CV *cv);

#endif
