//! What the layers do, without touching the process' environment.

use std::fs;
use std::path::PathBuf;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> environment::Variables {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A file with that text in a folder of its own.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm-worker.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn problems(text: &str, pairs: &[(&str, &str)]) -> Vec<Problem> {
    let (_folder, path) = file(text);
    load_with(Some(&path), &variables(pairs)).unwrap_err().0
}

#[test]
fn the_defaults_alone_are_valid_and_documented() {
    let config = load_with(None, &variables(&[])).unwrap();
    assert!(config.settings.redis.url.is_none());
    assert!(config.show().iter().all(|shown| shown.source == "default"));
    for line in DEFAULTS.lines().filter(|line| line.contains(" = ")) {
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn the_queues_are_those_of_the_kinds() {
    let config = load_with(None, &variables(&[])).unwrap();
    let mut queues: Vec<&str> = crm_job_contract::KINDS
        .iter()
        .map(|kind| kind.queue)
        .collect();
    queues.sort_unstable();
    queues.dedup();
    let known: Vec<&String> = config.settings.worker.queues.keys().collect();
    assert_eq!(known, queues);
}

#[test]
fn a_file_covers_the_crms_variables_and_ours_cover_the_file() {
    let (_folder, path) = file("[log]\nlevel = 'warn'\n[worker]\ngrace_s = 7\n");
    let config = load_with(
        Some(&path),
        &variables(&[
            ("RUST_LOG", "trace"),
            ("CRM_WORKER__WORKER__GRACE_S", "9"),
            ("REDIS_URL", "redis://r"),
        ]),
    )
    .unwrap();
    assert_eq!(config.settings.log.level, "warn");
    assert_eq!(config.settings.worker.grace.as_secs(), 9);
    assert_eq!(config.origin("log.level"), &Origin::File(path, 2));
    assert_eq!(
        config.origin("worker.grace_s").to_string(),
        "CRM_WORKER__WORKER__GRACE_S"
    );
    assert_eq!(config.origin("redis.url").to_string(), "REDIS_URL");
}

#[test]
fn unknown_keys_and_variables_are_refused_with_their_neighbour() {
    let found = problems(
        "[worker]\ngrace = 7\n",
        &[
            ("CRM_WORKER__REDIS__ULR", "x"),
            ("CRM_WORKER_REDIS_URL", "x"),
        ],
    );
    let texts: Vec<String> = found
        .iter()
        .map(|p| format!("{} / {}", p.message, p.hint))
        .collect();
    assert!(
        texts[0].starts_with("unknown key worker.grace (") && texts[0].contains(":2)"),
        "{texts:?}"
    );
    assert!(
        texts[0].ends_with("did you mean worker.grace_s?"),
        "{texts:?}"
    );
    assert_eq!(
        texts[1],
        "unknown variable CRM_WORKER__REDIS__ULR / did you mean CRM_WORKER__REDIS__URL?"
    );
    assert_eq!(
        texts[2],
        "unknown variable CRM_WORKER_REDIS_URL / did you mean CRM_WORKER__REDIS__URL?"
    );
}

#[test]
fn wrong_types_and_ranges_name_key_value_origin_and_range() {
    let found = problems(
        "[database]\nmax_connections = '5'\n",
        &[("CRM_WORKER__WORKER__BEAT_S", "0")],
    );
    let texts: Vec<&str> = found
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert!(
        texts[0].starts_with("database.max_connections is \"5\" ("),
        "{texts:?}"
    );
    assert!(
        texts[0].ends_with("allowed: a whole number from 1 to 100"),
        "{texts:?}"
    );
    assert_eq!(
        texts[1],
        "worker.beat_s is 0 (CRM_WORKER__WORKER__BEAT_S); allowed: a whole number from 1 to 200"
    );
}

#[test]
fn a_wrong_secret_is_named_but_not_quoted() {
    let found = problems(
        "",
        &[
            ("REDIS_URL", "hunter2"),
            ("DATABASE_URL", "mysql://hunter2@h/d"),
        ],
    );
    let text = format!("{found:?}");
    assert!(text.contains("redis.url (REDIS_URL) must be"), "{text}");
    assert!(
        text.contains("database.url (DATABASE_URL) must be"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let config = load_with(None, &variables(&[("REDIS_URL", "redis://:hunter2@h")])).unwrap();
    let shown = serde_json::to_string(&config.show()).unwrap();
    let text = format!("{config:?} {shown}");
    assert!(!text.contains("hunter2"), "{text}");
    let shown = config.show();
    let url = shown.iter().find(|shown| shown.key == "redis.url").unwrap();
    assert_eq!(url.value.to_string(), "\"********\"");
    assert_eq!(url.source, "REDIS_URL");
}

#[test]
fn a_secret_can_come_from_a_file_and_covers_a_lower_layer() {
    use secrecy::ExposeSecret;
    let (_folder, path) = file("redis://from-file\n");
    let own = ("CRM_WORKER__REDIS__URL_FILE", path.to_str().unwrap());
    let config = load_with(None, &variables(&[("REDIS_URL", "redis://lower"), own])).unwrap();
    assert_eq!(
        config.settings.redis.url.unwrap().expose_secret(),
        "redis://from-file"
    );
    let both = problems("", &[own, ("CRM_WORKER__REDIS__URL", "redis://twice")]);
    assert!(both[0].message.contains("are both set"), "{both:?}");
    let missing = problems("", &[("CRM_WORKER__REDIS__URL_FILE", "/nowhere/url")]);
    assert!(
        missing[0].message.contains("cannot read /nowhere/url"),
        "{missing:?}"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let found = problems("[worker]\nlease_s = 10\nidle_poll_s = 10\n", &[]);
    assert!(
        found[0]
            .message
            .contains("at least three times worker.beat_s, which is 5"),
        "{found:?}"
    );
    assert!(
        found[1]
            .message
            .contains("less than worker.lease_s, which is 10"),
        "{found:?}"
    );
}

#[test]
fn broken_toml_is_named_by_its_line() {
    let found = problems("[worker]\ngrace_s = = 7\n", &[]);
    assert!(
        found[0]
            .message
            .contains("crm-worker.toml:2 is not valid TOML"),
        "{found:?}"
    );
}

#[test]
fn the_example_for_production_is_valid() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/config/production.example.toml"
    );
    let config = load_with(Some(example.as_ref()), &variables(&[])).unwrap();
    assert!(config.settings.production && !config.settings.debug_jobs);
}
