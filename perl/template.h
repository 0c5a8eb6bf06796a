/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Templates for results with the same keys, see template.c. */

#ifndef SYSVIRT_TEMPLATE_H
#define SYSVIRT_TEMPLATE_H

#include "context.h"

/* Hashes with certain keys. */
typedef struct {
    HV *hash; /* these keys, with undef for values */
    size_t npairs;
    struct {
        const sysvirt_Key *key; /* of the pair of this number, if it is known at compile time */
        const HEK *name;        /* in the order in which perl keeps the keys: the key ... */
        size_t number;          /* ... the number of its pair ... */
        size_t bucket;          /* ... and its bucket; SYSVIRT_SAME_BUCKET: that of the key before it */
    } pairs[1];
} sysvirt_template;

#define SYSVIRT_SAME_BUCKET SIZE_MAX

SV *sysvirt_key_scalar(pTHX_ my_cxt_t *cxt, const sysvirt_Key *key);
const sysvirt_template *sysvirt_template_of_keys(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value);
const sysvirt_template *sysvirt_template_of_row(pTHX_ my_cxt_t *cxt, const sysvirt_Key *keys, size_t count);
const sysvirt_template *sysvirt_template_of_names(pTHX_ my_cxt_t *cxt, const sysvirt_Parameter *params, size_t count);

#endif
