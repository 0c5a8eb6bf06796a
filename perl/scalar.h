/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Single scalars become values, see scalar.c. */

#ifndef SYSVIRT_SCALAR_H
#define SYSVIRT_SCALAR_H

#include "context.h"

/* The name of the value that is decoded, for messages. */
typedef struct {
    const char *method; /* NULL: what a callback returned */
    const char *name;   /* the argument, or the key in it ... */
    STRLEN len;
    SSize_t index; /* ... and which element of that, or -1 */
} sysvirt_place;

static inline void sysvirt_set_text(sysvirt_Value *out, sysvirt_Tag tag, const char *text, STRLEN length, bool utf8) {
    out->tag = tag;
    out->utf8 = utf8;
    out->len = length;
    out->data.text = text;
}

/* Whether a number is within the shape's range. */
static inline bool sysvirt_signed_fits(const sysvirt_Shape *shape, int64_t number) {
    return number < 0 ? number >= shape->min : (uint64_t)number <= shape->max;
}
static inline bool sysvirt_fits(const sysvirt_Shape *shape, const sysvirt_Value *number) {
    return number->tag == SYSVIRT_TAG_INT ? sysvirt_signed_fits(shape, number->data.integer)
                                          : number->tag == SYSVIRT_TAG_UINT && number->data.natural <= shape->max;
}

SV *sysvirt_place_name(pTHX_ const sysvirt_place *place);
void *sysvirt_scratch(pTHX_ size_t size);
SV *sysvirt_copy(pTHX_ SV *sv);
SV *sysvirt_wiped(pTHX_ SV *sv);

bool sysvirt_numify(pTHX_ SV *sv, sysvirt_Value *out);
bool sysvirt_numify_wholly(pTHX_ SV *sv, sysvirt_Value *out);

/* Each returns NULL, or a mortal with the reason: the part of the message after the name. */
SV *sysvirt_decode_number(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
SV *sysvirt_decode_float(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
SV *sysvirt_decode_text(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
SV *sysvirt_decode_bytes(pTHX_ const sysvirt_place *place, const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
SV *sysvirt_decode_scalar(pTHX_ const sysvirt_place *place, SV *sv, sysvirt_Value *out);
SV *sysvirt_decode_handle(pTHX_ const sysvirt_Shape *shape, SV *sv, sysvirt_Value *out);
void sysvirt_decode_code(pTHX_ const sysvirt_place *place, SV *sv, sysvirt_Value *out);

#endif
