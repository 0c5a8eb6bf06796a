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
        const sysvirt_Key *key; /* of the pair of this number; NULL if it is libvirt's name */
        const HEK *name;        /* in the order in which perl keeps the keys: the key ... */
        size_t item;            /* ... and the number of its value */
    } pairs[1];
} sysvirt_template;

SV *sysvirt_key_scalar(pTHX_ my_cxt_t *cxt, const sysvirt_Key *key);
const sysvirt_template *sysvirt_template_of(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value);

#endif
