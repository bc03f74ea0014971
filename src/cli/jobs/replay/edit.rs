//! A payload in the caller's editor: a private file that is gone afterwards.

use std::process::Command;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

/// The text that was saved.
pub(super) fn edit(payload: &Value) -> anyhow::Result<String> {
    let editor = editor()?;
    let file = tempfile::Builder::new()
        .prefix("payload.")
        .suffix(".json")
        .tempfile()
        .context("make a file for the editor")?;
    let text = serde_json::to_string_pretty(payload).context("write the payload as JSON")?;
    std::fs::write(file.path(), text + "\n").context("write the payload for the editor")?;
    // Through a shell: the variable may have arguments.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(file.path())
        .status()
        .context("start the editor")?;
    if !status.success() {
        bail!("the editor ended with {status}; hint: nothing was stored");
    }
    std::fs::read_to_string(file.path()).context("read what the editor saved")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the editor belongs to whoever calls, not to the settings"
)]
fn editor() -> anyhow::Result<String> {
    ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|editor| !editor.is_empty()))
        .ok_or_else(|| anyhow!("no editor is set; hint: set EDITOR, or use --json @FILE"))
}
