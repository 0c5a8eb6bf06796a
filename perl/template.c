/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Hashes with the same keys come again and again. They are copies of a template, which costs perl a third of what it takes to
 * find a place for each key; then each value is put where its key is. Templates go with the interpreter. */

#include "template.h"

static SSize_t key_number(const sysvirt_Key *key) { return key->number ? key->number : sysvirt_key_number(key); }

/* A key known at compile time, as a scalar that shares it with the hashes it is put into: perl need neither look it up nor
 * make it, and it does not go when they do. */
SV *sysvirt_key_scalar(pTHX_ my_cxt_t *cxt, const sysvirt_Key *key) {
    const SSize_t number = key_number(key);
    SV *scalar = private_av_at(cxt->keys, number);
    if (!scalar) {
        scalar = newSVpvn_share(key->text, (I32)key->len, 0);
        av_store(cxt->keys, number, scalar);
    }
    return scalar;
}

/* A template for hashes with the keys of this one, in a string; NULL if a key comes twice. */
static SV *new_template(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    const size_t npairs = value->len / 2;
    SV *string = newSV(sizeof(sysvirt_template) + npairs * sizeof((sysvirt_template *)NULL)->pairs[0]);
    sysvirt_template *made = (sysvirt_template *)SvPVX(string);
    HE *entry;
    size_t index, at = 0;
    private_walk walk;
    made->hash = newHV();
    made->npairs = npairs;
    for (index = 0; index < npairs; index++) {
        const sysvirt_Value *key = &value->data.items[2 * index];
        SV *number = newSViv((IV)index);
        made->pairs[index].key = key->tag == SYSVIRT_TAG_KEY ? key->data.key : NULL;
        if (made->pairs[index].key)
            private_hv_store(aTHX_ made->hash, sysvirt_key_scalar(aTHX_ cxt, key->data.key), number);
        else
            (void)hv_store(made->hash, key->data.text, (I32)strlen(key->data.text), number, 0);
    }
    if (HvUSEDKEYS(made->hash) != npairs) {
        SvREFCNT_dec((SV *)made->hash);
        SvREFCNT_dec(string);
        return NULL;
    }
    walk.hash = made->hash;
    walk.bucket = 0;
    walk.entry = NULL;
    for (; (entry = private_next(&walk)); at++) {
        made->pairs[at].name = HeKEY_hek(entry);
        made->pairs[at].item = 2 * (size_t)SvIVX(HeVAL(entry)) + 1;
        SvREFCNT_dec(HeVAL(entry));
        HeVAL(entry) = &PL_sv_undef;
    }
    return string;
}

/* Of keys known at compile time: by its first key. */
static const sysvirt_template *of_keys(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    const sysvirt_Value *const items = value->data.items;
    const size_t npairs = value->len / 2;
    const SSize_t number = key_number(items->data.key);
    const sysvirt_template *found;
    size_t index;
    SV *string = private_av_at(cxt->templates, number);
    if (!string) {
        for (index = 0; index < npairs; index++)
            if (items[2 * index].tag != SYSVIRT_TAG_KEY)
                return NULL;
        string = new_template(aTHX_ cxt, value);
        if (!string)
            return NULL;
        av_store(cxt->templates, number, string);
    }
    found = (const sysvirt_template *)SvPVX(string);
    if (found->npairs != npairs)
        return NULL;
    for (index = 0; index < npairs; index++)
        if (items[2 * index].data.key != found->pairs[index].key)
            return NULL;
    return found;
}

/* For libvirt's names, mostly of typed parameters: the statistics of two domains mostly have the same names, in
 * the same order. A template is made when the same names come a second time. */

#define SHAPES 32         /* templates, each of which takes some 100 bytes for a name */
#define SHAPE_MAX 512     /* names */
#define SEEN 64           /* fingerprints of names that came once */
#define IDLE (4 * SHAPES) /* hashes after which a template is old, if none of them was like it */

typedef struct {
    SV *string;    /* the template */
    SV *names;     /* the names, in words: what a name begins with, its last word, and which bits of that are the name's */
    size_t npairs; /* the template's fingerprint: it differs for almost all other names */
    U32 used;      /* when it was used last */
} named;

struct sysvirt_shapes {
    U32 now; /* counts the hashes */
    U32 last;
    U32 seen[SEEN];
    named all[SHAPES];
};

#define WORD sizeof(uint64_t)

static uint64_t word_at(const char *text) {
    uint64_t word;
    memcpy(&word, text, WORD);
    return word;
}

/* The words of a name but the last, which holds its NUL. */
static size_t full_words(const char *name) { return strlen(name) / WORD; }

