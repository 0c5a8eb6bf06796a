// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The row macro [`methods!`], the table entries it makes, and the types that a row's parameters can have.

use crate::error::{Fault, Result, VirError, quoted};
use crate::value::{Tag, Value, map};
use crate::virt::class::{Class, Object};
use libc::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How the shim decodes an argument.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// A string for libvirt: UTF-8 without NUL.
    Text,
    /// The same, or undef for NULL.
    TextOrNull,
    /// A file name: any bytes but NUL, or undef for NULL.
    PathOrNull,
    /// A string of bytes.
    Bytes,
    /// The same, or undef.
    BytesOrNull,
    /// An object of the parameter's class.
    Handle,
    /// The same, or anything that is no reference for NULL.
    HandleOrNull,
    /// A reference to a hash.
    Hash,
    /// A reference to an array.
    Array,
    /// A reference to an array, or undef.
    ArrayOrNull,
    /// A code reference.
    Code,
    /// Anything.
    Any,
    /// A class name or an object of that class.
    Invocant,
    /// A variable of the caller's that the method assigns to.
    Variable,
    /// All remaining arguments, as the pairs of a hash.
    Pairs,
}

/// The default of a parameter that may be left out and is then undef.
#[allow(non_upper_case_globals)]
pub const undef: i64 = i64::MIN;

/// One parameter of a method.
#[repr(C)]
pub struct Param {
    name: *const c_char,
    /// What it takes ...
    pub kind: Kind,
    /// ... of which class.
    pub class: Class,
    /// The usage text writes the default with blanks around the equals sign.
    spaced: bool,
    /// As the usage text shows it; NULL if the argument is mandatory.
    pub default_text: *const c_char,
    /// What stands for an argument that was left out.
    pub absent: ManuallyDrop<Value>,
    /// Whether an argument, decoded, is what it takes.
    check: Check,
}

/// Looks at an argument of the name: what a method throws that gets it.
pub type Check = extern "C" fn(name: *const c_char, argument: *const Value, result: *mut Value) -> Outcome;

extern "C" fn check<A: Arg>(name: *const c_char, argument: *const Value, result: *mut Value) -> Outcome {
    // SAFETY: the name of a parameter, a literal with a NUL at its end, and its argument.
    let (name, argument) = unsafe { (std::ffi::CStr::from_ptr(name), &*argument) };
    let looked = catch_unwind(|| A::get(argument, name.to_str().unwrap_or_default()).map(|_| Value::none()));
    let (outcome, value) = failure(looked, "");
    // SAFETY: room for a value.
    unsafe { result.write(value) };
    outcome
}

// SAFETY: the pointers are to string literals.
unsafe impl Sync for Param {}

impl Param {
    /// The parameter `name`, a literal with a NUL at its end.
    pub const fn new<A: Arg>(name: &'static str, default: Option<(&'static str, i64)>) -> Self {
        let default_text = match default {
            Some((text, _)) => text.as_ptr().cast::<c_char>(),
            None => std::ptr::null(),
        };
        let absent = match default {
            None | Some((_, self::undef)) => Value::none(),
            Some((_, value)) => Value::int(value),
        };
        Param {
            name: plain_name(name).as_ptr().cast(),
            kind: A::KIND,
            class: A::CLASS,
            spaced: A::SPACED,
            default_text,
            absent: ManuallyDrop::new(absent),
            check: check::<A>,
        }
    }
}

/// `name` without the mark of a raw identifier.
pub const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        // SAFETY: the first two bytes are ASCII, so what follows is UTF-8, and lies within the literal.
        [b'r', b'#', rest @ ..] => unsafe { std::str::from_utf8_unchecked(rest) },
        _ => name,
    }
}

/// The method is an ordinary sub in the original: no prototype, no check of the number of arguments.
pub const SUB: u8 = 1;
/// The object that the method returns is blessed into its invocant's class.
pub const CONSTRUCTOR: u8 = 2;
/// The call may take long, see [`pace`].
pub const SLOW: u8 = 4;
/// The call does not wait for others, see [`pace`].
pub const URGENT: u8 = 8;

