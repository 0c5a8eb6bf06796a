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

/* A template for hashes with so many keys, in a string. The keys are put into its hash, with their numbers for values. */
static SV *begun(pTHX_ size_t npairs) {
    SV *string = newSV(sizeof(sysvirt_template) + npairs * sizeof((sysvirt_template *)NULL)->pairs[0]);
    sysvirt_template *made = (sysvirt_template *)SvPVX(string);
    made->hash = newHV();
    made->npairs = npairs;
    return string;
}

/* The same when the keys are in the hash; NULL if one came twice. */
static SV *ended(pTHX_ SV *string) {
    sysvirt_template *made = (sysvirt_template *)SvPVX(string);
    private_walk walk = {made->hash, 0, NULL};
    HE *entry;
    size_t at = 0, bucket = 0;
    if (HvUSEDKEYS(made->hash) != made->npairs) {
        SvREFCNT_dec((SV *)made->hash);
        SvREFCNT_dec(string);
        return NULL;
    }
    for (; (entry = private_next(&walk)); at++) {
        made->pairs[at].name = HeKEY_hek(entry);
        made->pairs[at].number = (size_t)SvIVX(HeVAL(entry));
        made->pairs[at].bucket = walk.bucket == bucket ? SYSVIRT_SAME_BUCKET : walk.bucket - 1;
        bucket = walk.bucket;
        SvREFCNT_dec(HeVAL(entry));
        HeVAL(entry) = &PL_sv_undef;
    }
    return string;
}

static void add(pTHX_ my_cxt_t *cxt, SV *string, size_t index, const sysvirt_Key *key) {
    sysvirt_template *made = (sysvirt_template *)SvPVX(string);
    made->pairs[index].key = key;
    private_hv_store(aTHX_ made->hash, sysvirt_key_scalar(aTHX_ cxt, key), newSViv((IV)index));
}

static SV *new_of_keys(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    SV *string = begun(aTHX_ value->len / 2);
    size_t index;
    for (index = 0; index < value->len / 2; index++)
        add(aTHX_ cxt, string, index, value->data.items[2 * index].data.key);
    return ended(aTHX_ string);
}

/* The template for rows with these keys, by the first of them, which no others have; NULL if a key comes twice. */
const sysvirt_template *sysvirt_template_of_row(pTHX_ my_cxt_t *cxt, const sysvirt_Key *keys, size_t count) {
    const SSize_t number = key_number(keys);
    SV *string = private_av_at(cxt->templates, number);
    const sysvirt_template *found;
    size_t index;
    if (UNLIKELY(!string)) {
        string = begun(aTHX_ count);
        for (index = 0; index < count; index++)
            add(aTHX_ cxt, string, index, &keys[index]);
        string = ended(aTHX_ string);
        if (!string)
            return NULL;
        av_store(cxt->templates, number, string);
    }
    found = (const sysvirt_template *)SvPVX(string);
    return LIKELY(found->npairs == count) ? found : NULL;
}

