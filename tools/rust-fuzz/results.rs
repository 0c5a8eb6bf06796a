// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The shim's part after a method: it reads and frees the result.

use super::arguments::Raw;
use libc::c_void;
use sysvirt::harness::{Class, Tag, Value};

/// Looks at all that the shim looks at when it makes scalars of a value (perl/results.c), so that AddressSanitizer does too.
/// Objects are taken over, to be given back when all is done.
pub fn build(value: &mut Raw, objects: &mut Vec<(Class, *mut c_void)>) {
    let items = match value.tag {
        Tag::List | Tag::CountedList | Tag::Array | Tag::Map | Tag::Ref | Tag::Warned if value.len > 0 => {
            // SAFETY: what the boundary promises, and AddressSanitizer is to check.
            unsafe { std::slice::from_raw_parts_mut(value.data as *mut Raw, value.len) }
        }
        Tag::Row | Tag::Rows => {
            let items = value.data as *mut Raw;
            // SAFETY: as above. Rows have a head of two items, the first of which tells how many values each row has.
            unsafe { std::slice::from_raw_parts_mut(items, 2 + value.len * (*items).len) }
        }
        _ => &mut [],
    };
    match value.tag {
        Tag::Text | Tag::Bytes | Tag::Key => look(value),
        Tag::Handle => objects.push((value.class, std::mem::take(&mut value.data) as *mut c_void)),
        Tag::Owner => {
            // SAFETY: as above.
            unsafe { sysvirt::sysvirt_retain(value.class, value.data as *mut c_void) };
            objects.push((value.class, value.data as *mut c_void));
        }
        Tag::Map => {
            for pair in items.chunks_exact_mut(2) {
                assert!(
                    matches!(pair[0].tag, Tag::Text | Tag::Bytes | Tag::Key),
                    "a key of another kind"
                );
                look(&pair[0]);
                build(&mut pair[1], objects);
            }
        }
        Tag::Ref => assert!(items.len() == 1, "a reference to nothing"),
        Tag::OutArg => panic!("an assignment within a value"),
        _ => {}
    }
    if value.tag != Tag::Map {
        items.iter_mut().for_each(|item| build(item, objects));
    }
}

/// Reads a string.
pub fn look(value: &Raw) {
    // SAFETY: of the same layout.
    let text = unsafe { &*(&raw const *value).cast::<Value>() }.raw();
    std::hint::black_box(text.iter().fold(0, |sum, byte| sum ^ byte));
}

/// Gives references back.
pub fn give_back(objects: Vec<(Class, *mut c_void)>) {
    for (class, object) in objects {
        // SAFETY: a reference that was given to us.
        unsafe { sysvirt::sysvirt_release(class, object) };
    }
}
