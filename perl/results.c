/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Rust's values become SVs. Nothing here runs Perl code or dies, so a value may be borrowed while it is built. */

#include "results.h"
#include "handle.h"
#include "template.h"

static SV *unsigned_sv(pTHX_ uint64_t number) {
    if (number <= IV_MAX)
        return newSViv((IV)number); /* the same as newSVuv, faster */
#if UVSIZE >= 8
    return newSVuv(number);
#else
    return number <= UV_MAX ? newSVuv((UV)number) : newSVpvf("%" PRIu64, number);
#endif
}

/* Exact in any perl: where an IV has 32 bits, larger numbers are decimal strings, as the original has them. */
SV *sysvirt_signed(pTHX_ int64_t number) {
#if IVSIZE >= 8
    return newSViv(number);
#else
    if (number > IV_MAX)
        return unsigned_sv(aTHX_ (uint64_t)number);
    return number >= IV_MIN ? newSViv((IV)number) : newSVpvf("%" PRId64, number);
#endif
}

/* Once, for then the compiler knows in newSV_type what it makes. */
static NOINLINE SV *string(pTHX_ const char *text, STRLEN length) { return private_new_string(aTHX_ text, length); }

static void store(pTHX_ my_cxt_t *cxt, HV *hash, const sysvirt_Value *key, SV *value) {
    if (key->tag == SYSVIRT_TAG_KEY)
        private_hv_store(aTHX_ hash, sysvirt_key_scalar(aTHX_ cxt, key->data.key), value);
    else
        (void)hv_store(hash, key->data.text, (I32)key->len, value, 0);
}

static SV *blessed(pTHX_ my_cxt_t *cxt, SV *reference, sysvirt_Class class_) {
    return class_ == SYSVIRT_CLASS_NONE ? reference : sv_bless(reference, cxt->stash[class_]);
}

static SV *row(pTHX_ my_cxt_t *cxt, sysvirt_Value *rows, size_t index);

/* An element of a container. Most are numbers, and there are many. */
static inline SV *element(pTHX_ my_cxt_t *cxt, sysvirt_Value *value) {
    if (value->tag == SYSVIRT_TAG_UINT)
        return unsigned_sv(aTHX_ value->data.natural);
    if (value->tag == SYSVIRT_TAG_INT)
        return sysvirt_signed(aTHX_ value->data.integer);
    return sysvirt_build(aTHX_ cxt, value, NULL);
}

/* An element of a result list. */
SV *sysvirt_build_element(pTHX_ my_cxt_t *cxt, sysvirt_Value *list, size_t index) {
    switch (list->tag) {
    case SYSVIRT_TAG_TEXTS:
        return newSVpv(((char **)list->data.pointer)[index], 0);
    case SYSVIRT_TAG_NUMBERS:
        return unsigned_sv(aTHX_ ((const uint64_t *)list->data.pointer)[index]);
    case SYSVIRT_TAG_INTS:
        return newSViv(((const int32_t *)list->data.pointer)[index]);
    case SYSVIRT_TAG_PAIR:
        return newSViv((int32_t)(uint32_t)(list->data.natural >> (index ? 32 : 0)));
    case SYSVIRT_TAG_ROWS:
        return row(aTHX_ cxt, list, index);
    default:
        return element(aTHX_ cxt, &list->data.items[index]);
    }
}

/* Strings. Each of libvirt's is freed at once: the next scalar takes its memory, of which malloc keeps only a little at hand. Then
 * the list owns the array alone. */
static void build_texts(pTHX_ sysvirt_Value *list, SV **place) {
    char **text = (char **)list->data.pointer, **const end = text + list->len;
    const bool ours = list->storage == SYSVIRT_STORAGE_MALLOC;
    for (; text < end; text++, place++) {
        *place = *text ? string(aTHX_ *text, strlen(*text)) : newSV(0);
        if (ours)
            sysvirt_free(*text);
    }
    if (ours)
        list->tag = SYSVIRT_TAG_OTHER;
}

