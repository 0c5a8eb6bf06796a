/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The boundary between perl/ and rust/. Written by cbindgen from rust/: do not edit, run xt/header.t --write. */

#ifndef SYSVIRT_H
#define SYSVIRT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t sysvirt_AtomicU32;

#define sysvirt_BYTE 1

#define sysvirt_KIB 1024

#define sysvirt_SLOW 8

#define sysvirt_URGENT 16

#define sysvirt_undef INT64_MIN

#define sysvirt_SUB 1

#define sysvirt_CONSTRUCTOR 2

#define sysvirt_LOCAL 4

#define sysvirt_IN_PLACE 32

#define sysvirt_ARGS_MAX 12

#define sysvirt_ROWS_HEAD 2

#define sysvirt_WOULD_BLOCK -2

#define sysvirt_AT_HOLE -3

#define sysvirt_BLOCK 262120

#define sysvirt_LIST_MAX (1 << 18)

enum sysvirt_Class
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_CLASS_NONE = 0,
  SYSVIRT_CLASS_CONNECT,
  SYSVIRT_CLASS_DOMAIN,
  SYSVIRT_CLASS_DOMAIN_SNAPSHOT,
  SYSVIRT_CLASS_DOMAIN_CHECKPOINT,
  SYSVIRT_CLASS_INTERFACE,
  SYSVIRT_CLASS_NETWORK,
  SYSVIRT_CLASS_NETWORK_PORT,
  SYSVIRT_CLASS_NODE_DEVICE,
  SYSVIRT_CLASS_NW_FILTER,
  SYSVIRT_CLASS_NW_FILTER_BINDING,
  SYSVIRT_CLASS_SECRET,
  SYSVIRT_CLASS_STORAGE_POOL,
  SYSVIRT_CLASS_STORAGE_VOL,
  SYSVIRT_CLASS_STREAM,
  SYSVIRT_CLASS_ADMIN,
  SYSVIRT_CLASS_ADMIN_SERVER,
  SYSVIRT_CLASS_ADMIN_CLIENT,
  SYSVIRT_CLASS_ERROR,
  SYSVIRT_CLASS_JOB_TYPE,
  SYSVIRT_CLASS_QEMU,
  SYSVIRT_CLASS_LXC,
  SYSVIRT_CLASS_EVENT,
  SYSVIRT_CLASS_EVENT_IMPL,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Class sysvirt_Class;
#else
typedef uint8_t sysvirt_Class;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Kind
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_KIND_NUMBER,
  SYSVIRT_KIND_FLOAT,
  SYSVIRT_KIND_TRUTH,
  SYSVIRT_KIND_TEXT,
  SYSVIRT_KIND_PATH,
  SYSVIRT_KIND_BYTES,
  SYSVIRT_KIND_SCALAR,
  SYSVIRT_KIND_HANDLE,
  SYSVIRT_KIND_CODE,
  SYSVIRT_KIND_DESCRIPTOR,
  SYSVIRT_KIND_ARRAY,
  SYSVIRT_KIND_TUPLE,
  SYSVIRT_KIND_HASH,
  SYSVIRT_KIND_ANY,
  SYSVIRT_KIND_INVOCANT,
  SYSVIRT_KIND_VARIABLE,
  SYSVIRT_KIND_PAIRS,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Kind sysvirt_Kind;
#else
typedef uint8_t sysvirt_Kind;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Others
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_OTHERS_WARN = 0,
  SYSVIRT_OTHERS_KEEP,
  SYSVIRT_OTHERS_IGNORE,
  SYSVIRT_OTHERS_SKIP,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Others sysvirt_Others;
#else
typedef uint8_t sysvirt_Others;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Tag
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_TAG_NONE = 0,
  SYSVIRT_TAG_INT,
  SYSVIRT_TAG_UINT,
  SYSVIRT_TAG_FLOAT,
  SYSVIRT_TAG_TEXT,
  SYSVIRT_TAG_BYTES,
  SYSVIRT_TAG_KEY,
  SYSVIRT_TAG_HANDLE,
  SYSVIRT_TAG_LIST,
  SYSVIRT_TAG_COUNTED_LIST,
  SYSVIRT_TAG_TEXTS,
  SYSVIRT_TAG_NUMBERS,
  SYSVIRT_TAG_INTS,
  SYSVIRT_TAG_PAIR,
  SYSVIRT_TAG_ROWS,
  SYSVIRT_TAG_ROW,
  SYSVIRT_TAG_ARRAY,
  SYSVIRT_TAG_MAP,
  SYSVIRT_TAG_PARAMETERS,
  SYSVIRT_TAG_ERROR,
  SYSVIRT_TAG_REF,
  SYSVIRT_TAG_CODE,
  SYSVIRT_TAG_OWNER,
  SYSVIRT_TAG_BORROWED,
  SYSVIRT_TAG_OUT_ARG,
  SYSVIRT_TAG_FILE,
  SYSVIRT_TAG_SCALAR,
  SYSVIRT_TAG_BAD,
  SYSVIRT_TAG_WARNED,
  SYSVIRT_TAG_OTHER,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Tag sysvirt_Tag;
