/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Exceptions for libvirt errors, see error.c. */

#ifndef SYSVIRT_ERROR_H
#define SYSVIRT_ERROR_H

#include "context.h"

/* The line of the script that called one of our modules. */
COP *sysvirt_position(pTHX);

/* A Sys::Virt::Error for the error value of a call. */
SV *sysvirt_error_new(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, const char *file, line_t line);

void sysvirt_error_boot(pTHX_ const my_cxt_t *cxt);

#endif
