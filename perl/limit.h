/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Blocking calls with a time limit, see limit.c. */

#ifndef SYSVIRT_LIMIT_H
#define SYSVIRT_LIMIT_H

#include "context.h"

/* The time limit of a call with these arguments, in nanoseconds; 0 if there is none. */
uint64_t sysvirt_call_limit(const my_cxt_t *cxt, const sysvirt_Method *method, const sysvirt_Value *args);

/* Where the handle of the method's object notes the object's connection, or NULL: see sysvirt_How. */
void **sysvirt_call_connection(const sysvirt_Method *method, const sysvirt_Value *args);

/* Lets another thread make the call, and waits. A signal handler's exception may end the wait. */
sysvirt_Outcome sysvirt_call_limited(pTHX_ my_cxt_t *cxt, const sysvirt_Method *method, const sysvirt_Value *args, uint64_t limit,
                                     sysvirt_Value *result);

/* Sets the time limit of a connection's calls; 0: none. */
void sysvirt_limit_connection(my_cxt_t *cxt, void *connection, uint64_t limit);

/* Converts seconds to nanoseconds: 0 for undef, and for very large values. Dies if the value is not a number above 0. */
uint64_t sysvirt_nanoseconds(pTHX_ SV *seconds, const char *name);

void sysvirt_limit_boot(pTHX);

#endif