/// The C side of a method: reads as many values as the method has parameters, and writes one.
pub type Body = extern "C" fn(*const Value, *mut Value) -> Outcome;

/// One method: what the shim needs to bind it, and the function behind it.
#[repr(C)]
pub struct Method {
    /// With its package.
    pub name: *const c_char,
    /// Its parameters ...
    pub params: *const Param,
    /// ... and how many there are.
    pub nparams: usize,
    /// How many arguments a call needs ...
    mandatory: usize,
    /// ... and how many more it may have.
    optional: usize,
    flags: u8,
    /// What runs it.
    pub body: Body,
}

// SAFETY: the pointers are to constants.
unsafe impl Sync for Method {}

impl Method {
    /// For use by the row macro. `name` is a literal with a NUL at its end.
    pub const fn new(name: &'static str, params: &'static [Param], flags: u8, body: Body) -> Self {
        let mut mandatory = 0;
        while mandatory < params.len() && params[mandatory].default_text.is_null() {
            mandatory += 1;
        }
        let (mandatory, optional) =
            if flags & SUB != 0 { (0, usize::MAX) } else { (mandatory, params.len() - mandatory) };
        Method {
            name: name.as_ptr().cast(),
            params: params.as_ptr(),
            nparams: params.len(),
            mandatory,
            optional,
            flags: flags | pace(name),
            body,
        }
    }

    /// With its package.
    pub fn name(&self) -> &'static str {
        // SAFETY: a literal with a NUL at its end.
        unsafe { std::ffi::CStr::from_ptr(self.name) }.to_str().unwrap_or_default()
    }

    /// How it is called, and how it counts when many are.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// What runs it.
    pub fn body(&self) -> Body {
        self.body
    }

    /// Whether its body would take these arguments, as far as their parameters say: else what it would throw.
    pub fn check(&self, args: &[Value]) -> (Outcome, Value) {
        // SAFETY: as many as there are, in a constant.
        let params = unsafe { std::slice::from_raw_parts(self.params, self.nparams) };
        for (param, value) in params.iter().zip(args) {
            let mut result = Value::none();
            let outcome = (param.check)(param.name, value, &mut result);
            if outcome != Outcome::Done {
                let text = String::from_utf8_lossy(result.raw());
                return (outcome, Value::from(format!("{}{text}", self.name()).as_str()));
            }
        }
        (Outcome::Done, Value::none())
    }
}

/// What became of a call.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The result is the method's.
    Done = 0,
    /// The result is an object to throw.
    Error,
    /// The result is a message to throw with the caller's file and line.
    Usage,
}

/// Whether a method of that name may write to a daemon's socket. These only look at what their handle holds, or see to it
/// themselves.
pub(crate) const fn sends(name: &str) -> bool {
    const LOCAL: &[&str] =
        &["get_name", "get_uuid", "get_uuid_string", "get_id", "get_key", "get_mac", "get_uri", "get_type"];
    let mut index = 0;
    while index < LOCAL.len() {
        if same(name.as_bytes(), LOCAL[index].as_bytes()) {
            return false;
        }
        index += 1;
    }
    true
}

/// How calls of the method of that name, a literal with its package and a NUL at its end, count in the window of their
/// connection: 0 is fast, as what only reads what the daemon knows. What asks the guest is not, whatever it is called.
pub(crate) const fn pace(name: &str) -> u8 {
    const READ: &[&str] = &[
        "get_",
        "_get_",
        "is_",
        "list_",
        "num_of_",
        "has_",
        "_lookup",
        "lookup",
        "_new",
        "new_stream",
        "compare_",
        "domain_xml_",
        "baseline_",
        "set_identity",
        "set_keep_alive",
        "ping",
    ];
    const GUEST: &[&str] = &[
        "get_guest_",
        "get_hostname",
        "get_time",
        "get_fs_info",
        "get_interface_addresses",
        "get_vcpu_info",
        "get_authorized_ssh_keys",
        "get_messages",
        "get_perf_events",
    ];
    const URGENT_ONES: &[&str] = &["abort_", "destroy", "get_job_"];
    let full = name.as_bytes();
    let mut start = full.len();
    while start > 0 && full[start - 1] != b':' {
        start -= 1;
    }
    let of_domain = begins(full, 0, "Sys::Virt::Domain::");
    if of_domain && begins_one(full, start, URGENT_ONES) {
        URGENT
    } else if begins_one(full, start, READ) && !(of_domain && begins_one(full, start, GUEST)) {
        0
    } else {
        SLOW
    }
}