#else
typedef uint8_t sysvirt_Tag;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Storage
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_STORAGE_BORROWED = 0,
  SYSVIRT_STORAGE_MALLOC,
  SYSVIRT_STORAGE_BOXED,
  SYSVIRT_STORAGE_SECRET,
  SYSVIRT_STORAGE_PARAMETERS,
  SYSVIRT_STORAGE_SCRATCH,
  SYSVIRT_STORAGE_DESCRIPTOR,
  SYSVIRT_STORAGE_BEYOND,
  SYSVIRT_STORAGE_ROWS,
  SYSVIRT_STORAGE_POINTERS,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Storage sysvirt_Storage;
#else
typedef uint8_t sysvirt_Storage;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Outcome
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_OUTCOME_DONE = 0,
  SYSVIRT_OUTCOME_ERROR,
  SYSVIRT_OUTCOME_USAGE,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Outcome sysvirt_Outcome;
#else
typedef uint8_t sysvirt_Outcome;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Called
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_CALLED_FAILED = 0,
  SYSVIRT_CALLED_DONE,
  SYSVIRT_CALLED_ELSEWHERE,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Called sysvirt_Called;
#else
typedef uint8_t sysvirt_Called;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_Want
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_WANT_NOTHING = 0,
  SYSVIRT_WANT_SCALAR,
  SYSVIRT_WANT_LIST,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_Want sysvirt_Want;
#else
typedef uint8_t sysvirt_Want;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_PumpState
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_PUMP_STATE_NONE = 0,
  SYSVIRT_PUMP_STATE_RUNS,
  SYSVIRT_PUMP_STATE_FAILED,
  SYSVIRT_PUMP_STATE_OVER,
  SYSVIRT_PUMP_STATE_GONE,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_PumpState sysvirt_PumpState;
#else
typedef uint8_t sysvirt_PumpState;
#endif // __STDC_VERSION__ >= 202311L

enum sysvirt_ParamType
#if __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // __STDC_VERSION__ >= 202311L
 {
  SYSVIRT_PARAM_TYPE_INT = 1,
  SYSVIRT_PARAM_TYPE_UINT,
  SYSVIRT_PARAM_TYPE_LLONG,
  SYSVIRT_PARAM_TYPE_ULLONG,
  SYSVIRT_PARAM_TYPE_DOUBLE,
  SYSVIRT_PARAM_TYPE_BOOLEAN,
  SYSVIRT_PARAM_TYPE_TEXT,
  SYSVIRT_PARAM_TYPE_TEXTS = 255,
};
#if __STDC_VERSION__ >= 202311L
typedef enum sysvirt_ParamType sysvirt_ParamType;
#else
typedef uint8_t sysvirt_ParamType;
#endif // __STDC_VERSION__ >= 202311L

typedef struct sysvirt_Lowered sysvirt_Lowered;

typedef struct sysvirt_Shape {
  sysvirt_Kind kind;
  sysvirt_Class class_;
  sysvirt_Others others;
  bool optional;
  bool secret;
  uint32_t unit;
  int64_t min;
  uint64_t max;
  const struct sysvirt_Shape *element;
  const struct sysvirt_Field *fields;
  uintptr_t nfields;
} sysvirt_Shape;

typedef struct sysvirt_Field {
  const char *key;
  uintptr_t len;
  struct sysvirt_Shape shape;
} sysvirt_Field;

typedef struct sysvirt_Key {
  const char *text;
  uintptr_t len;
  sysvirt_AtomicU32 number;
} sysvirt_Key;

typedef union sysvirt_Content {
  int32_t int32;
  uint32_t uint32;
  int64_t int64;
  uint64_t uint64;
  double real;
  char truth;
  const char *text;
} sysvirt_Content;

typedef struct sysvirt_Parameter {
  char name[80];
  int kind;
  union sysvirt_Content content;
} sysvirt_Parameter;

typedef union sysvirt_Data {
  int64_t integer;
  uint64_t natural;
  double real;
  const char *text;
  const struct sysvirt_Key *key;
  void *pointer;
  const struct sysvirt_Parameter *parameters;
  struct sysvirt_Value *items;
} sysvirt_Data;

typedef struct sysvirt_Value {
  sysvirt_Tag tag;
  sysvirt_Class class_;
  sysvirt_Storage storage;
  bool utf8;
  uint32_t capacity;
  uintptr_t len;
  union sysvirt_Data data;
} sysvirt_Value;

typedef struct sysvirt_Param {
  struct sysvirt_Field field;
  const char *name;
  const char *default_text;
  bool spaced;
  struct sysvirt_Value absent;
} sysvirt_Param;

typedef sysvirt_Outcome (*sysvirt_Body)(const struct sysvirt_Value*, struct sysvirt_Value*);