/* All of them, into so many places. */
void sysvirt_build_elements(pTHX_ my_cxt_t *cxt, sysvirt_Value *list, SV **place) {
    SV **const end = place + list->len;
    switch (list->tag) {
    case SYSVIRT_TAG_TEXTS:
        build_texts(aTHX_ list, place);
        break;
    case SYSVIRT_TAG_NUMBERS: {
        const uint64_t *number = (const uint64_t *)list->data.pointer;
        while (place < end)
            *place++ = unsigned_sv(aTHX_ *number++);
        break;
    }
    case SYSVIRT_TAG_INTS: {
        const int32_t *number = (const int32_t *)list->data.pointer;
        while (place < end)
            *place++ = newSViv(*number++);
        break;
    }
    case SYSVIRT_TAG_PAIR:
        place[0] = newSViv((int32_t)(uint32_t)list->data.natural);
        place[1] = newSViv((int32_t)(uint32_t)(list->data.natural >> 32));
        break;
    case SYSVIRT_TAG_ROWS: {
        size_t index;
        for (index = 0; index < list->len; index++)
            place[index] = row(aTHX_ cxt, list, index);
        break;
    }
    default: {
        sysvirt_Value *item = list->data.items;
        while (place < end)
            *place++ = element(aTHX_ cxt, item++);
    }
    }
}

/* An array of them. */
AV *sysvirt_build_array(pTHX_ my_cxt_t *cxt, sysvirt_Value *list) {
    AV *array = newAV();
    if (list->len) {
        av_extend(array, (SSize_t)list->len - 1);
        sysvirt_build_elements(aTHX_ cxt, list, AvARRAY(array));
        private_av_fill(array, (SSize_t)list->len - 1);
    }
    return array;
}

/* A hash, pair by pair. */
static HV *stored(pTHX_ my_cxt_t *cxt, sysvirt_Value *value) {
    HV *hash = newHV();
    size_t index;
    if (value->len > 16)
        hv_ksplit(hash, (IV)(value->len / 2));
    for (index = 0; index + 1 < value->len; index += 2)
        store(aTHX_ cxt, hash, &value->data.items[index], element(aTHX_ cxt, &value->data.items[index + 1]));
    return hash;
}

/* The number of a key's pair, in a perl that keeps the keys of a copy in another order than those of the template. */
static NOINLINE size_t number_of(const sysvirt_template *like, const HEK *name) {
    size_t at;
    for (at = 0; at < like->npairs; at++)
        if (like->pairs[at].name == name)
            return like->pairs[at].number;
    return 0; /* a copy shares the keys, so this is not reached */
}

static inline size_t pair_at(const sysvirt_template *like, size_t at, const HE *entry) {
    return LIKELY(like->pairs[at].name == HeKEY_hek(entry)) ? like->pairs[at].number : number_of(like, HeKEY_hek(entry));
}

/* A copy of the template's hash; NULL in a perl that gives it another number of buckets. */
static HV *copy_of(pTHX_ const sysvirt_template *like) {
    HV *hash = private_hv_copy(aTHX_ like->hash);
    if (LIKELY(private_hv_size(hash) == private_hv_size(like->hash)))
        return hash;
    SvREFCNT_dec((SV *)hash);
    return NULL;
}

/* Where the value of a copy's key with this number is, behind that of the key before it. */
static inline HE *place(const sysvirt_template *like, size_t at, HE **buckets, const HE *before) {
    const size_t bucket = like->pairs[at].bucket;
    return UNLIKELY(bucket == SYSVIRT_SAME_BUCKET) ? HeNEXT(before) : buckets[bucket];
}

/* Such a copy with values, each of which is so many items behind the one before. */
static ALWAYS_INLINE HV *copied(pTHX_ my_cxt_t *cxt, sysvirt_Value *values, size_t step, const sysvirt_template *like) {
    HV *hash = copy_of(aTHX_ like);
    HE **buckets, *entry = NULL;
    const size_t count = like->npairs;
    size_t at;
    if (UNLIKELY(!hash))
        return NULL;
    buckets = private_hv_buckets(hash);
    for (at = 0; at < count; at++) {
        entry = place(like, at, buckets, entry);
        HeVAL(entry) = element(aTHX_ cxt, &values[step * pair_at(like, at, entry)]);
    }
    return hash;
}

