//! Which room may use what: read from the `use` lines and paths of `src/`.
//!
//! Borders between crates are Cargo's; these are those inside the binary.

use std::fs;
use std::path::{Path, PathBuf};

/// A name in the code, and the only places where it may be.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("object_store::", &["adapters/"]),
    ("reqwest::", &["adapters/"]),
    ("tokio_rustls::", &["adapters/"]),
    ("axum::", &[]),
    (
        "rouage_panel::",
        &[
            "app/",
            "cli/",
            "store/api_tokens.rs",
            "store/deeds.rs",
            "telemetry/recorder.rs",
        ],
    ),
    ("clap::", &["cli/"]),
    ("sqlx::", &["store/"]),
    ("hyper::", &["telemetry/"]),
    ("tracing_subscriber::", &["telemetry/"]),
    ("toml::", &["config/"]),
    ("std::env::vars_os", &["config/"]),
];

/// A room, and the rooms it may not look into.
const NOT_INTO: &[(&str, &[&str])] = &[
    (
        "adapters/",
        &[
            "crate::cli",
            "crate::app",
            "crate::config",
            "crate::store",
            "crate::telemetry",
        ],
    ),
    ("app/", &["crate::cli"]),
    (
        "store/",
        &[
            "crate::cli",
            "crate::app",
            "crate::config",
            "crate::telemetry",
        ],
    ),
    (
        "telemetry/",
        &["crate::cli", "crate::app", "crate::config", "crate::store"],
    ),
    (
        "config/",
        &[
            "crate::cli",
            "crate::app",
            "crate::store",
            "crate::telemetry",
        ],
    ),
];

/// Every file of `src/` by its path in there.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_room_uses_only_what_is_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    for path in found {
        let name = path
            .strip_prefix(&source)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let text: String = code.collect::<Vec<_>>().join("\n");
        for (used, rooms) in ONLY_IN {
            let allowed = rooms.iter().any(|room| name.starts_with(room));
            assert!(
                allowed || !text.contains(used),
                "{name} uses {used}, which belongs to {rooms:?}"
            );
        }
        for (room, forbidden) in NOT_INTO {
            let looks = forbidden
                .iter()
                .find(|other| name.starts_with(room) && text.contains(*other));
            assert!(looks.is_none(), "{name} looks up into {}", looks.unwrap());
        }
    }
}
