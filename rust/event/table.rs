// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The row macro [`events!`]: C callbacks that pass their arguments to a Perl callback.

use crate::boundary::class::Object;
use crate::boundary::value::Value;

/// An object that an event is about: borrowed from libvirt, until Perl retains it. NULL is undef.
///
/// # Safety
/// `object` is NULL or an object that lives until the callback returns.
pub unsafe fn subject<T: Object>(object: *mut T) -> Value {
    if object.is_null() {
        return Value::none();
    }
    // SAFETY: the caller's promise.
    unsafe { Value::borrowed(T::CLASS, object.cast()) }
}

/// The event rows of one class: `C callback type => name(arguments of the event) [values for Perl];` in the
/// order of libvirt's event ids. rustc checks each against the C type.
macro_rules! events {
    ($class:ident, $generic:ty; $($ctype:ty => $name:ident($($arg:ident: $ty:ty),*) $(-> $returned:literal: $int:ty)? [$($value:expr),*];)*) => {
        $(
            unsafe extern "C" fn $name(
                conn: *mut Connect, object: *mut $class $(, $arg: $ty)*, opaque: *mut c_void,
            ) $(-> $int)? {
                // SAFETY: libvirt's objects and strings live during the callback; opaque is our own.
                unsafe {
                    $crate::event::registration::dispatch(opaque, || [
                        Value::owner(Class::Connect, conn.cast()),
                        $crate::event::table::subject(object),
                        $(Value::from($value)),*
                    ]);
                }
                $($returned)?
            }
            const _: $ctype = Some($name);
        )*

        /// The C callback of each event id.
        static EVENTS: &[unsafe extern "C" fn()] = &[$(
            // SAFETY: libvirt calls it with the arguments of its own event id, which its type was checked for.
            unsafe {
                std::mem::transmute::<
                    unsafe extern "C" fn(*mut Connect, *mut $class $(, $ty)*, *mut c_void) $(-> $int)?,
                    unsafe extern "C" fn(),
                >($name)
            }
        ),*];

        /// The C callback of an event id in the general form in which libvirt takes it.
        pub fn callback_of(id: c_int) -> Result<$generic> {
            let found = usize::try_from(id).ok().and_then(|id| EVENTS.get(id));
            let found = found.ok_or_else(|| {
                Error::invalid(format!("eventID must be within 0 to {}, not {id}", EVENTS.len() - 1))
            })?;
            // SAFETY: C's own cast between callback types.
            Ok(unsafe { std::mem::transmute::<unsafe extern "C" fn(), $generic>(*found) })
        }
    };
}
pub(crate) use events;
