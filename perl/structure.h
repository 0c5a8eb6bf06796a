/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Any argument becomes a value, hashes and arrays included, see structure.c. */

#ifndef SYSVIRT_STRUCTURE_H
#define SYSVIRT_STRUCTURE_H

#include "scalar.h"

SV *sysvirt_decode_as(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
void sysvirt_decode_pairs(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV **first, SSize_t count,
                          sysvirt_Value *out);
void sysvirt_decode_result(pTHX_ const sysvirt_Field *what, SV *sv, sysvirt_Value *out);

/* The package that a class method was called on, by name or by an object; the value of an invocant contains it. */
static inline HV *sysvirt_invocant_stash(pTHX_ SV *sv) { return sv_isobject(sv) ? SvSTASH(SvRV(sv)) : gv_stashsv(sv, GV_ADD); }

#endif