const fn begins_one(name: &[u8], start: usize, with: &[&str]) -> bool {
    let mut index = 0;
    while index < with.len() {
        if begins(name, start, with[index]) {
            return true;
        }
        index += 1;
    }
    false
}

const fn begins(name: &[u8], start: usize, with: &str) -> bool {
    let with = with.as_bytes();
    let mut index = 0;
    while index < with.len() && start + index < name.len() && name[start + index] == with[index] {
        index += 1;
    }
    index == with.len()
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// Runs the body of the method `name`; the only way from the shim into one.
#[inline]
pub(crate) fn enter<const N: usize>(
    body: impl FnOnce(&[Value; N]) -> Result,
    args: *const Value,
    result: *mut Value,
    name: &str,
    sends: bool,
) -> Outcome {
    // SAFETY: the shim passes an array of a value for each parameter, which it does not touch before we return.
    let args = unsafe { &*args.cast::<[Value; N]>() };
    let _guard = sends.then(crate::sigpipe::Guard::new);
    let (outcome, value) = match catch_unwind(AssertUnwindSafe(|| body(args))) {
        Ok(Ok(value)) => (Outcome::Done, value),
        failed => failure(failed, name),
    };
    // SAFETY: the shim passes room for one value, which holds nothing yet.
    unsafe { result.write(value) };
    outcome
}

/// What the method `name` throws.
#[cold]
#[inline(never)]
fn failure(failed: std::thread::Result<Result>, name: &str) -> (Outcome, Value) {
    let fault = match failed {
        Ok(Ok(value)) => return (Outcome::Done, value),
        Ok(Err(fault)) => fault,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
            Fault::Usage(format!("internal error: {text}"))
        }
    };
    match fault {
        Fault::Libvirt(error) => (Outcome::Error, error_object(error)),
        Fault::Usage(message) => (Outcome::Usage, Value::from(format!("{name}: {message}").as_str())),
        Fault::Plain(message) => (Outcome::Usage, Value::from(message)),
    }
}

/// libvirt's error as a Sys::Virt::Error.
pub fn thrown(fault: Fault) -> Value {
    match fault {
        Fault::Libvirt(error) => error_object(error),
        Fault::Usage(message) => Value::from(message.as_str()),
        Fault::Plain(message) => Value::from(message),
    }
}

fn error_object(error: VirError) -> Value {
    map! {
        c"level" => error.level,
        c"code" => error.code,
        c"domain" => error.domain,
        c"message" => error.message,
    }
    .blessed(Class::Error)
}

/// The type of a row's parameter.
pub trait Arg {
    /// What the row sees.
    type Out<'a>;
    /// How the shim decodes the argument.
    const KIND: Kind;
    /// Of which class it must be.
    const CLASS: Class = Class::None;
    /// See [`Param`].
    const SPACED: bool = false;
    /// The row's view of `value`; `name` is the parameter's.
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Self::Out<'a>>;
}