/* The contents of `names`. Only bits of names are compared: the bytes after a NUL are arbitrary. */
static SV *words_of(pTHX_ const sysvirt_Value *value) {
    const size_t npairs = value->len / 2;
    size_t index, words = 0, word;
    uint64_t *at;
    SV *string;
    for (index = 0; index < npairs; index++)
        words += full_words(value->data.items[2 * index].data.text) + 3;
    string = newSV(words * WORD);
    at = (uint64_t *)SvPVX(string);
    for (index = 0; index < npairs; index++) {
        const char *name = value->data.items[2 * index].data.text;
        const size_t full = full_words(name);
        *at++ = full;
        for (word = 0; word < full; word++)
            *at++ = word_at(name + word * WORD);
        at[0] = at[1] = 0;
        memcpy(&at[0], name + full * WORD, strlen(name) % WORD);
        memset(&at[1], 0xFF, strlen(name) % WORD + 1);
        at += 2;
    }
    return string;
}

/* Whether the hash has these names, in this order. */
static bool has_names(const named *like, const sysvirt_Value *value) {
    const uint64_t *at = (const uint64_t *)SvPVX(like->names);
    const sysvirt_Value *key = value->data.items;
    size_t left = like->npairs;
    for (; left; left--, key += 2, at += 2) {
        const char *name = key->data.text;
        uint64_t full = *at++;
        if (key->tag != SYSVIRT_TAG_NAME)
            return FALSE;
        for (; full; full--, name += WORD)
            if (word_at(name) != *at++)
                return FALSE;
        if ((word_at(name) ^ at[0]) & at[1])
            return FALSE;
    }
    return TRUE;
}

/* A fingerprint of the names; 0 if one of the keys is not a name. */
static U32 fingerprint(const sysvirt_Value *value) {
    const sysvirt_Value *key = value->data.items;
    const size_t npairs = value->len / 2;
    U32 sum = (U32)npairs;
    size_t index;
    for (index = 0; index < npairs; index++, key += 2) {
        const char *at;
        if (key->tag != SYSVIRT_TAG_NAME)
            return 0;
        for (at = key->data.text; *at; at++)
            sum = sum * 33 + (U8)*at;
        sum = sum * 33 + 1;
    }
    return sum;
}

/* Where a new template may stand: in no other's place that is in use. */
static named *free_place(struct sysvirt_shapes *shapes) {
    named *oldest = shapes->all, *at;
    for (at = shapes->all; at < shapes->all + SHAPES; at++) {
        if (!at->string)
            return at;
        if (shapes->now - at->used > shapes->now - oldest->used)
            oldest = at;
    }
    return shapes->now - oldest->used > IDLE ? oldest : NULL;
}

static const sysvirt_template *learned(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    struct sysvirt_shapes *const shapes = cxt->shapes;
    const U32 print = fingerprint(value);
    named *place;
    SV *string;
    if (!print || shapes->seen[print % SEEN] != print) {
        shapes->seen[print % SEEN] = print;
        return NULL;
    }
    place = free_place(shapes);
    string = place ? new_template(aTHX_ cxt, value) : NULL;
    if (!string)
        return NULL;
    if (place->string) {
        SvREFCNT_dec((SV *)((const sysvirt_template *)SvPVX(place->string))->hash);
        SvREFCNT_dec(place->string);
        SvREFCNT_dec(place->names);
    }
    place->string = string;
    place->names = words_of(aTHX_ value);
    place->npairs = value->len / 2;
    place->used = shapes->now;
    return (const sysvirt_template *)SvPVX(string);
}

static const sysvirt_template *of_names(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    const size_t npairs = value->len / 2;
    struct sysvirt_shapes *shapes = cxt->shapes;
    U32 index;
    if (npairs > SHAPE_MAX)
        return NULL;
    if (!shapes) {
        Newxz(shapes, 1, struct sysvirt_shapes);
        cxt->shapes = shapes;
    }
    shapes->now++;
    for (index = 0; index < SHAPES; index++) {
        const U32 number = (shapes->last + index) % SHAPES;
        named *like = &shapes->all[number];
        if (like->npairs == npairs && has_names(like, value)) {
            like->used = shapes->now;
            shapes->last = number;
            return (const sysvirt_template *)SvPVX(like->string);
        }
    }
    return learned(aTHX_ cxt, value);
}

/* The template for a hash; NULL if there is none. */
const sysvirt_template *sysvirt_template_of(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    if (value->len < 4)
        return NULL;
    if (value->data.items->tag == SYSVIRT_TAG_KEY)
        return of_keys(aTHX_ cxt, value);
    if (value->data.items->tag == SYSVIRT_TAG_NAME)
        return of_names(aTHX_ cxt, value);
    return NULL;
}