/* A reference to the hash of this number among rows, which begin with their keys and what owns what the values borrow. */
static SV *row(pTHX_ my_cxt_t *cxt, sysvirt_Value *rows, size_t index) {
    const sysvirt_Key *keys = rows->data.items[0].data.key;
    const size_t count = rows->data.items[0].len;
    sysvirt_Value *values = rows->data.items + sysvirt_ROWS_HEAD + index * count;
    const sysvirt_template *like = sysvirt_template_of_row(aTHX_ cxt, keys, count);
    HV *hash = like ? copied(aTHX_ cxt, values, 1, like) : NULL;
    size_t at;
    if (UNLIKELY(!hash)) {
        hash = newHV();
        for (at = 0; at < count; at++)
            private_hv_store(aTHX_ hash, sysvirt_key_scalar(aTHX_ cxt, &keys[at]), element(aTHX_ cxt, &values[at]));
    }
    return newRV_noinc((SV *)hash);
}

/* The value of a typed parameter; NULL if its type is unknown. The most frequent come first. */
static inline SV *parameter(pTHX_ const sysvirt_Parameter *param) {
    switch (param->kind) {
    case SYSVIRT_PARAM_TYPE_ULLONG:
        return unsigned_sv(aTHX_ param->content.uint64);
    case SYSVIRT_PARAM_TYPE_UINT:
        return unsigned_sv(aTHX_ param->content.uint32);
    case SYSVIRT_PARAM_TYPE_LLONG:
        return sysvirt_signed(aTHX_ param->content.int64);
    case SYSVIRT_PARAM_TYPE_INT:
        return newSViv(param->content.int32);
    case SYSVIRT_PARAM_TYPE_TEXT:
        return param->content.text ? newSVpvn(param->content.text, strlen(param->content.text)) : newSV(0);
    case SYSVIRT_PARAM_TYPE_BOOLEAN:
        return newSViv(param->content.truth != 0);
    case SYSVIRT_PARAM_TYPE_DOUBLE:
        return newSVnv(param->content.real);
    default:
        return NULL;
    }
}

static STRLEN name_length(const sysvirt_Parameter *param) {
    const char *end = (const char *)memchr(param->name, '\0', sizeof param->name);
    return end ? (STRLEN)(end - param->name) : sizeof param->name;
}

/* Typed parameters, one by one. */
static HV *stored_parameters(pTHX_ const sysvirt_Parameter *params, size_t count) {
    HV *hash = newHV();
    const sysvirt_Parameter *param, *const end = params + count;
    if (count > 8)
        hv_ksplit(hash, (IV)count);
    for (param = params; param < end; param++) {
        SV *value = parameter(aTHX_ param);
        if (value)
            (void)hv_store(hash, param->name, (I32)name_length(param), value, 0);
    }
    return hash;
}

static HV *copied_parameters(pTHX_ const sysvirt_Parameter *params, const sysvirt_template *like) {
    HV *hash = copy_of(aTHX_ like);
    HE **buckets, *entry = NULL;
    const size_t count = like->npairs;
    size_t at;
    if (UNLIKELY(!hash))
        return stored_parameters(aTHX_ params, count);
    buckets = private_hv_buckets(hash);
    for (at = 0; at < count; at++) {
        SV *value;
        entry = place(like, at, buckets, entry);
        value = parameter(aTHX_ &params[pair_at(like, at, entry)]);
        if (UNLIKELY(!value)) { /* the next may have a type that we know, so the template keeps the name */
            SvREFCNT_dec((SV *)hash);
            return stored_parameters(aTHX_ params, count);
        }
        HeVAL(entry) = value;
    }
    return hash;
}

