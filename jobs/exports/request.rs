//! A payload that was understood: every name resolved, every value of the right type.
//!
//! Only the time zone is left as text, because PostgreSQL is who knows time zones.

use crm_job_contract::exports::ExportRecords;
use rouage::JobError;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::exports::columns::{self, Column};
use crate::exports::dataset::{Dataset, Owner};
use crate::exports::filters::{self, Condition};
use crate::exports::format::Format;

/// The time zone of file names, where the CRM's users are.
const TIME_ZONE: &str = "Europe/Paris";

/// What to export, for whom.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) dataset: &'static Dataset,
    pub(super) format: Format,
    /// Whether the file is put into an archive.
    pub(super) zip: bool,
    /// Whether a workbook gets a sheet of statistics.
    pub(super) charts: bool,
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
        let format = dataset.format(&job.format)?;
        if dataset.owner == Owner::Subject && !(job.columns.is_empty() && job.ids.is_empty()) {
            let message = format!("{} takes neither columns nor ids", dataset.name);
            return Err(JobError::discard(message));
        }
        let report = if format == Format::Pdf {
            dataset.report
        } else {
            &[]
        };
        let columns = columns::choose(dataset.columns, report, &job.columns, dataset.name)?;
        let wanted = with_defaults(dataset, job);
        let mut conditions = filters::parse(dataset.filters, &wanted, dataset.name, job.user_id)?;
        if !job.ids.is_empty() {
            conditions.push(Condition::Among(job.ids.clone()));
        }
        Ok(Self {
            dataset,
            format,
            zip: job.zip,
            charts: job.include_charts,
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

/// The filters of the payload; of one account's data, that account's own unless another is named.
fn with_defaults(dataset: &Dataset, job: &ExportRecords) -> BTreeMap<String, Value> {
    let mut wanted = job.filters.clone();
    if dataset.owner == Owner::Subject {
        let is_set = |value: &Value| !value.is_null() && value.as_str() != Some("");
        wanted.retain(|_, value| is_set(value));
        wanted
            .entry("user_id".to_owned())
            .or_insert(json!(job.user_id));
        wanted
            .entry("include_access_logs".to_owned())
            .or_insert(json!(false));
    }
    wanted
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

impl Request {
    /// The account whose data are exported, if it is one's.
    pub(super) fn subject(&self) -> Option<i32> {
        let about = self
            .conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Number(_, id) => Some(*id),
                _ => None,
            });
        about.filter(|_| self.dataset.owner == Owner::Subject)
    }

    /// Whether it holds who accessed that account's data.
    pub(super) fn includes_access_logs(&self) -> bool {
        self.dataset.owner == Owner::Subject
            && !self
                .conditions
                .iter()
                .any(|condition| matches!(condition, Condition::Holds(_)))
    }

    /// The end of the finished file's name.
    pub(super) fn extension(&self) -> &'static str {
        if self.zip { "zip" } else { self.format.name() }
    }
}

impl Language {
    /// Its code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }

    /// The one of two texts that is in this language.
    pub(super) const fn of_two(self, [french, english]: [&'static str; 2]) -> &'static str {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }

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
            (json!({ "dataset": "tasks" }), "data set \"tasks\""),
            (json!({ "format": "xml" }), "format of people \"xml\""),
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
    fn one_s_own_data_without_access_logs_are_what_a_bare_subject_request_means() {
        let request = Request::parse(&job(
            &json!({ "dataset": "rgpd_subject", "format": "json" }),
        ))
        .unwrap();
        assert_eq!(
            (request.subject(), request.includes_access_logs()),
            (Some(1), false)
        );
        let filters = json!({ "user_id": "5", "include_access_logs": true });
        let request =
            job(&json!({ "dataset": "rgpd_subject", "format": "json", "filters": filters }));
        let request = Request::parse(&request).unwrap();
        assert_eq!(
            (request.subject(), request.includes_access_logs()),
            (Some(5), true)
        );
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