typedef struct sysvirt_Method {
  const char *name;
  const char *prototype;
  const struct sysvirt_Param *params;
  uintptr_t nparams;
  uintptr_t mandatory;
  uintptr_t optional;
  uint8_t flags;
  sysvirt_Body body;
} sysvirt_Method;

typedef struct sysvirt_MethodRows {
  const struct sysvirt_Method *rows;
  uintptr_t count;
} sysvirt_MethodRows;

typedef struct sysvirt_Constant {
  const char *name;
  uint32_t len;
  uint32_t text_len;
  const char *text;
  int64_t integer;
} sysvirt_Constant;

typedef struct sysvirt_ConstantRows {
  const struct sysvirt_Constant *rows;
  uintptr_t count;
} sysvirt_ConstantRows;

typedef struct sysvirt_ClassTable {
  sysvirt_Class class_;
  const struct sysvirt_MethodRows *methods;
  uintptr_t nmethods;
  const struct sysvirt_ConstantRows *constants;
  uintptr_t nconstants;
  const char *destroy;
} sysvirt_ClassTable;

typedef void (*sysvirt_Sink)(void *context,
                             const struct sysvirt_Value *returned,
                             uintptr_t count,
                             const struct sysvirt_Value *readback);

typedef struct sysvirt_Request {
  struct sysvirt_Value *args;
  uintptr_t count;
  sysvirt_Want want;
  const struct sysvirt_Field *returned;
  intptr_t readback;
  const struct sysvirt_Field *read;
  sysvirt_Sink sink;
  void *context;
} sysvirt_Request;

typedef struct sysvirt_Callbacks {
  void *(*create)(void *code, void *owner, bool anytime);
  void *(*named)(const char *name);
  void (*destroy)(void *callback);
  sysvirt_Called (*call)(void *callback, const struct sysvirt_Request *request);
  int32_t (*place)(void *callback);
  uintptr_t (*queue)(void);
  void (*defer)(const char *message);
  void *(*lower_signals)(void);
  void (*raise_signals)(void *lowered);
} sysvirt_Callbacks;

typedef struct sysvirt_How {
  void *token;
  uint64_t timeout;
  bool ordered;
  bool urgent;
  bool attended;
  bool held;
  void **connection;
} sysvirt_How;

typedef struct sysvirt_Settled {
  void *token;
  sysvirt_Outcome outcome;
  struct sysvirt_Value result;
} sysvirt_Settled;

typedef struct sysvirt_PumpEnd {
  int32_t fd;
  bool reads;
  bool writes;
} sysvirt_PumpEnd;

typedef struct sysvirt_ErrorHead {
  int32_t level;
  int32_t code;
  int32_t domain;
  int32_t numbers[2];
  uint32_t strings;
  uintptr_t message;
} sysvirt_ErrorHead;







const struct sysvirt_ClassTable *sysvirt_classes(uintptr_t *count);

const char *sysvirt_package(sysvirt_Class class_);

bool sysvirt_start(const struct sysvirt_Callbacks *callbacks);

bool sysvirt_has_default(void);

void sysvirt_watch(void);

void sysvirt_serve_loop(bool within);

uint64_t sysvirt_limit_of(const struct sysvirt_Value *args, uintptr_t count, void **connection);

uint32_t sysvirt_key_number(const struct sysvirt_Key *key);

void sysvirt_drop(struct sysvirt_Value *value);

void sysvirt_free(char *text);

void sysvirt_retain(sysvirt_Class class_, void *object);

void sysvirt_release(sysvirt_Class class_, void *object);

uintptr_t sysvirt_queue_open(void);

void sysvirt_queue_close(uintptr_t queue);

int32_t sysvirt_queue_fd(uintptr_t queue);

void sysvirt_queue_wake(uintptr_t queue);

uint64_t sysvirt_submit(uintptr_t queue,
                        const struct sysvirt_Method *method,
                        const struct sysvirt_Value *args,
                        const struct sysvirt_How *how);

bool sysvirt_may_hold(sysvirt_Class class_);

bool sysvirt_take(uintptr_t number, struct sysvirt_Settled *out);

uintptr_t sysvirt_ready(uintptr_t queue);

void *sysvirt_cancel(uint64_t id);

void sysvirt_abandon(uint64_t id);

bool sysvirt_serve(uintptr_t queue);

void sysvirt_window(void *connection, uint32_t *slow, uint32_t *all);

void sysvirt_set_limit(void *connection, uint64_t limit);

void sysvirt_counts(uintptr_t queue, uintptr_t *counts);

void sysvirt_full(struct sysvirt_Value *result);

struct sysvirt_PumpEnd sysvirt_pump_take(uint64_t key);

void sysvirt_pump_known(uint64_t key, bool more);

sysvirt_PumpState sysvirt_pump_state(uint64_t key);

void sysvirt_pump_end(uint64_t key, bool finish);

sysvirt_PumpState sysvirt_pump_wait(uint64_t key, uint32_t milliseconds);

#endif  /* SYSVIRT_H */
