// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of domains.

use super::table::events;
use crate::boundary::class::{Class, Connect, Domain};
use crate::boundary::error::{Error, Result};
use crate::boundary::map::{map, row};
use crate::boundary::value::Value;
use crate::boundary::value::rows::Rows;
use crate::virt::rules::copied;
use libc::{c_char, c_int, c_uint, c_void};
use virt_sys::*;

events! { Domain, virConnectDomainEventGenericCallback;
    virConnectDomainEventCallback => lifecycle(event: c_int, detail: c_int) -> 0: c_int [event, detail];
    virConnectDomainEventGenericCallback => reboot() [];
    virConnectDomainEventRTCChangeCallback => rtc_change(utcoffset: i64) [utcoffset];
    virConnectDomainEventWatchdogCallback => watchdog(action: c_int) [action];
    virConnectDomainEventIOErrorCallback => io_error(path: *const c_char, alias: *const c_char, action: c_int)
        [copied(path), copied(alias), action];
    virConnectDomainEventGraphicsCallback => graphics(
        phase: c_int, local: *const virDomainEventGraphicsAddress, remote: *const virDomainEventGraphicsAddress,
        scheme: *const c_char, identities: *const virDomainEventGraphicsSubject)
        [phase, address(local), address(remote), copied(scheme), graphics_identities(identities)];
    virConnectDomainEventIOErrorReasonCallback => io_error_reason(
        path: *const c_char, alias: *const c_char, action: c_int, reason: *const c_char)
        [copied(path), copied(alias), action, copied(reason)];
    virConnectDomainEventGenericCallback => control_error() [];
    virConnectDomainEventBlockJobCallback => block_job(path: *const c_char, kind: c_int, status: c_int)
        [copied(path), kind, status];
    virConnectDomainEventDiskChangeCallback => disk_change(
        old: *const c_char, new: *const c_char, alias: *const c_char, reason: c_int)
        [copied(old), copied(new), copied(alias), reason];
    virConnectDomainEventTrayChangeCallback => tray_change(alias: *const c_char, reason: c_int) [copied(alias), reason];
    virConnectDomainEventPMWakeupCallback => pm_wakeup(reason: c_int) [reason];
    virConnectDomainEventPMSuspendCallback => pm_suspend(reason: c_int) [reason];
    virConnectDomainEventBalloonChangeCallback => balloon_change(actual: u64) [actual];
    virConnectDomainEventPMSuspendDiskCallback => pm_suspend_disk(reason: c_int) [reason];
    virConnectDomainEventDeviceRemovedCallback => device_removed(alias: *const c_char) [copied(alias)];
    virConnectDomainEventBlockJobCallback => block_job_2(target: *const c_char, kind: c_int, status: c_int)
        [copied(target), kind, status];
    virConnectDomainEventTunableCallback => tunable(values: virTypedParameterPtr, count: c_int) [hash(values, count)];
    virConnectDomainEventAgentLifecycleCallback => agent_lifecycle(state: c_int, reason: c_int) [state, reason];
    virConnectDomainEventDeviceAddedCallback => device_added(alias: *const c_char) [copied(alias)];
    virConnectDomainEventMigrationIterationCallback => migration_iteration(iteration: c_int) [iteration];
    virConnectDomainEventJobCompletedCallback => job_completed(values: virTypedParameterPtr, count: c_int)
        [hash(values, count)];
    virConnectDomainEventDeviceRemovalFailedCallback => device_removal_failed(alias: *const c_char) [copied(alias)];
    virConnectDomainEventMetadataChangeCallback => metadata_change(kind: c_int, uri: *const c_char) [kind, copied(uri)];
    virConnectDomainEventBlockThresholdCallback => block_threshold(
        device: *const c_char, path: *const c_char, threshold: u64, excess: u64)
        [copied(device), copied(path), threshold, excess];
    virConnectDomainEventMemoryFailureCallback => memory_failure(recipient: c_int, action: c_int, flags: c_uint)
        [recipient, action, flags];
    virConnectDomainEventMemoryDeviceSizeChangeCallback => memory_device_size_change(alias: *const c_char, size: u64)
        [copied(alias), size];
    virConnectDomainEventNICMACChangeCallback => nic_mac_change(
        alias: *const c_char, old: *const c_char, new: *const c_char)
        [copied(alias), copied(old), copied(new)];
    virConnectDomainEventVcpuRemovedCallback => vcpu_removed(vcpu: c_uint) [vcpu];
    virConnectDomainEventChannelLifecycleCallback => channel_lifecycle(
        channel: *const c_char, state: c_int, reason: c_int)
        [copied(channel), state, reason];
}

/// The callback of the oldest form of registration, which has no id.
pub const LEGACY: virConnectDomainEventCallback = Some(lifecycle);

const _: () =
    assert!(EVENTS.len() == VIR_DOMAIN_EVENT_ID_CHANNEL_LIFECYCLE as usize + 1, "one row for each event");

/// An end of a graphics connection.
///
/// # Safety
/// `address` is NULL or libvirt's structure, alive during the callback.
unsafe fn address(address: *const virDomainEventGraphicsAddress) -> Value {
    // SAFETY: the caller's promise.
    let Some(address) = (unsafe { address.as_ref() }) else { return Value::none() };
    let text = |string| {
        // SAFETY: a string of the structure's, or NULL.
        unsafe { copied(string) }
    };
    map! { c"family" => address.family, c"node" => text(address.node), c"service" => text(address.service) }
}

/// Who a graphics client has proved to be.
///
/// # Safety
/// `subject` is NULL or libvirt's structure, alive during the callback.
unsafe fn graphics_identities(subject: *const virDomainEventGraphicsSubject) -> Value {
    // SAFETY: the caller's promise.
    let Some(subject) = (unsafe { subject.as_ref() }) else { return Value::array(Vec::new()) };
    let count = if subject.identities.is_null() { 0 } else { subject.nidentity.max(0) as usize };
    // SAFETY: the structure's own count.
    let identities = unsafe {
        std::slice::from_raw_parts(
            if count == 0 { std::ptr::NonNull::dangling().as_ptr() } else { subject.identities },
            count,
        )
    };
    let identity = |identity: &virDomainEventGraphicsSubjectIdentity| {
        let text = |string| {
            // SAFETY: a string of the structure's, or NULL.
            unsafe { copied(string) }
        };
        row! { c"type" => text(identity.type_), c"name" => text(identity.name) }
    };
    Rows::of(identities.iter().map(identity)).into()
}

/// Typed parameters, borrowed during the event.
///
/// # Safety
/// `values` is NULL or an array of `count` parameters that libvirt wrote.
unsafe fn hash(values: virTypedParameterPtr, count: c_int) -> Value {
    if values.is_null() || count <= 0 {
        return Value::map(Vec::new());
    }
    // SAFETY: the caller's promise.
    let values = unsafe { std::slice::from_raw_parts(values, count as usize) };
    // SAFETY: libvirt wrote the parameters.
    unsafe { Value::borrowed_parameters(values) }
}
