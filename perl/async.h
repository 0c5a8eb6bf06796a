/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Calls that do not block, see async.c. */

#ifndef SYSVIRT_ASYNC_H
#define SYSVIRT_ASYNC_H

#include "context.h"

/* A call that a thread of Rust's makes, for the time until Perl has been told.
 */
typedef struct sysvirt_call {
    SV *future; /* what is told */
    SV *handle; /* what the method's object is in, if that is held, or NULL; and the object */
    void *object;
    HV *stash;  /* a constructor's package, or NULL */
    char *file; /* where the script made it, for messages */
    line_t line;
    struct sysvirt_call *next, *previous;
} sysvirt_call;

void sysvirt_async_boot(pTHX);

/* The id of this interpreter's queue, which is created if necessary; 0 if that fails. */
size_t sysvirt_async_queue(pTHX_ my_cxt_t *cxt);

#endif
