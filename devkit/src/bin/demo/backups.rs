//! A backup that is made, read back and listed.

use crate::Outcome;
use crate::worker::Settings;

/// Makes one and shows it.
pub(crate) fn show(settings: &Settings) -> Outcome<()> {
    println!(
        "\n  a backup: dumped, every row read back, old ones removed  (crm-worker backup now)\n"
    );
    settings.command(&["backup", "now"])?;
    for line in settings.command(&["backup", "list"])?.lines() {
        println!("    {}", line.trim_end());
    }
    Ok(())
}
