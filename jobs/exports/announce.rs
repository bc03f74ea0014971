//! Who must know about a finished export: the access log and the user.
//!
//! Both rows are written in the transaction that makes the record ready, so there is one of
//! each per file, whatever is killed when. The log has the names of the filters and not their
//! values, which may be somebody's name; the record has them.

use chrono::{DateTime, Utc};
use crm_job_contract::exports::ExportFile;
use rouage::JobError;
use serde_json::json;
use sqlx::PgConnection;

use crate::exports::request::{Language, Request};

/// Writes that the user took these records out of the CRM.
///
/// The log's entity is the data set in the plural and the export's id: the singular names are
/// those of single rows with their own ids, as here the account whose data were exported.
pub(super) async fn log_access(
    connection: &mut PgConnection,
    request: &Request,
    file: &ExportFile,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let details =
        json!({ "rows": file.rows, "sha256": file.sha256, "filters": request.filter_names });
    let (entity, id) = match request.subject() {
        Some(subject) => ("user", subject),
        None => (request.dataset.name, i32::try_from(file.export_id)?),
    };
    let (dataset, format) = (request.dataset.name, request.format.name());
    sqlx::query(
        "INSERT INTO public.data_access_logs \
         (entity_type, entity_id, access_type, endpoint, purpose, user_id, extra_data, accessed_at) \
         VALUES ($1, $2, 'export', $3, 'export requested by the user', $4, $5, $6)",
    )
    .bind(entity)
    .bind(id)
    .bind(format!("/api/v1/exports/{dataset}/{format}"))
    .bind(request.user_id)
    .bind(details.to_string())
    .bind(now.naive_utc())
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells the user that the file is there.
pub(super) async fn notify(
    connection: &mut PgConnection,
    request: &Request,
    file: &ExportFile,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), JobError> {
    let hours = (expires_at - now).num_hours();
    let (title, message) = wording(request.language, file, hours);
    sqlx::query(
        "INSERT INTO public.notifications (user_id, type, priority, title, message, link, resource_type, \
         resource_id, metadata, is_read, is_archived, expires_at, created_at, updated_at) \
         VALUES ($1, 'EXPORT_READY', 'NORMAL', $2, $3, $4, 'export', $5, $6, FALSE, FALSE, $7, $8, $8)",
    )
    .bind(request.user_id)
    .bind(title)
    .bind(message)
    .bind(format!("/dashboard/exports/{}", file.export_id))
    .bind(i32::try_from(file.export_id)?)
    .bind(json!({ "export_name": file.file_name, "export_id": file.export_id }))
    .bind(expires_at)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

fn wording(language: Language, file: &ExportFile, hours: i64) -> (&'static str, String) {
    let ExportFile {
        file_name, rows, ..
    } = file;
    let plural = if *rows == 1 { "" } else { "s" };
    match language {
        Language::English => (
            "Export ready",
            format!(
                "{file_name} is ready to download: {rows} row{plural}. It is kept for {hours} hours."
            ),
        ),
        Language::French => {
            let plural = if *rows < 2 { "" } else { "s" };
            (
                "Export prêt",
                format!(
                    "{file_name} peut être téléchargé : {rows} ligne{plural}. Il est conservé {hours} heures."
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(language: Language, rows: u64) -> String {
        let file = ExportFile {
            export_id: 1,
            file_name: "people.csv".into(),
            rows,
            bytes: 0,
            sha256: String::new(),
        };
        wording(language, &file, 72).1
    }

    #[test]
    fn the_message_counts_as_its_language_does() {
        let cases = [
            (Language::French, 0, ": 0 ligne. "),
            (Language::French, 2, ": 2 lignes. "),
            (Language::English, 0, ": 0 rows. "),
            (Language::English, 1, ": 1 row. "),
        ];
        for (language, rows, part) in cases {
            let text = message(language, rows);
            assert!(text.contains(part), "{text}");
        }
    }
}