/* The template for a hash whose keys are known at compile time but not all there; NULL if there is none. By its first key. */
const sysvirt_template *sysvirt_template_of_keys(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    const sysvirt_Value *const items = value->data.items;
    const size_t npairs = value->len / 2;
    const sysvirt_template *found;
    SSize_t number;
    size_t index;
    SV *string;
    if (npairs < 2 || items->tag != SYSVIRT_TAG_KEY)
        return NULL;
    number = key_number(items->data.key);
    string = private_av_at(cxt->templates, number);
    if (!string) {
        for (index = 0; index < npairs; index++)
            if (items[2 * index].tag != SYSVIRT_TAG_KEY)
                return NULL;
        string = new_of_keys(aTHX_ cxt, value);
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

/* For the names of typed parameters: the statistics of two domains mostly have the same names, in the same order. A template is
 * made when the same names come a second time. */

#define SHAPES 32         /* templates, each of which takes some 100 bytes for a name */
#define SHAPE_MAX 512     /* names */
#define SEEN 64           /* fingerprints of names that came last */
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
    U32 seen[SEEN]; /* a ring */
    U32 oldest;     /* of these */
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
static SV *words_of(pTHX_ const sysvirt_Parameter *params, size_t count) {
    const sysvirt_Parameter *param, *const end = params + count;
    size_t words = 0, word;
    uint64_t *at;
    SV *string;
    for (param = params; param < end; param++)
        words += full_words(param->name) + 3;
    string = newSV(words * WORD);
    at = (uint64_t *)SvPVX(string);
    for (param = params; param < end; param++) {
        const char *name = param->name;
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

/* Whether the parameters have these names, in this order. */
static bool has_names(const named *like, const sysvirt_Parameter *param) {
    const uint64_t *at = (const uint64_t *)SvPVX(like->names);
    size_t left = like->npairs;
    for (; left; left--, param++, at += 2) {
        const char *name = param->name;
        uint64_t full = *at++;
        for (; full; full--, name += WORD)
            if (word_at(name) != *at++)
                return FALSE;
        if ((word_at(name) ^ at[0]) & at[1])
            return FALSE;
    }
    return TRUE;
}

/* A fingerprint of the names; 0 if one of them does not end. */
static U32 fingerprint(const sysvirt_Parameter *params, size_t count) {
    const sysvirt_Parameter *param, *const end = params + count;
    U32 sum = (U32)count;
    for (param = params; param < end; param++) {
        const char *at = param->name, *const last = at + sizeof param->name;
        for (; at < last && *at; at++)
            sum = sum * 33 + (U8)*at;
        if (at == last)
            return 0;
        sum = sum * 33 + 1;
    }
    return sum;
}

/* Whether a fingerprint came before, among the last. */
static bool came_before(struct sysvirt_shapes *shapes, U32 print) {
    U32 index;
    for (index = 0; index < SEEN; index++)
        if (shapes->seen[index] == print)
            return TRUE;
    shapes->seen[shapes->oldest++ % SEEN] = print;
    return FALSE;
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

static const sysvirt_template *learned(pTHX_ my_cxt_t *cxt, const sysvirt_Parameter *params, size_t count) {
    struct sysvirt_shapes *const shapes = cxt->shapes;
    const U32 print = fingerprint(params, count);
    named *place;
    SV *string;
    size_t index;
    if (!print || !came_before(shapes, print) || !(place = free_place(shapes)))
        return NULL;
    string = begun(aTHX_ count);
    for (index = 0; index < count; index++) {
        const char *name = params[index].name;
        (void)hv_store(((sysvirt_template *)SvPVX(string))->hash, name, (I32)strlen(name), newSViv((IV)index), 0);
    }
    if (!(string = ended(aTHX_ string)))
        return NULL;
    if (place->string) {
        SvREFCNT_dec((SV *)((const sysvirt_template *)SvPVX(place->string))->hash);
        SvREFCNT_dec(place->string);
        SvREFCNT_dec(place->names);
    }
    place->string = string;
    place->names = words_of(aTHX_ params, count);
    place->npairs = count;
    place->used = shapes->now;
    return (const sysvirt_template *)SvPVX(string);
}

/* The template for a hash of typed parameters; NULL if there is none. */
const sysvirt_template *sysvirt_template_of_names(pTHX_ my_cxt_t *cxt, const sysvirt_Parameter *params, size_t count) {
    struct sysvirt_shapes *shapes = cxt->shapes;
    U32 index;
    if (count < 2 || count > SHAPE_MAX)
        return NULL;
    if (!shapes) {
        Newxz(shapes, 1, struct sysvirt_shapes);
        cxt->shapes = shapes;
    }
    shapes->now++;
    for (index = 0; index < SHAPES; index++) {
        const U32 number = (shapes->last + index) % SHAPES;
        named *like = &shapes->all[number];
        if (like->npairs == count && has_names(like, params)) {
            like->used = shapes->now;
            shapes->last = number;
            return (const sysvirt_template *)SvPVX(like->string);
        }
    }
    return learned(aTHX_ cxt, params, count);
}