/// A parameter's name as messages show it: without the ending that says that it was an SV.
fn shown(name: &'static str) -> &'static str {
    let name = plain_name(name);
    ["_sv", "sv", "SV", "Sv"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// What a value that is already an integer holds, if that is a `T`.
#[inline]
fn plain<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(value.plain_integer()?).ok()
}

/// `value` as an integer of type `T`, or the exception that says why not.
pub fn integer<T: TryFrom<i128> + Bounds>(value: &Value, name: &str) -> Result<T> {
    let integer = value.integer().ok_or_else(|| match value.tag() {
        Tag::Float => Fault::argument(name, "is not a finite number"),
        Tag::Text | Tag::Bytes => {
            Fault::argument(name, format_args!("is not a number: {}", quoted(value.raw())))
        }
        _ => Fault::argument(name, "is not a number"),
    })?;
    T::try_from(integer).map_err(|_| {
        Fault::argument(name, format_args!("is out of range: {integer} is not within {}", T::RANGE))
    })
}

/// The values that an integer type takes, in words.
pub trait Bounds {
    /// "-1 to 5".
    const RANGE: &'static str;
}

macro_rules! integers {
    ($($int:ty => $range:literal),* $(,)?) => {$(
        impl Bounds for $int {
            const RANGE: &'static str = $range;
        }

        impl Arg for $int {
            type Out<'a> = $int;
            const KIND: Kind = Kind::Number;
            #[inline]
            fn get(value: &Value, name: &'static str) -> Result<$int> {
                plain(value).map_or_else(|| integer(value, shown(name)), Ok)
            }
        }
    )*};
}
integers! {
    i32 => "-2147483648 to 2147483647",
    u32 => "0 to 4294967295",
    i64 => "-9223372036854775808 to 9223372036854775807",
    u64 => "0 to 18446744073709551615",
    usize => "0 to 18446744073709551615",
    u8 => "0 to 255",
}

/// Flags whose default the usage text writes with blanks around the equals sign.
pub struct SpacedFlags;

impl Arg for SpacedFlags {
    type Out<'a> = u32;
    const KIND: Kind = Kind::Number;
    const SPACED: bool = true;
    fn get(value: &Value, name: &'static str) -> Result<u32> {
        u32::get(value, name)
    }
}

/// How many elements a legacy list may have: the size of an array that we allocate.
pub struct Count;

impl Arg for Count {
    type Out<'a> = usize;
    const KIND: Kind = Kind::Number;
    fn get(value: &Value, name: &'static str) -> Result<usize> {
        let count = i32::get(value, name)?;
        usize::try_from(count).map_err(|_| Fault::argument(shown(name), format_args!("is negative: {count}")))
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = *const c_char;
            const KIND: Kind = Kind::$name;
            #[inline]
            fn get(value: &Value, _name: &'static str) -> Result<*const c_char> {
                Ok(value.c_text())
            }
        }
    )*};
}
texts! {
    /// A C string.
    Text,
    /// A C string, or NULL for undef.
    TextOrNull,
    /// A file name, or NULL for undef.
    PathOrNull,
}

/// A string of bytes.
pub struct Bytes;

impl Arg for Bytes {
    type Out<'a> = &'a [u8];
    const KIND: Kind = Kind::Bytes;
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<&'a [u8]> {
        Ok(value.raw())
    }
}

/// A string of bytes; undef is the empty one.
pub struct BytesOrNull;

impl Arg for BytesOrNull {
    type Out<'a> = &'a [u8];
    const KIND: Kind = Kind::BytesOrNull;
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<&'a [u8]> {
        Ok(value.raw())
    }
}

impl<T: Object> Arg for T {
    type Out<'a> = *mut T;
    const KIND: Kind = Kind::Handle;
    const CLASS: Class = T::CLASS;
    #[inline]
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.object().cast())
    }
}

impl<T: Object> Arg for Option<T> {
    type Out<'a> = *mut T;
    const KIND: Kind = Kind::HandleOrNull;
    const CLASS: Class = T::CLASS;
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.pointer().cast())
    }
}

/// An object that callbacks will be registered on: the object, and the SV that it lives in.
pub struct Owner<T>(std::marker::PhantomData<T>);

/// What [`Owner`] gives.
pub struct Origin<T> {
    /// The object.
    pub object: *mut T,
    /// The caller's reference to it, for the shim.
    pub sv: *mut c_void,
}

impl<T: Object> Arg for Owner<T> {
    type Out<'a> = Origin<T>;
    const KIND: Kind = Kind::Handle;
    const CLASS: Class = T::CLASS;
    fn get(value: &Value, _name: &'static str) -> Result<Origin<T>> {
        Ok(Origin { object: value.pointer().cast(), sv: value.origin() })
    }
}

