// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The constants, one file for each class; those of domains by theme.

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
pub mod secret;
pub mod storage_pool;
pub mod storage_vol;
pub mod stream;
