/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The XSUBs of all methods, see call.c. */

#ifndef SYSVIRT_CALL_H
#define SYSVIRT_CALL_H

#include "context.h"

void sysvirt_dispatch(pTHX_ CV *cv);
void sysvirt_getter(pTHX_ CV *cv);
void sysvirt_connect(pTHX_ CV *cv);

/* The method of one of our XSUBs, else NULL. */
const sysvirt_Method *sysvirt_method_of(const CV *cv);

/* Checks the number of arguments, and decodes them without copying. */
void sysvirt_decode_checked(pTHX_ const sysvirt_Method *method, SV **given, SSize_t count, sysvirt_Value *args);

/* Whether there is a code reference among the arguments. */
bool sysvirt_has_code(const sysvirt_Value *values, size_t count);

/* Throws a method's exception. */
void sysvirt_throw(pTHX_ my_cxt_t *cxt, sysvirt_Outcome outcome, sysvirt_Value *result);

#endif
