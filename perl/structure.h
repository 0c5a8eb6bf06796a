/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Hashes, arrays and what is in them become values, see structure.c. */

#ifndef SYSVIRT_STRUCTURE_H
#define SYSVIRT_STRUCTURE_H

#include "context.h"

/* What is being looked at, however deep. */
typedef struct {
    const sysvirt_Method *method; /* NULL: what a callback returned */
    const sysvirt_Param *param;
    int depth;
    int elements; /* how many there were */
} sysvirt_structure;

bool sysvirt_is_plain_hash(pTHX_ SV *sv);
void sysvirt_decode_plain_hash(pTHX_ HV *hash, sysvirt_Value *out);
void sysvirt_decode_container(pTHX_ sysvirt_structure *of, SV *sv, sysvirt_Value *out, svtype type, const char *why);
void sysvirt_decode_pairs(pTHX_ sysvirt_structure *of, SV **first, SSize_t count, sysvirt_Value *out);
void sysvirt_decode_tree(pTHX_ sysvirt_structure *of, SV *sv, sysvirt_Value *out);
void sysvirt_decode_any(pTHX_ SV *sv, sysvirt_Value *out);

#endif
