//! What payloads look like on the wire, frozen.
//!
//! A payload that was enqueued yesterday must decode tomorrow: a golden that no longer decodes
//! is a bug even if every test was adapted. `UPDATE_GOLDENS=1` rewrites the files for a change
//! that is meant; read the diff before committing it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crm_job_contract::backups::{
    AppliedRetention, ApplyRetention, DumpDatabase, DumpedDatabase, Report, Reported, RestoreDrill,
    RestoredDrill, Upload, Uploaded, VerifiedDump, VerifyDump,
};
use crm_job_contract::debug::{Echo, Effect, Fail, Sleep};
use crm_job_contract::exports::{ExportFile, ExportRecords, PurgeExpired, PurgedFiles};
use crm_job_contract::maintenance::{
    AdvanceTrials, AdvancedTrials, CheckCertificates, CheckedCertificates, ComplianceReport,
    DeleteOldRows, DeletedRows, RemindInteractions, RemindedInteractions, ReportCompliance,
};
use crm_job_contract::{KINDS, schemas};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/goldens")
        .join(name)
}

/// Compares `text` with the golden file, or rewrites the file when asked to.
fn assert_golden(name: &str, text: &str) {
    let path = golden(name);
    if std::env::vars().any(|(key, value)| key == "UPDATE_GOLDENS" && value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, expected,
        "tests/goldens/{name} differs. Jobs in this shape may be waiting in a queue: if the change is meant and old \
         payloads still decode, run the test with UPDATE_GOLDENS=1 and review the diff"
    );
}

fn assert_wire<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    assert_golden(name, &text);
    let decoded: T = serde_json::from_str(&std::fs::read_to_string(golden(name)).unwrap()).unwrap();
    assert_eq!(&decoded, value, "{name} decodes to something else");
}

fn full_export() -> ExportRecords {
    ExportRecords {
        dataset: "organisations".into(),
        format: "csv".into(),
        filters: BTreeMap::from([
            ("category".into(), json!("wholesale")),
            ("is_active".into(), json!(true)),
        ]),
        ids: vec![3, 1, 2],
        columns: vec!["id".into(), "name".into()],
        sort: Some("name:asc".into()),
        user_id: 7,
        locale: Some("en".into()),
        tz: Some("Europe/Paris".into()),
        zip: true,
        include_charts: false,
    }
}

#[test]
fn every_payload_is_written_as_its_golden() {
    assert_wire(
        "debug.echo.json",
        &Echo {
            value: json!({ "a": [1, null, "é"] }),
        },
    );
    let effect = Effect {
        key: "trial:1".into(),
        ms: 500,
    };
    assert_wire("debug.effect.json", &effect);
    assert_wire("debug.sleep.json", &Sleep { ms: 1500 });
    let fail = Fail {
        message: "as asked".into(),
        permanent: true,
    };
    assert_wire("debug.fail.json", &fail);
    assert_wire("exports.export_records.json", &full_export());
    assert_wire("exports.purge_expired.json", &PurgeExpired {});
    let advance = AdvanceTrials {
        grace_days: Some(3),
    };
    assert_wire("maintenance.advance_trials.json", &advance);
    let check = CheckCertificates {
        hosts: vec!["crm.example.org:443".into()],
    };
    assert_wire("maintenance.check_certificates.json", &check);
    let delete = DeleteOldRows {
        rows: "workflow_executions".into(),
        keep_days: Some(90),
    };
    assert_wire("maintenance.delete_old_rows.json", &delete);
    assert_wire(
        "maintenance.remind_interactions.json",
        &RemindInteractions {},
    );
    assert_wire("maintenance.report_compliance.json", &ReportCompliance {});
}

#[test]
fn every_payload_and_output_of_a_backup_is_written_as_its_golden() {
    let run_id = || "01JD9W5X8K7M6N5P4Q3R2S1T0V".to_owned();
    let name = || "crm_backup_20261123_020000".to_owned();
    assert_wire("backups.apply_retention.json", &ApplyRetention {});
    let dump = DumpDatabase {
        accept_size: true,
        unless_younger_than_hours: Some(12),
    };
    assert_wire("backups.dump_database.json", &dump);
    assert_wire("backups.report.json", &Report { run_id: run_id() });
    assert_wire("backups.restore_drill.json", &RestoreDrill {});
    assert_wire("backups.upload.json", &Upload { run_id: run_id() });
    let verify = VerifyDump {
        run_id: run_id(),
        accept_size: true,
    };
    assert_wire("backups.verify_dump.json", &verify);

    let applied = AppliedRetention {
        deleted: 1,
        deleted_copies: 2,
    };
    assert_wire("backups.apply_retention.output.json", &applied);
    let dumped = DumpedDatabase {
        name: name(),
        bytes: 304_000,
        skipped: false,
    };
    assert_wire("backups.dump_database.output.json", &dumped);
    let reported = Reported {
        name: name(),
        heartbeat: true,
    };
    assert_wire("backups.report.output.json", &reported);
    let drilled = RestoredDrill {
        name: name(),
        took_ms: 4200,
    };
    assert_wire("backups.restore_drill.output.json", &drilled);
    let uploaded = Uploaded {
        places: vec!["s3://crm-backups/backups".into()],
    };
    assert_wire("backups.upload.output.json", &uploaded);
    let verified = VerifiedDump {
        tables: 64,
        rows: 120_000,
    };
    assert_wire("backups.verify_dump.output.json", &verified);
}

