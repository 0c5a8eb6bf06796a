/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The calls of Sys::Virt::Async->all, see batch.c. */

#ifndef SYSVIRT_BATCH_H
#define SYSVIRT_BATCH_H

#include "context.h"

void sysvirt_batch_boot(pTHX);

#endif
