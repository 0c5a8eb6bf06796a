// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The constants, one file for each class; those of domains by theme. Here is the row macro.

pub mod admin;
pub mod connect;
pub mod domain;
pub mod domain_checkpoint;
pub mod domain_events;
pub mod domain_guest_info;
pub mod domain_jobs;
pub mod domain_keys;
pub mod domain_snapshot;
pub mod domain_stats;
pub mod domain_tuning;
pub mod error;
pub mod event;
pub mod interface;
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

/// The rows of one file: `integers { PERL_NAME = C_NAME; ... }`, `texts { ... }`; both names are written out
/// because many a Perl name can't be derived from the C name.
macro_rules! constants {
    ($(#[$doc:meta])* $table:ident: integers { $($int:ident = $int_value:expr;)* } texts { $($text:ident = $text_value:expr;)* }) => {
        $(#[$doc])*
        pub static $table: &[$crate::boundary::table::Constant] = &[
            $($crate::boundary::table::Constant::integer(concat!(stringify!($int), "\0"), $int_value as i64),)*
            $($crate::boundary::table::Constant::text(concat!(stringify!($text), "\0"), $text_value),)*
        ];
    };
}
pub(crate) use constants;
