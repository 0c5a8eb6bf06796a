/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Values of Rust's become SVs. Nothing here runs Perl code or dies, so a value may be borrowed meanwhile. */

#include "results.h"
#include "handle.h"

static SV *unsigned_sv(pTHX_ uint64_t number) {
    if (number <= IV_MAX)
        return newSViv((IV)number); /* what newSVuv comes to, by a shorter way */
#if UVSIZE >= 8
    return newSVuv(number);
#else
    return number <= UV_MAX ? newSVuv((UV)number) : newSVpvf("%" PRIu64, number);
#endif
}

static SV *signed_sv(pTHX_ int64_t number) {
#if IVSIZE >= 8
    return newSViv(number);
#else
    return number >= IV_MIN && number <= IV_MAX ? newSViv((IV)number) : newSVpvf("%" PRId64, number);
#endif
}

/* A key known at compile time, as a scalar that shares it with the hashes it is put into: perl need neither look it up nor
 * make it, and it does not go when they do. */
static SV *key_scalar(pTHX_ my_cxt_t *cxt, const sysvirt_Key *key) {
    const SSize_t number = key->number ? key->number : sysvirt_key_number(key);
    SV *scalar = number <= AvFILLp(cxt->keys) ? AvARRAY(cxt->keys)[number] : NULL;
    if (!scalar) {
        scalar = newSVpvn_share(key->text, (I32)key->len, 0);
        av_store(cxt->keys, number, scalar);
    }
    return scalar;
}

static void store(pTHX_ my_cxt_t *cxt, HV *hash, const sysvirt_Value *key, SV *value) {
    if (key->tag == SYSVIRT_TAG_KEY) {
        SV *name = key_scalar(aTHX_ cxt, key->data.key);
        (void)hv_common(hash, name, NULL, 0, 0, HV_FETCH_ISSTORE | HV_FETCH_JUST_SV, value, SvSHARED_HASH(name));
    } else {
        (void)hv_store(hash, key->data.text, (I32)key->len, value, 0);
    }
}

static SV *blessed(pTHX_ my_cxt_t *cxt, SV *reference, sysvirt_Class class_) {
    return class_ == SYSVIRT_CLASS_NONE ? reference : sv_bless(reference, cxt->stash[class_]);
}

/* An element of a container. Most are numbers, and there are many. */
static inline SV *element(pTHX_ my_cxt_t *cxt, sysvirt_Value *value) {
    if (value->tag == SYSVIRT_TAG_UINT)
        return unsigned_sv(aTHX_ value->data.natural);
    if (value->tag == SYSVIRT_TAG_INT)
        return signed_sv(aTHX_ value->data.integer);
    return sysvirt_build(aTHX_ cxt, value, NULL);
}

/* A new SV for the value. Handles are taken over: the value no longer owns them. They go into the package
 * of their class, or into `stash`. */
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash) {
    size_t index;
    switch (value->tag) {
    case SYSVIRT_TAG_INT:
        return signed_sv(aTHX_ value->data.integer);
    case SYSVIRT_TAG_UINT:
        return unsigned_sv(aTHX_ value->data.natural);
    case SYSVIRT_TAG_FLOAT:
        return newSVnv(value->data.real);
    case SYSVIRT_TAG_TEXT:
    case SYSVIRT_TAG_BYTES:
        return newSVpvn(value->data.text, value->len);
    case SYSVIRT_TAG_KEY: {
        const sysvirt_Key *name = value->data.key;
        return newSVpvn(name->text, name->len);
    }
    case SYSVIRT_TAG_HANDLE: {
        void *object = value->data.pointer;
        value->data.pointer = NULL;
        return sysvirt_handle_new(aTHX_ stash ? stash : cxt->stash[value->class_], value->class_, object);
    }
    case SYSVIRT_TAG_ARRAY:
    case SYSVIRT_TAG_LIST:
    case SYSVIRT_TAG_COUNTED_LIST: {
        AV *array = newAV();
        if (value->len)
            av_extend(array, (SSize_t)value->len - 1);
        for (index = 0; index < value->len; index++)
            AvARRAY(array)[index] = element(aTHX_ cxt, &value->data.items[index]);
        AvFILLp(array) = (SSize_t)value->len - 1;
        return newRV_noinc((SV *)array);
    }
    case SYSVIRT_TAG_MAP: {
        HV *hash = newHV();
        if (value->len > 16)
            hv_ksplit(hash, (IV)(value->len / 2));
        for (index = 0; index + 1 < value->len; index += 2)
            store(aTHX_ cxt, hash, &value->data.items[index], element(aTHX_ cxt, &value->data.items[index + 1]));
        return blessed(aTHX_ cxt, newRV_noinc((SV *)hash), value->class_);
    }
    case SYSVIRT_TAG_REF:
        return blessed(aTHX_ cxt, newRV_noinc(sysvirt_build(aTHX_ cxt, &value->data.items[0], NULL)), value->class_);
    default:
        return newSV(0);
    }
}
