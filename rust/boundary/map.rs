// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Hashes: [`map!`] for keys known at compile time, [`MapBuilder`] for others.

use super::memory;
use super::value::{Data, Tag, Value};

/// Builds a hash whose keys and strings share one buffer.
///
/// The buffer is the hash's last item, beyond the pairs: the other items point into it, and are freed with it.
pub struct MapBuilder {
    items: Vec<Value>,
    bytes: Vec<u8>,
    /// For each string: the item, where its bytes start, how many there are.
    strings: Vec<(usize, usize, usize)>,
}

impl MapBuilder {
    /// Room for `pairs` pairs and `bytes` bytes of keys and strings.
    pub fn with_room(pairs: usize, bytes: usize) -> Self {
        MapBuilder {
            items: memory::with_room(pairs * 2 + 1),
            bytes: memory::with_room(bytes),
            strings: memory::with_room(pairs),
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        self.strings.push((self.items.len(), self.bytes.len(), bytes.len()));
        self.bytes.extend_from_slice(bytes);
        self.items.push(Value::plain(Tag::Bytes, bytes.len(), Data { integer: 0 }));
    }

    /// Adds a pair whose value owns nothing: the last item alone is freed with the hash.
    pub fn push(&mut self, key: &[u8], value: Value) {
        self.string(key);
        self.items.push(value);
    }

    /// The hash.
    pub fn finish(mut self) -> Value {
        let buffer = Value::boxed_bytes(self.bytes.into_boxed_slice());
        // SAFETY: a value of bytes holds a text.
        let text = unsafe { buffer.data.text };
        for (item, start, _) in self.strings {
            // The offsets lie within the buffer, whose address no longer changes.
            self.items[item].data = Data { text: text.wrapping_add(start) };
        }
        self.items.push(buffer);
        Value::map_with_storage(self.items)
    }
}

/// A reference to a hash with the given literal keys; after a semicolon, a value beyond its pairs.
macro_rules! map {
    ($($key:literal => $value:expr),* $(,)?) => {
        $crate::boundary::value::Value::map($crate::boundary::map::map!(@items $($key => $value),* ;))
    };
    ($($key:literal => $value:expr),* ; $beyond:expr) => {
        $crate::boundary::value::Value::map_with_storage($crate::boundary::map::map!(@items $($key => $value),* ; $beyond))
    };
    (@items $($key:literal => $value:expr),* ; $($beyond:expr)?) => {
        vec![
            $(
                {
                    static KEY: $crate::boundary::key::Key = $crate::boundary::key::Key::new($key);
                    $crate::boundary::value::Value::key(&KEY)
                },
                $crate::boundary::value::Value::from($value),
            )*
            $($beyond)?
        ]
    };
}
pub(crate) use map;
