/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Arguments become values, see arguments.c. */

#ifndef SYSVIRT_ARGUMENTS_H
#define SYSVIRT_ARGUMENTS_H

#include "context.h"

void sysvirt_decode(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args, bool copy);
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out);

#endif
