// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The boundary: what C and Rust share, and the way from one into the other. Nothing here knows a method.

pub mod callbacks;
pub mod class;
pub mod driver;
pub mod enter;
pub mod error;
pub mod key;
pub mod library;
pub mod lock;
pub mod map;
pub mod memory;
pub mod origin;
pub mod pace;
pub mod parameter;
pub mod scratch;
pub mod serial;
pub mod shape;
pub mod short;
pub mod sigpipe;
pub mod storm;
pub mod streams;
pub mod table;
pub mod thread;
pub mod types;
pub mod value;
pub mod zeroed;
