// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The tables that the shim reads: classes, their methods and constants, and how each parameter is decoded.

use super::class::Class;
use super::shape::{Field, Shape};
use super::value::Value;
use libc::c_char;
use std::mem::ManuallyDrop;

/// The default of a parameter that may be left out and is then undef.
#[expect(non_upper_case_globals, reason = "the rows read as Perl does")]
pub const undef: i64 = i64::MIN;

/// One parameter of a method.
#[repr(C)]
pub struct Param {
    /// Its name as messages show it, and how the argument is decoded.
    pub field: Field,
    /// Its name as the usage text shows it.
    name: *const c_char,
    /// As the usage text shows it; NULL if the argument is mandatory.
    pub default_text: *const c_char,
    /// The usage text writes the default with blanks around the equals sign.
    spaced: bool,
    /// The value of an argument that was left out.
    pub absent: ManuallyDrop<Value>,
}

// SAFETY: the pointers are to string literals.
unsafe impl Sync for Param {}

impl Param {
    /// The parameter `name`, in messages `shown`: literals with a NUL at their ends.
    pub const fn new(
        name: &'static str,
        shown: &'static str,
        (shape, spaced): (Shape, bool),
        default: Option<(&'static str, i64)>,
    ) -> Self {
        let shown = plain_name(shown);
        let default_text = match default {
            Some((text, _)) => text.as_ptr().cast::<c_char>(),
            None => std::ptr::null(),
        };
        let absent = match default {
            None | Some((_, self::undef)) => Value::none(),
            Some((_, value)) => Value::int(value),
        };
        Param {
            field: Field { key: shown.as_ptr().cast(), len: shown.len() - 1, shape },
            name: plain_name(name).as_ptr().cast(),
            default_text,
            spaced,
            absent: ManuallyDrop::new(absent),
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
/// The method never writes to a daemon's socket, or guards that itself.
pub const LOCAL: u8 = 4;
/// The method changes the thread that calls it, so that no other may run it.
pub const IN_PLACE: u8 = 32;

/// The most parameters that a method can have, and the most arguments of a callback: as many the shim has room for.
pub const ARGS_MAX: usize = 12;

/// The string whose ends are the prototypes: for each number of optional arguments, the longest one. perl keeps the pointer.
static PROTOTYPES: [[u8; 2 * ARGS_MAX + 2]; ARGS_MAX + 1] = {
    let mut all = [[0; 2 * ARGS_MAX + 2]; ARGS_MAX + 1];
    let mut optional = 0;
    while optional <= ARGS_MAX {
        let end = if optional == 0 { ARGS_MAX } else { ARGS_MAX + 1 + optional };
        let mut at = 0;
        while at < end {
            all[optional][at] = if at == ARGS_MAX { b';' } else { b'$' };
            at += 1;
        }
        optional += 1;
    }
    all
};

const fn prototype(mandatory: usize, optional: usize) -> *const c_char {
    assert!(mandatory <= ARGS_MAX);
    // SAFETY: within that string, which ends in a NUL.
    unsafe { PROTOTYPES[optional].as_ptr().add(ARGS_MAX - mandatory).cast() }
}

/// The C side of a method: reads as many values as the method has parameters, and writes one. See [`super::enter::enter`] for
/// what its caller promises.
pub type Body = unsafe extern "C" fn(*const Value, *mut Value) -> Outcome;

/// One method: what the shim needs to bind it, and the function behind it.
#[repr(C)]
pub struct Method {
    /// With its package.
    pub name: *const c_char,
    /// Perl's prototype; NULL: it has none.
    prototype: *const c_char,
    /// Its parameters ...
    pub params: *const Param,
    /// ... and how many there are.
    pub nparams: usize,
    /// How many arguments a call needs ...
    mandatory: usize,
    /// ... and how many more it may have.
    optional: usize,
    flags: u8,
    /// The function that runs it.
    pub body: Body,
}

// SAFETY: the pointers are to constants.
unsafe impl Sync for Method {}

impl Method {
    /// For use by the row macro, which a row that breaks one of these rules does not get past: `name` is a literal with
    /// a NUL at its end, `names` are those of the parameters.
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        names: &[&str],
        flags: u8,
        body: Body,
    ) -> Self {
        assert!(params.len() <= ARGS_MAX, "a method has at most ARGS_MAX parameters");
        assert!(params.len() == names.len());
        let mut mandatory = 0;
        let mut index = 0;
        while index < params.len() {
            if params[index].default_text.is_null() {
                assert!(mandatory == index, "a parameter without default comes before those with one");
                mandatory += 1;
            }
            let mut other = 0;
            while other < index {
                assert!(!same(names[index], names[other]), "each parameter has a name of its own");
                other += 1;
            }
            index += 1;
        }
        let rest = params.len() - mandatory;
        let (mandatory, optional, prototype) = if flags & SUB != 0 {
            (0, usize::MAX, std::ptr::null())
        } else {
            (mandatory, rest, prototype(mandatory, rest))
        };
        Method {
            name: name.as_ptr().cast(),
            prototype,
            params: params.as_ptr(),
            nparams: params.len(),
            mandatory,
            optional,
            flags: flags | super::pace::of(name),
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
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// The outcome of a call.
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

/// One constant of a package: an integer, or a string if `text` is not NULL.
#[repr(C)]
pub struct Constant {
    name: *const c_char,
    len: u32,
    text_len: u32,
    text: *const c_char,
    integer: i64,
}

// SAFETY: the pointers are to string literals.
unsafe impl Sync for Constant {}

impl Constant {
    /// For use by the row macro. `name` is a literal with a NUL at its end.
    pub const fn integer(name: &'static str, integer: i64) -> Self {
        Constant {
            name: name.as_ptr().cast(),
            len: name.len() as u32 - 1,
            text_len: 0,
            text: std::ptr::null(),
            integer,
        }
    }

    /// For use by the row macro. `name` is a literal with a NUL at its end.
    pub const fn text(name: &'static str, text: &'static std::ffi::CStr) -> Self {
        Constant {
            name: name.as_ptr().cast(),
            len: name.len() as u32 - 1,
            text_len: text.count_bytes() as u32,
            text: text.as_ptr(),
            integer: 0,
        }
    }
}

/// One file's methods, for the shim.
#[repr(C)]
pub struct MethodRows {
    /// The first of them.
    pub rows: *const Method,
    /// How many there are.
    pub count: usize,
}

/// One file's constants, for the shim.
#[repr(C)]
pub struct ConstantRows {
    /// The first of them.
    pub rows: *const Constant,
    /// How many there are.
    pub count: usize,
}

/// Everything that belongs to one package.
#[repr(C)]
pub struct ClassTable {
    /// The package.
    pub class: Class,
    /// Its methods: one element for each file ...
    pub methods: *const MethodRows,
    /// ... of so many.
    pub nmethods: usize,
    /// Its constants, in the same form ...
    pub constants: *const ConstantRows,
    /// ... of so many.
    pub nconstants: usize,
    /// The name that the usage text of DESTROY gives its argument; NULL for a package without handles.
    pub destroy: *const c_char,
}

// SAFETY: all pointers are to constants.
unsafe impl Sync for MethodRows {}
// SAFETY: as above.
unsafe impl Sync for ConstantRows {}
// SAFETY: as above.
unsafe impl Sync for ClassTable {}