/* An exception, whose values need not become sysvirt_Values first. */
static HV *exception(pTHX_ my_cxt_t *cxt, const sysvirt_Value *value) {
    static sysvirt_Key keys[] = {{"level", 5, 0}, {"code", 4, 0}, {"domain", 6, 0}, {"message", 7, 0}};
    SV *values[4];
    const sysvirt_template *like;
    sysvirt_ErrorHead head;
    HV *hash;
    HE **buckets, *entry = NULL;
    size_t at;
    Copy(value->data.text, &head, sizeof head, char);
    values[0] = newSViv(head.level);
    values[1] = newSViv(head.code);
    values[2] = newSViv(head.domain);
    values[3] = string(aTHX_ value->data.text + head.message, value->len - head.message);
    like = sysvirt_template_of_row(aTHX_ cxt, keys, C_ARRAY_LENGTH(keys));
    hash = like ? copy_of(aTHX_ like) : NULL;
    if (UNLIKELY(!hash)) {
        hash = newHV();
        for (at = 0; at < C_ARRAY_LENGTH(values); at++)
            private_hv_store(aTHX_ hash, sysvirt_key_scalar(aTHX_ cxt, &keys[at]), values[at]);
        return hash;
    }
    buckets = private_hv_buckets(hash);
    for (at = 0; at < C_ARRAY_LENGTH(values); at++) {
        entry = place(like, at, buckets, entry);
        HeVAL(entry) = values[pair_at(like, at, entry)];
    }
    return hash;
}

/* A file handle for a descriptor, which it takes over. */
static SV *file_handle(pTHX_ sysvirt_Value *value) {
    SV *name = sv_2mortal(newSVpvf("+<&=%d", (int)value->data.integer));
    GV *gv = (GV *)newSV(0);
    SV *reference = newRV_noinc((SV *)gv);
    gv_init(gv, gv_stashpvs("Sys::Virt", GV_ADD), "file", 4, TRUE);
    if (do_open(gv, SvPVX(name), SvCUR(name), FALSE, O_RDWR, 0, NULL))
        value->storage = SYSVIRT_STORAGE_BORROWED;
    return reference;
}

/* A new SV for the value. Takes over handles: the value no longer owns them. They are blessed into the package of their class, or
 * into `stash`. */
SV *sysvirt_build(pTHX_ my_cxt_t *cxt, sysvirt_Value *value, HV *stash) {
    switch (value->tag) {
    case SYSVIRT_TAG_INT:
        return sysvirt_signed(aTHX_ value->data.integer);
    case SYSVIRT_TAG_UINT:
        return unsigned_sv(aTHX_ value->data.natural);
    case SYSVIRT_TAG_FLOAT:
        return newSVnv(value->data.real);
    case SYSVIRT_TAG_TEXT:
    case SYSVIRT_TAG_BYTES:
        return string(aTHX_ value->data.text, value->len);
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
    case SYSVIRT_TAG_COUNTED_LIST:
    case SYSVIRT_TAG_TEXTS:
    case SYSVIRT_TAG_NUMBERS:
    case SYSVIRT_TAG_INTS:
    case SYSVIRT_TAG_PAIR:
    case SYSVIRT_TAG_ROWS:
        return newRV_noinc((SV *)sysvirt_build_array(aTHX_ cxt, value));
    case SYSVIRT_TAG_ROW:
        return row(aTHX_ cxt, value, 0);
    case SYSVIRT_TAG_MAP: {
        const sysvirt_template *like = sysvirt_template_of_keys(aTHX_ cxt, value);
        HV *hash = like ? copied(aTHX_ cxt, value->data.items + 1, 2, like) : NULL;
        return newRV_noinc((SV *)(hash ? hash : stored(aTHX_ cxt, value)));
    }
    case SYSVIRT_TAG_PARAMETERS: {
        const sysvirt_Parameter *params = value->data.parameters;
        const sysvirt_template *like = sysvirt_template_of_names(aTHX_ cxt, params, value->len);
        HV *hash = like ? copied_parameters(aTHX_ params, like) : stored_parameters(aTHX_ params, value->len);
        return newRV_noinc((SV *)hash);
    }
    case SYSVIRT_TAG_ERROR:
        return sv_bless(newRV_noinc((SV *)exception(aTHX_ cxt, value)), cxt->stash[SYSVIRT_CLASS_ERROR]);
    case SYSVIRT_TAG_FILE:
        return file_handle(aTHX_ value);
    case SYSVIRT_TAG_REF:
        return blessed(aTHX_ cxt, newRV_noinc(sysvirt_build(aTHX_ cxt, &value->data.items[0], NULL)), value->class_);
    default:
        return newSV(0);
    }
}
