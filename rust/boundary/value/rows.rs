// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Rows`]: hashes with keys known at compile time, of which many have the same. The keys are there once, and the values of all
//! hashes are in one vector.

use super::{Data, Storage, Tag, Value};
use crate::boundary::key::Key;
use crate::boundary::memory;

/// Items before the values: the keys, and the owner of what the values borrow.
pub const ROWS_HEAD: usize = 2;

/// One hash, see [`row!`](crate::boundary::map::row).
pub struct Row<const N: usize> {
    /// Its keys.
    pub keys: &'static [Key; N],
    /// The value of each.
    pub values: [Value; N],
}

/// Hashes with the same keys.
pub struct Rows<const N: usize>(Vec<Value>);

impl<const N: usize> Rows<N> {
    /// None yet, with room for `count`.
    pub fn with_room(count: usize) -> Self {
        let mut items = memory::with_room(count.saturating_mul(N).saturating_add(ROWS_HEAD));
        items.extend([Value::none(), Value::none()]);
        Rows(items)
    }

    /// All of an iterator's, which knows how many there are.
    pub fn of(rows: impl ExactSizeIterator<Item = Row<N>>) -> Self {
        let mut all = Self::with_room(rows.len());
        for row in rows {
            all.push(row);
            memory::check(N);
        }
        all
    }

    /// One more. All have the keys of the first.
    pub fn push(&mut self, row: Row<N>) {
        let items = &mut self.0;
        let keys = row.keys.as_ptr();
        if items.len() == ROWS_HEAD {
            items[0] = Value::plain(Tag::Key, N, Data { key: keys });
        }
        // SAFETY: the first item has the keys.
        debug_assert!(unsafe { items[0].data.key } == keys, "the same keys");
        items.reserve(N);
        let len = items.len();
        // SAFETY: there is room for so many more.
        let place = unsafe { items.as_mut_ptr().add(len) };
        // SAFETY: as above; an array is its elements, one after the other.
        unsafe { place.cast::<[Value; N]>().write(row.values) };
        // SAFETY: they were written.
        unsafe { items.set_len(len + N) };
    }

    fn into_value(self, tag: Tag) -> Value {
        let len = (self.0.len() - ROWS_HEAD) / N;
        let mut value = Value::with_items(tag, self.0);
        (value.len, value.storage) = (len, Storage::Rows);
        value
    }

    /// A result list, or an array; its values may borrow from `owner`.
    pub fn owned_by(mut self, owner: Value) -> Value {
        if self.0.len() == ROWS_HEAD {
            return Value::list(Vec::new());
        }
        self.0[1] = owner;
        self.into_value(Tag::Rows)
    }
}

impl<const N: usize> From<Rows<N>> for Value {
    fn from(rows: Rows<N>) -> Self {
        rows.owned_by(Value::none())
    }
}

impl<const N: usize> From<Row<N>> for Value {
    fn from(row: Row<N>) -> Self {
        let mut one = Rows::with_room(1);
        one.push(row);
        one.into_value(Tag::Row)
    }
}
