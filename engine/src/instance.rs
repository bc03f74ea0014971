//! What a process is called among its likes.

use crate::id::JobId;

/// Host, pid and a random part: unique also when a pid comes back after a restart.
pub(crate) fn name() -> String {
    let random = JobId::generate();
    let tail = &random.as_str()[random.as_str().len() - 6..];
    format!(
        "{}.{}.{}",
        host_name(),
        std::process::id(),
        tail.to_lowercase()
    )
}

/// The machine, or the container.
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    if name.is_empty() {
        "host".to_owned()
    } else {
        name
    }
}
