//! What the operating system says of this process; nothing where there is no `/proc`.

use std::fs;

/// Clock ticks a second in `/proc/self/stat`: `USER_HZ`, 100 on every architecture that Linux has today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that were used, in user and system mode (proc(5): utime and stime of `/proc/self/stat`).
pub(super) fn cpu_seconds() -> Option<f64> {
    parse_cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Bytes of physical memory in use (proc(5): VmRSS of `/proc/self/status`).
pub(super) fn resident_bytes() -> Option<f64> {
    status_bytes("VmRSS:")
}

/// The most bytes of physical memory that ever were in use (proc(5): VmHWM of `/proc/self/status`).
pub(super) fn peak_resident_bytes() -> Option<f64> {
    status_bytes("VmHWM:")
}

/// File descriptors that are open (proc(5): entries of `/proc/self/fd`).
pub(super) fn open_fds() -> Option<f64> {
    // One of them is the folder itself.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn parse_cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the name of the executable, in parentheses; it may hold spaces and parentheses itself.
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || after_name.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn status_bytes(field: &str) -> Option<f64> {
    parse_status_bytes(&fs::read_to_string("/proc/self/status").ok()?, field)
}

fn parse_status_bytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_and_system_time_whatever_the_executable_is_called() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 900 0 0 0 250 50 0 0 20 0 4 0 1000 0 0";
        assert_eq!(parse_cpu_seconds(stat), Some(3.0));
        assert_eq!(parse_cpu_seconds("42 (a) S 1"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(parse_status_bytes("VmPeak:\t  9 kB\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2_097_152.0));
        assert_eq!(parse_status_bytes("", "VmRSS:"), None);
    }
}
