// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The arguments: what a row's parameter can be, and what is made of it.

pub mod callback;
pub mod number;
pub mod options;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod types;
