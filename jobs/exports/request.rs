//! A payload that was understood: every name resolved, every value of the right type.
//!
//! Only the time zone is left as text, because PostgreSQL is who knows time zones.

use crm_job_contract::exports::ExportRecords;
use rouage::JobError;

use crate::exports::columns::{self, Column};
use crate::exports::dataset::Dataset;
use crate::exports::filters::{self, Condition};
use crate::exports::unknown::unknown;

/// The formats there are.
const FORMATS: [&str; 1] = ["csv"];
/// The time zone of file names, where the CRM's users are.
const TIME_ZONE: &str = "Europe/Paris";

/// What to export, for whom.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) dataset: &'static Dataset,
    /// In the order of the file.
    pub(super) columns: Vec<&'static Column>,
    pub(super) conditions: Vec<Condition>,
    /// The names of the filters that are set, for the access log.
    pub(super) filter_names: Vec<String>,
    /// The expression after `ORDER BY`.
    pub(super) sort: &'static str,
    pub(super) user_id: i32,
    pub(super) time_zone: String,
    pub(super) language: Language,
}

/// The language of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    French,
    English,
}

impl Request {
    /// Resolves every name; a permanent failure at the first one that does not exist.
    pub(super) fn parse(job: &ExportRecords) -> Result<Self, JobError> {
        let dataset = Dataset::named(&job.dataset)?;
        if !FORMATS.contains(&job.format.as_str()) {
            return Err(unknown("format", &job.format, &FORMATS));
        }
        let columns = columns::choose(dataset.columns, &job.columns, dataset.name)?;
        let mut conditions = filters::parse(dataset.filters, &job.filters, dataset.name)?;
        if !job.ids.is_empty() {
            conditions.push(Condition::Among(job.ids.clone()));
        }
        Ok(Self {
            dataset,
            columns,
            conditions,
            filter_names: filter_names(job),
            sort: dataset.sort(job.sort.as_deref())?,
            user_id: job.user_id,
            time_zone: job.tz.clone().unwrap_or_else(|| TIME_ZONE.to_owned()),
            language: Language::of(job.locale.as_deref()),
        })
    }
}

fn filter_names(job: &ExportRecords) -> Vec<String> {
    let set = job
        .filters
        .iter()
        .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""));
    let mut names: Vec<_> = set.map(|(name, _)| name.clone()).collect();
    if !job.ids.is_empty() {
        names.push("ids".to_owned());
    }
    names
}

impl Language {
    /// English for `en`, `en-GB`, `en_US`…; French for everything else.
    fn of(locale: Option<&str>) -> Self {
        let language = locale.and_then(|locale| locale.split(['-', '_']).next());
        match language {
            Some(language) if language.eq_ignore_ascii_case("en") => Self::English,
            _ => Self::French,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(changes: &serde_json::Value) -> ExportRecords {
        let mut payload = json!({ "dataset": "people", "user_id": 1 });
        for (key, value) in changes.as_object().unwrap() {
            payload[key] = value.clone();
        }
        serde_json::from_value(payload).unwrap()
    }

    #[test]
    fn a_bare_request_is_all_columns_in_the_usual_order_at_paris_in_french() {
        let request = Request::parse(&job(&json!({}))).unwrap();
        assert_eq!(request.columns.len(), 15);
        assert_eq!(request.sort, "t.created_at DESC, t.id DESC");
        assert_eq!(
            (request.time_zone.as_str(), request.language),
            ("Europe/Paris", Language::French)
        );
        assert!(request.conditions.is_empty());
    }

    #[test]
    fn ids_narrow_the_rows_and_are_named_in_the_log() {
        let request = Request::parse(&job(
            &json!({ "ids": [2, 1], "filters": { "search": "x", "role": "" } }),
        ))
        .unwrap();
        assert_eq!(
            request.conditions.last(),
            Some(&Condition::Among(vec![2, 1]))
        );
        assert_eq!(request.filter_names, ["search", "ids"]);
    }

    #[test]
    fn every_unknown_name_is_a_permanent_failure_that_names_it() {
        let cases = [
            (json!({ "dataset": "mandats" }), "data set \"mandats\""),
            (json!({ "format": "xlsx" }), "format \"xlsx\""),
            (
                json!({ "columns": ["id", "salary"] }),
                "column of people \"salary\"",
            ),
            (
                json!({ "filters": { "city": "Paris" } }),
                "filter of people \"city\"",
            ),
            (json!({ "sort": "id" }), "order of people \"id\""),
        ];
        for (changes, named) in cases {
            let error = Request::parse(&job(&changes)).unwrap_err();
            assert!(matches!(error, JobError::Discard(_)), "{error}");
            let text = error.to_string();
            assert!(text.contains(named) && text.contains("allowed: "), "{text}");
        }
    }

    #[test]
    fn every_kind_of_english_is_english() {
        for (locale, language) in [
            (Some("en"), Language::English),
            (Some("en-GB"), Language::English),
            (Some("EN_us"), Language::English),
            (Some("fr-FR"), Language::French),
            (Some("de"), Language::French),
            (None, Language::French),
        ] {
            assert_eq!(Language::of(locale), language, "{locale:?}");
        }
    }
}