#[test]
fn every_output_is_written_as_its_golden() {
    let file = ExportFile {
        export_id: 12,
        file_name: "people_20261123_103000.csv".into(),
        rows: 500_000,
        bytes: 61_234_567,
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
    };
    assert_wire("exports.export_records.output.json", &file);
    let purged = PurgedFiles {
        expired: 3,
        files: 3,
        parts: 1,
    };
    assert_wire("exports.purge_expired.output.json", &purged);
    let advanced = AdvancedTrials {
        reminded: 2,
        in_grace: 1,
        expired: 1,
    };
    assert_wire("maintenance.advance_trials.output.json", &advanced);
    let checked = CheckedCertificates {
        days_left: BTreeMap::from([("crm.example.org:443".into(), 41)]),
    };
    assert_wire("maintenance.check_certificates.output.json", &checked);
    assert_wire(
        "maintenance.delete_old_rows.output.json",
        &DeletedRows { deleted: 12 },
    );
    assert_wire(
        "maintenance.remind_interactions.output.json",
        &RemindedInteractions { reminded: 4 },
    );
    let report = ComplianceReport {
        day: "2026-11-01".into(),
        users: 30,
        active_users: 25,
        anonymised_users: 2,
        dormant_users: 1,
        accesses: BTreeMap::from([("export".into(), 7)]),
    };
    assert_wire("maintenance.report_compliance.output.json", &report);
}

#[test]
fn every_kind_has_a_golden() {
    for info in KINDS {
        assert!(
            golden(&format!("{}.json", info.kind)).exists(),
            "{} has no golden",
            info.kind
        );
    }
}

#[test]
fn an_export_with_required_fields_only_decodes_with_the_defaults() {
    let export: ExportRecords =
        serde_json::from_str(r#"{"dataset":"people","user_id":"42"}"#).unwrap();
    assert_eq!((export.format.as_str(), export.user_id), ("csv", 42));
    assert!(export.filters.is_empty() && export.ids.is_empty() && export.columns.is_empty());
    assert_eq!((export.sort, export.locale, export.tz), (None, None, None));
    assert!(export.include_charts && !export.zip);
}

#[test]
fn a_failure_without_permanent_decodes_as_transient() {
    let fail: Fail = serde_json::from_str(r#"{"message":"no"}"#).unwrap();
    assert!(!fail.permanent);
}

#[test]
fn a_misspelt_field_is_refused_and_named() {
    let text = r#"{"dataset":"people","user_id":1,"filter":{}}"#;
    let error = serde_json::from_str::<ExportRecords>(text)
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `filter`"), "{error}");
}

#[test]
fn a_user_id_that_is_no_number_is_refused_without_being_quoted() {
    for user in [
        json!("ann@example.org"),
        json!(1.5),
        json!(3_000_000_000_u64),
        json!(null),
    ] {
        let payload = json!({ "dataset": "people", "user_id": user }).to_string();
        let error = serde_json::from_str::<ExportRecords>(&payload)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("ann@example.org"), "{error}");
    }
}

#[test]
fn every_schema_is_its_golden_and_accepts_the_golden_s_fields() {
    let mut described = BTreeSet::new();
    for (kind, schema) in schemas() {
        described.insert(kind);
        assert_golden(
            &format!("schemas/{kind}.json"),
            &(serde_json::to_string_pretty(&schema).unwrap() + "\n"),
        );
        let payload = std::fs::read_to_string(golden(&format!("{kind}.json"))).unwrap();
        let payload: Value = serde_json::from_str(&payload).unwrap();
        for field in payload.as_object().unwrap().keys() {
            let known = schema.pointer(&format!("/properties/{field}")).is_some();
            assert!(known, "{kind}: the schema does not know {field}");
        }
    }
    assert_eq!(
        described,
        KINDS.iter().map(|info| info.kind).collect(),
        "kinds and schemas"
    );
}

#[test]
fn kinds_are_named_and_sorted() {
    let kinds: Vec<_> = KINDS.iter().map(|info| info.kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    for info in KINDS {
        assert!(
            info.summary.ends_with('.') && info.kind.starts_with(info.queue),
            "{info:?}"
        );
    }
}
