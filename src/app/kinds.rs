//! From a kind's name and a JSON text to a job that certainly decodes.
//!
//! The one table of payload types outside the contract: a text that does not fit its kind is
//! refused before it is stored, instead of being held by a worker later. A test compares the
//! table with the contract's list of kinds.

use anyhow::{Context, anyhow};
use crm_job_contract::{KINDS, backups, debug, exports, maintenance};
use rouage::{Job, NewJob};
use rouage_panel::{KindCatalog, KindInfo, Refusal};

use crate::suggest;

type Build = fn(&str) -> anyhow::Result<NewJob>;

const BUILDERS: &[(&str, Build)] = &[
    (
        backups::ApplyRetention::KIND,
        build::<backups::ApplyRetention>,
    ),
    (backups::DumpDatabase::KIND, build::<backups::DumpDatabase>),
    (backups::Report::KIND, build::<backups::Report>),
    (backups::RestoreDrill::KIND, build::<backups::RestoreDrill>),
    (backups::Upload::KIND, build::<backups::Upload>),
    (backups::VerifyDump::KIND, build::<backups::VerifyDump>),
    (debug::Echo::KIND, build::<debug::Echo>),
    (debug::Effect::KIND, build::<debug::Effect>),
    (debug::Fail::KIND, build::<debug::Fail>),
    (debug::Sleep::KIND, build::<debug::Sleep>),
    (
        exports::ExportRecords::KIND,
        build::<exports::ExportRecords>,
    ),
    (exports::PurgeExpired::KIND, build::<exports::PurgeExpired>),
    (
        maintenance::AdvanceTrials::KIND,
        build::<maintenance::AdvanceTrials>,
    ),
    (
        maintenance::CheckCertificates::KIND,
        build::<maintenance::CheckCertificates>,
    ),
    (
        maintenance::DeleteOldRows::KIND,
        build::<maintenance::DeleteOldRows>,
    ),
    (
        maintenance::RemindInteractions::KIND,
        build::<maintenance::RemindInteractions>,
    ),
    (
        maintenance::ReportCompliance::KIND,
        build::<maintenance::ReportCompliance>,
    ),
];

/// A job of that kind with the kind's queue and policy.
pub(crate) fn new_job(kind: &str, payload: &str) -> anyhow::Result<NewJob> {
    let found = BUILDERS.iter().find(|(name, _)| *name == kind);
    let Some((_, build)) = found else {
        return Err(unknown(kind));
    };
    build(payload)
}

fn build<J: Job>(payload: &str) -> anyhow::Result<NewJob> {
    let mut json = serde_json::Deserializer::from_str(payload);
    let job: J = serde_path_to_error::deserialize(&mut json)
        .with_context(|| format!("payload does not fit {}", J::KIND))?;
    json.end()
        .with_context(|| format!("payload does not fit {}", J::KIND))?;
    Ok(NewJob::from_job(&job)?)
}

fn unknown(kind: &str) -> anyhow::Error {
    anyhow!("unknown kind {kind:?}; hint: {}", hint(kind))
}

fn hint(kind: &str) -> String {
    let names = || KINDS.iter().map(|known| known.kind);
    suggest::closest(kind, names()).map_or_else(
        || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        |known| format!("did you mean {known}?"),
    )
}

/// The kinds as the HTTP API shows and checks them.
#[derive(Debug)]
pub(super) struct Catalog(Vec<KindInfo>);

impl Catalog {
    /// All kinds of the contract, with their schemas.
    pub(super) fn new() -> Self {
        let schemas = crm_job_contract::schemas();
        let info = |known: &crm_job_contract::KindInfo| {
            let schema = schemas.iter().find(|(kind, _)| *kind == known.kind);
            KindInfo {
                kind: known.kind.to_owned(),
                queue: known.queue.to_owned(),
                summary: known.summary.to_owned(),
                schema: schema
                    .map_or_else(Default::default, |(_, schema)| schema.as_value().clone()),
            }
        };
        Self(KINDS.iter().map(info).collect())
    }
}

impl KindCatalog for Catalog {
    fn kinds(&self) -> &[KindInfo] {
        &self.0
    }

    fn new_job(&self, kind: &str, payload: &str) -> Result<NewJob, Refusal> {
        if !KINDS.iter().any(|known| known.kind == kind) {
            return Err(Refusal::unknown_kind(hint(kind)));
        }
        new_job(kind, payload).map_err(|error| match error.downcast_ref() {
            Some(misfit) => Refusal::payload(misfit),
            // The rest of the reasons quote nothing.
            None => Refusal::because("does not fit the kind, or is too large"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_contract_can_be_built_and_no_other() {
        let builders: Vec<&str> = BUILDERS.iter().map(|(kind, _)| *kind).collect();
        let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.kind).collect();
        assert_eq!(builders, kinds);
    }

    #[test]
    fn a_payload_is_checked_and_takes_its_kinds_queue() {
        let job = new_job(
            "exports.export_records",
            r#"{"dataset":"people","user_id":"7"}"#,
        )
        .unwrap();
        assert_eq!(job.queue, "exports");
        assert_eq!(
            job.envelope.payload.get(),
            r#"{"dataset":"people","format":"csv","user_id":7}"#
        );
        let error = new_job("exports.export_records", r#"{"dataset":"people"}"#).unwrap_err();
        assert!(
            format!("{error:#}")
                .contains("payload does not fit exports.export_records: missing field")
        );
    }

    #[test]
    fn a_wrong_field_is_named_and_its_value_is_not_told_to_callers() {
        let payload = r#"{"dataset":"people","user_id":7,"ids":["ann@example.org"]}"#;
        let told = new_job("exports.export_records", payload).unwrap_err();
        assert!(
            format!("{told:#}").contains(": ids[0]: invalid type"),
            "{told:#}"
        );
        let refused = Catalog::new().new_job("exports.export_records", payload);
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(
            refused.contains("/payload/ids/0") && !refused.contains("ann"),
            "{refused}"
        );
    }

    #[test]
    fn an_unknown_kind_is_answered_with_its_neighbour_or_all_names() {
        let near = new_job("export.export_records", "{}")
            .unwrap_err()
            .to_string();
        assert!(
            near.ends_with("hint: did you mean exports.export_records?"),
            "{near}"
        );
        let far = new_job("x", "{}").unwrap_err().to_string();
        assert!(far.contains("there are backups.apply_retention, "), "{far}");
    }
}
