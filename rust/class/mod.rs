// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The methods, one file or folder for each Perl class: rows first, functions below. Here is the row macro.

pub mod admin;
pub mod connect;
pub mod domain;
pub mod domain_checkpoint;
pub mod domain_snapshot;
pub mod event;
pub mod event_impl;
pub mod interface;
pub mod lxc;
pub mod network;
pub mod network_port;
pub mod node_device;
pub mod nwfilter;
pub mod nwfilter_binding;
pub mod qemu;
pub mod secret;
pub mod storage_pool;
pub mod storage_vol;
pub mod stream;

/// The imports of nearly every file of rows.
pub(crate) mod prelude {
    pub(crate) use super::methods;
    pub(crate) use crate::argument::number::integer;
    pub(crate) use crate::argument::options::{Keys, Options, Pairs, options};
    pub(crate) use crate::argument::schema::{Either, ParamBuilder, Tuned, Typed, TypedOr, schema, set_like};
    pub(crate) use crate::argument::types::*;
    pub(crate) use crate::boundary::class::*;
    pub(crate) use crate::boundary::error::{Error, Result, forget_error, last_code};
    pub(crate) use crate::boundary::map::{map, row};
    pub(crate) use crate::boundary::memory;
    pub(crate) use crate::boundary::table::undef;
    pub(crate) use crate::boundary::value::rows::{Row, Rows};
    pub(crate) use crate::boundary::value::{Tag, Value};
    pub(crate) use crate::boundary::zeroed::Zeroed;
    pub(crate) use crate::virt::array::*;
    pub(crate) use crate::virt::rules::*;
    pub(crate) use crate::virt::{newer, params};
    pub(crate) use libc::{c_char, c_int, c_uint, c_ulong, c_void};
    pub(crate) use virt_sys::*;
}

/// The rows of one file: `name(parameter: Type = default, ...) => result;`
///
/// The result is of type `Result<Value>`, and has one of three forms; it may use the parameters by name:
///
/// - `rule(virFunction(dom, flags))`: a rule of [`crate::virt::rules`] around a call of libvirt, or a function below the
///   rows with the row's parameters. This alone is unsafe.
/// - `{ let get = newer::virFunction()?; rule(|out| get(dom, out)) }`: the same after safe preparations.
/// - any other block, which is safe.
///
/// A row can be marked `#[sub]` (an ordinary Perl sub in the original: no prototype, lenient about the number of arguments),
/// `#[constructor]` (the same, and its object is blessed into the invocant's class), `#[local]` (it never writes
/// to a daemon's socket, or guards that itself: no time is spent on SIGPIPE) or `#[in_place]` (it changes the thread that calls
/// it, so that no other thread may run it for a future).
///
/// `keycodesSV as keys: Array<u32>`: the usage text has the original's name, messages and the row the other one.
macro_rules! methods {
    ($package:literal; $(
        $(#[$mark:ident])* $name:ident($($arg:ident $(as $shown:ident)? : $ty:ty $(= $default:expr)?),* $(,)?) =>
            $( $($rule:ident)::+ ( $($call:tt)* ) )? $( { $($block:tt)* } )? ;
    )*) => {
        /// The rows of this file.
        pub static METHODS: &[$crate::boundary::table::Method] = &[$(
            $crate::boundary::table::Method::new(
                concat!($package, "::", stringify!($name), "\0"),
                &[$($crate::boundary::table::Param::new(
                    concat!(stringify!($arg), "\0"),
                    concat!($crate::class::methods!(@shown $arg $($shown)?), "\0"),
                    $crate::argument::types::shape_of::<$ty>(),
                    $crate::class::methods!(@default $($default)?),
                )),*],
                &[$(stringify!($arg)),*],
                $crate::class::methods!(@flags $($mark)*),
                {
                    unsafe extern "C" fn body(
                        args: *const $crate::boundary::value::Value,
                        result: *mut $crate::boundary::value::Value,
                    ) -> $crate::boundary::table::Outcome {
                        #![allow(
                            unused_mut,
                            unused_variables,
                            unused_unsafe,
                            non_snake_case,
                            reason = "depends on the row"
                        )]
                        #![allow(clippy::multiple_unsafe_ops_per_block, reason = "a rule and its call")]
                        const COUNT: usize = <[&str]>::len(&[$(stringify!($arg)),*]);
                        let row = |[$($arg),*]: &[$crate::boundary::value::Value; COUNT]| {
                            $($crate::class::methods!(@let $arg ($($shown)?) $ty);)*
                            $($crate::class::methods!(@call $($rule)::+ ( $($call)* )))?
                            $($crate::class::methods!(@block $($block)*))?
                        };
                        // SAFETY: the shim's promise to every body, which its caller gave this one.
                        unsafe { $crate::boundary::enter::enter(
                            row,
                            args,
                            result,
                            concat!($package, "::", stringify!($name)),
                            const { $crate::class::methods!(@flags $($mark)*) & $crate::boundary::table::LOCAL == 0 },
                        ) }
                    }
                    body
                },
            ),
        )*];
    };
    (@call $($call:tt)*) => {
        // SAFETY: the row passes its own parameters on, as C's prototype, or the function below the rows, takes them: NULL
        // or an object of the class that the row names, a C string, a plain number; and all of them outlive the call.
        // libvirt returns or writes the type that the rule expects.
        unsafe { $($call)* }
    };
    (@block let $name:pat = $value:expr; $($rest:tt)*) => {{
        let $name = $value;
        $crate::class::methods!(@block $($rest)*)
    }};
    (@block let $name:ident: $ty:ty = $value:expr; $($rest:tt)*) => {{
        let $name: $ty = $value;
        $crate::class::methods!(@block $($rest)*)
    }};
    (@block let mut $name:ident: $ty:ty = $value:expr; $($rest:tt)*) => {{
        let mut $name: $ty = $value;
        $crate::class::methods!(@block $($rest)*)
    }};
    (@block $($rule:ident)::+ ( $($call:tt)* )) => { $crate::class::methods!(@call $($rule)::+ ( $($call)* )) };
    (@block $first:expr; $($rest:tt)*) => {{
        $first;
        $crate::class::methods!(@block $($rest)*)
    }};
    (@block $($other:tt)*) => {{ $($other)* }};
    (@shown $arg:ident) => { stringify!($arg) };
    (@shown $arg:ident $shown:ident) => { stringify!($shown) };
    (@let $arg:ident () $ty:ty) => {
        let mut $arg = <$ty as $crate::argument::types::Arg>::get($arg, stringify!($arg))?;
    };
    (@let $arg:ident ($shown:ident) $ty:ty) => {
        let mut $shown = <$ty as $crate::argument::types::Arg>::get($arg, stringify!($shown))?;
    };
    (@default) => { None };
    (@default $default:expr) => { Some((concat!(stringify!($default), "\0"), $default as i64)) };
    (@flags $($mark:ident)*) => { 0 $(| $crate::class::methods!(@flag $mark))* };
    (@flag sub) => { $crate::boundary::table::SUB };
    (@flag constructor) => { $crate::boundary::table::SUB | $crate::boundary::table::CONSTRUCTOR };
    (@flag local) => { $crate::boundary::table::LOCAL };
    (@flag in_place) => { $crate::boundary::table::IN_PLACE };
}
pub(crate) use methods;
