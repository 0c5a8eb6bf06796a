/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Calls that do not block, see async.c. */

#ifndef SYSVIRT_ASYNC_H
#define SYSVIRT_ASYNC_H

#include "context.h"

/* A call that a Rust thread makes, until Perl has been notified of its end.
 */
typedef struct sysvirt_call {
    SV *future; /* the object that is notified ... */
    void (*tell)(pTHX_ my_cxt_t *cxt, struct sysvirt_call *call,
                 sysvirt_Settled *settled); /* ... by this function; NULL: by its _settle */
    SSize_t index;                          /* which call of its future this is, if there are several */
    SV *handle;                             /* the scalar of the method's object, if that is held, or NULL; and the object */
    void *object;
    bool of_connection; /* that is a connection */
    HV *stash;          /* a constructor's package, or NULL */
    char *file;         /* where the script made it, for messages */
    line_t line;
    uint64_t id;
    struct sysvirt_call *next, *previous;
} sysvirt_call;

/* How calls are made. */
typedef struct {
    size_t queue;
    sysvirt_How how;
    bool own_limit; /* not the limit of the connection */
    COP *position;  /* of the script */
} sysvirt_manner;

/* Reads the options of calls that the script makes at this position. */
void sysvirt_async_manner(pTHX_ my_cxt_t *cxt, SV *options, sysvirt_manner *manner);

/* The method of a code reference; dies if it cannot run on another thread. */
const sysvirt_Method *sysvirt_async_method(pTHX_ SV *code);

/* Makes a call. Throws if its arguments are invalid. */
sysvirt_call *sysvirt_async_submit(pTHX_ my_cxt_t *cxt, const sysvirt_manner *manner, const sysvirt_Method *method, SV **given,
                                   SSize_t count, SV *future);

/* The result of a call, in a new scalar; NULL if that is not enough: it has warnings, or a message that needs a line. */
SV *sysvirt_async_outcome(pTHX_ my_cxt_t *cxt, const sysvirt_call *call, sysvirt_Settled *settled);

/* Tells the call's future what it ended with, by that method: with the call's index, if there are several, and 0 and the exception,
 * 1 and the result, if there is any, or 2 and the elements of a list. */
void sysvirt_async_notify(pTHX_ my_cxt_t *cxt, sysvirt_call *call, sysvirt_Settled *settled, const char *method);

/* Nobody waits for a call any more. */
void sysvirt_async_free(pTHX_ my_cxt_t *cxt, sysvirt_call *call);

void sysvirt_async_boot(pTHX);

/* The id of this interpreter's queue, which is created if necessary; 0 if that fails. */
size_t sysvirt_async_queue(pTHX_ my_cxt_t *cxt);

#endif
