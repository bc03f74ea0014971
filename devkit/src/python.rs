//! Real Python clients for tests: Celery, `SQLAlchemy`, `schemathesis`, each in a folder of its own.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Doing, ServerError};

/// Python with the packages of `devkit/python/NAME.txt` and nothing else; installs them if they are
/// missing.
pub fn python(name: &str) -> Result<Command, ServerError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let install = root.join("scripts/python-env.sh");
    let installed = Command::new(&install)
        .arg(name)
        .output()
        .doing(format!("run {}", install.display()))?;
    if !installed.status.success() {
        return Err(ServerError::CommandFailed {
            command: format!("{} {name}", install.display()),
            output: String::from_utf8_lossy(&installed.stderr).into_owned(),
        });
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut python = Command::new("python3");
    python
        .env("PYTHONPATH", target.join("python").join(name))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    Ok(python)
}
