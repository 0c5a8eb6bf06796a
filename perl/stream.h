/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Streams as file handles, see stream.c. */

#ifndef SYSVIRT_STREAM_H
#define SYSVIRT_STREAM_H

#include "context.h"

void sysvirt_stream_boot(pTHX);

#endif
