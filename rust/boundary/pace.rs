// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! How fast a method is, by its name: what its calls count for when many are made at once.

/// The call may take long.
pub const SLOW: u8 = 8;
/// The call does not wait for others.
pub const URGENT: u8 = 16;

/// How calls of the method of that name, a literal with its package and a NUL at its end, count in the window of their
/// connection: 0 is fast: methods that only read what the daemon knows. Methods that ask the guest are not, whatever their names.
pub const fn of(name: &str) -> u8 {
    const READ: &[&str] = &[
        "get_",
        "_get_",
        "is_",
        "list_",
        "num_of_",
        "has_",
        "_lookup",
        "lookup",
        "_new",
        "new_stream",
        "compare_",
        "domain_xml_",
        "baseline_",
        "set_identity",
        "set_keep_alive",
        "ping",
        // It uses none of the daemon's threads.
        "_transfer_",
    ];
    const GUEST: &[&str] = &[
        "get_guest_",
        "get_hostname",
        "get_time",
        "get_fs_info",
        "get_interface_addresses",
        "get_vcpu_info",
        "get_authorized_ssh_keys",
        "get_messages",
        "get_perf_events",
    ];
    const URGENT_ONES: &[&str] = &["abort_", "destroy", "get_job_"];
    let full = name.as_bytes();
    let mut start = full.len();
    while start > 0 && full[start - 1] != b':' {
        start -= 1;
    }
    let of_domain = begins(full, 0, "Sys::Virt::Domain::");
    if of_domain && begins_one(full, start, URGENT_ONES) {
        URGENT
    } else if begins_one(full, start, READ) && !(of_domain && begins_one(full, start, GUEST)) {
        0
    } else {
        SLOW
    }
}

const fn begins_one(name: &[u8], start: usize, with: &[&str]) -> bool {
    let mut index = 0;
    while index < with.len() {
        if begins(name, start, with[index]) {
            return true;
        }
        index += 1;
    }
    false
}

const fn begins(name: &[u8], start: usize, with: &str) -> bool {
    let with = with.as_bytes();
    let mut index = 0;
    while index < with.len() && start + index < name.len() && name[start + index] == with[index] {
        index += 1;
    }
    index == with.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces() {
        assert_eq!(of("Sys::Virt::Domain::get_info\0"), 0);
        assert_eq!(of("Sys::Virt::get_hostname\0"), 0);
        assert_eq!(of("Sys::Virt::Domain::get_hostname\0"), SLOW, "it may ask the guest");
        assert_eq!(of("Sys::Virt::Domain::create\0"), SLOW);
        assert_eq!(of("Sys::Virt::Domain::abort_job\0"), URGENT);
        assert_eq!(of("Sys::Virt::Domain::destroy\0"), URGENT);
        assert_eq!(of("Sys::Virt::Network::destroy\0"), SLOW);
        assert_eq!(of("Sys::Virt::new\0"), SLOW);
    }
}
