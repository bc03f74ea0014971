use std::time::Duration;

/// What one message may be, checked before any work is done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the message as it lies in the list. Base64 makes a body a third larger.
    pub message_bytes: usize,
    /// Bytes of the body after inflating.
    pub inflated_bytes: usize,
    /// Arrays and objects inside each other.
    pub depth: usize,
    /// Positional and keyword arguments together, and signatures of one kind.
    pub arguments: usize,
    /// Bytes of a task id or group id; they become part of key names.
    pub id_bytes: usize,
    /// Bytes of a task name.
    pub task_bytes: usize,
    /// How far ahead an eta may be; `None` takes any that Python can write, the year 9999 included.
    pub horizon: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 8 * 1024 * 1024,
            inflated_bytes: 16 * 1024 * 1024,
            // serde_json gives up at 128; a message of a real client has fewer than ten.
            depth: 64,
            arguments: 10_000,
            id_bytes: 255,
            task_bytes: 255,
            horizon: None,
        }
    }
}
