//! What a process has taken from the system.
//!
//! Nilometer takes the pages of its cells from the system's allocator, past any that a program sets as its own: one
//! that counts would not see them. So it is the C library that is asked, and all memory counts, whoever took it.

use std::fs;

/// Bytes that are in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// What `malloc` has given out and not got back, with what each block costs beside what was asked for.
    pub(crate) allocated: f64,
    /// What of the process lies in memory: free blocks, stacks and the program itself are in this as well.
    pub(crate) resident: f64,
}

impl Usage {
    pub(crate) fn now() -> Usage {
        // SAFETY: `mallinfo2` has no requirements, and takes the locks of the arenas that it reads.
        let info = unsafe { libc::mallinfo2() };
        // SPEC: mallinfo(3): `uordblks` is what is in use of the arenas, `hblkhd` what was mapped for single blocks.
        let allocated = info.uordblks + info.hblkhd;
        // SPEC: proc(5), /proc/PID/status: `VmRSS` is in units of 1024 bytes.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        let resident: f64 = resident.and_then(|value| value.parse().ok()).unwrap_or(0.0);
        Usage { allocated: allocated as f64, resident: resident * 1024.0 }
    }
}
