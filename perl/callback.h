/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Calls from libvirt into Perl, see callback.c. */

#ifndef SYSVIRT_CALLBACK_H
#define SYSVIRT_CALLBACK_H

#include "context.h"

extern const sysvirt_Callbacks sysvirt_callbacks;
void sysvirt_callback_boot(pTHX);

#endif