/// An argument with more than one value, and the parameter's name for messages.
pub struct Named<'a> {
    /// The argument.
    pub value: &'a Value,
    /// The parameter, as messages show it.
    pub name: &'static str,
}

macro_rules! compounds {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = Named<'a>;
            const KIND: Kind = Kind::$name;
            fn get<'a>(value: &'a Value, name: &'static str) -> Result<Named<'a>> {
                Ok(Named { value, name: shown(name) })
            }
        }
    )*};
}
compounds! {
    /// A reference to a hash.
    Hash,
    /// A reference to an array.
    Array,
    /// A reference to an array, or undef.
    ArrayOrNull,
    /// A code reference.
    Code,
    /// Anything.
    Any,
    /// A variable that the method assigns to.
    Variable,
    /// All remaining arguments, as the pairs of a hash.
    Pairs,
    /// A class name or an object.
    Invocant,
}

impl Named<'_> {
    /// The elements of an array argument as integers.
    pub fn integers<T: TryFrom<i128> + Bounds>(&self) -> Result<Vec<T>> {
        let elements = self.value.items().iter().enumerate();
        elements.map(|(index, value)| integer(self.defined(index, value)?, &self.element(index))).collect()
    }

    /// The elements of an array argument as C strings.
    pub fn texts(&self) -> Result<Vec<std::ffi::CString>> {
        let elements = self.value.items().iter().enumerate();
        elements.map(|(index, value)| self.defined(index, value)?.to_text(&self.element(index))).collect()
    }

    /// An element of an array that must have one: neither undef nor a hole.
    fn defined<'v>(&self, index: usize, value: &'v Value) -> Result<&'v Value> {
        if value.is_none() {
            return Err(Fault::argument(&self.element(index), "is undefined"));
        }
        Ok(value)
    }

    fn element(&self, index: usize) -> String {
        format!("{}[{index}]", self.name)
    }
}

/// The rows of one file: `name(parameter: Type = default, ...) => result;`
///
/// The result is an expression of type `Result<Value>`, mostly one of the rules of [`crate::virt::rules`]
/// around a call of libvirt; it may use the parameters by name. A row can be marked `#[sub]` (an
/// ordinary Perl sub in the original: no prototype, lenient about the number of arguments) or
/// `#[constructor]` (the same, and its object is blessed into the invocant's class).
macro_rules! methods {
    ($package:literal; $(
        $(#[$flag:ident])? $name:ident($($arg:ident : $ty:ty $(= $default:expr)?),* $(,)?) => $body:expr;
    )*) => {
        /// The rows of this file.
        pub static METHODS: &[$crate::method::Method] = &[$(
            $crate::method::Method::new(
                concat!($package, "::", stringify!($name), "\0"),
                &[$($crate::method::Param::new::<$ty>(
                    concat!(stringify!($arg), "\0"),
                    $crate::method::methods!(@default $($default)?),
                )),*],
                $crate::method::methods!(@flags $($flag)?),
                {
                    #[allow(unused_mut, unused_variables, non_snake_case)]
                    extern "C" fn body(
                        args: *const $crate::value::Value,
                        result: *mut $crate::value::Value,
                    ) -> $crate::method::Outcome {
                        $crate::method::enter(
                            |[$($arg),*]| {
                                $(let $arg = <$ty as $crate::method::Arg>::get($arg, stringify!($arg))?;)*
                                // SAFETY: the shim checked every object's class, strings are NUL-terminated,
                                // and all of them outlive the call; the row passes them on as C's prototype says.
                                #[allow(unused_unsafe)]
                                unsafe { $body }
                            },
                            args,
                            result,
                            concat!($package, "::", stringify!($name)),
                            const { $crate::method::sends(stringify!($name)) },
                        )
                    }
                    body
                },
            ),
        )*];
    };
    (@default) => { None };
    (@default $default:expr) => { Some((concat!(stringify!($default), "\0"), $default as i64)) };
    (@flags) => { 0 };
    (@flags sub) => { $crate::method::SUB };
    (@flags constructor) => { $crate::method::SUB | $crate::method::CONSTRUCTOR };
}
pub(crate) use methods;
