/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Warnings of our own category, see warning.c. */

#ifndef SYSVIRT_WARNING_H
#define SYSVIRT_WARNING_H

#include "context.h"

void sysvirt_warning_boot(pTHX);
void sysvirt_warn(pTHX_ SV *message);
void sysvirt_warn_of_others(pTHX_ my_cxt_t *cxt);

#endif
