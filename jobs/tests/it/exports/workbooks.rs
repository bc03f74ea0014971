//! Workbooks, read back by openpyxl.

use chrono::{Datelike, Timelike};
use devkit::crm;
use serde_json::{Value, json};

use crate::world::{World, context, parse};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/exports/read_workbook.py"
);

fn read(path: &std::path::Path) -> Value {
    let output = devkit::python("exports")
        .unwrap()
        .arg(SCRIPT)
        .arg(path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn workbook(world: &World, mut payload: Value) -> Value {
    payload["format"] = json!("xlsx");
    let cx = context(1);
    let file = world.attempt(&cx, payload).await.unwrap();
    let path = world.path_as(cx.id(), "xlsx");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), file.bytes);
    assert_eq!(file.file_name.rsplit_once('.').unwrap().1, "xlsx");
    let read = read(&path);
    assert_eq!(read["rows"].as_array().unwrap().len() as u64, file.rows);
    read
}

/// Equal; a time to the millisecond, which is what openpyxl reads.
fn is_same(cell: &str, csv: &str) -> bool {
    let time = |text| chrono::DateTime::parse_from_rfc3339(text).ok();
    let (Some(cell), Some(csv)) = (time(cell), time(csv)) else {
        return cell == csv;
    };
    let apart = (cell - csv).abs();
    // A cell is a time of the wall clock: of an hour that comes twice it cannot tell which one it is.
    let twice = apart.num_minutes() == 59 || apart.num_minutes() == 60;
    let utc = csv.to_utc();
    let is_that_hour = utc.month() == 10 && utc.day() >= 25 && utc.hour() < 2;
    apart <= chrono::TimeDelta::milliseconds(1) || (twice && is_that_hour)
}

#[tokio::test]
async fn the_rows_of_every_workbook_are_those_of_the_csv_file() {
    let world = World::small().await;
    for dataset in [
        "people",
        "organisations",
        "mandats",
        "campaigns",
        "mailing_lists",
        "email_sends",
    ] {
        let payload = json!({ "dataset": dataset, "user_id": crm::ADMIN_ID });
        let book = workbook(&world, payload.clone()).await;
        let cx = context(1);
        world.attempt(&cx, payload).await.unwrap();
        let csv = parse(&world.bytes(cx.id()));
        assert!(csv.len() > 3, "{dataset} has rows");
        let rows = book["rows"].as_array().unwrap();
        for (row, csv) in rows.iter().zip(&csv[1..]) {
            let row: Vec<String> = serde_json::from_value(row.clone()).unwrap();
            assert_eq!(row.len(), csv.len());
            for (cell, csv) in row.iter().zip(csv) {
                assert!(is_same(cell, csv), "{dataset}: {cell:?} is not {csv:?}");
            }
        }
    }
}

#[tokio::test]
async fn formulas_that_somebody_typed_are_texts_that_are_marked_as_such() {
    let world = World::small().await;
    let people = json!({ "dataset": "people", "user_id": crm::ADMIN_ID });
    let book = workbook(&world, people).await;
    let neutralised = book["rows"].as_array().unwrap().iter().flat_map(|row| {
        row.as_array()
            .unwrap()
            .iter()
            .filter(|cell| cell.as_str().unwrap().starts_with('\''))
    });
    let neutralised = neutralised.count();
    assert!(neutralised > 5);
    assert_eq!(book["marked"], json!(neutralised));
}

#[tokio::test]
async fn a_workbook_of_organisations_has_formats_a_filter_and_charts() {
    let world = World::small().await;
    let payload = json!({ "dataset": "organisations", "user_id": crm::ADMIN_ID });
    let book = workbook(&world, payload.clone()).await;
    let total = world.count("SELECT count(*) FROM organisations").await;
    assert_eq!(book["sheets"], json!(["Organisations", "Statistiques"]));
    assert_eq!(book["titles"][1], "Nom");
    assert_eq!(book["filter"], format!("A1:P{}", total + 1));
    assert_eq!(book["frozen"], "A2");
    assert_eq!(book["header"], json!([true, "FFFFFFFF", "FF366092", 11.0]));
    let formats = ["#,##0.00 \"€\"", "General", "dd/mm/yyyy"];
    assert_eq!(book["formats"], json!(formats));
    assert_eq!(book["charts"], json!([0, 2]));
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "SELECT coalesce(lower(category::text), '—'), count(*) FROM organisations GROUP BY 1",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    let statistics = book["statistics"].as_array().unwrap();
    assert_eq!(statistics[0], json!(["Catégorie", "Nombre"]));
    for (category, count) in counted {
        assert!(statistics.contains(&json!([category, count])), "{category}");
    }
    let mut plain = payload;
    plain["include_charts"] = json!(false);
    plain["locale"] = json!("en");
    let book = workbook(&world, plain).await;
    assert_eq!(book["sheets"], json!(["Organisations"]));
    assert_eq!(book["titles"][1], "Name");
}

#[tokio::test]
async fn the_sheet_of_people_looks_like_the_crm_s_also_without_rows() {
    let world = World::small().await;
    let payload = json!({ "dataset": "people", "user_id": crm::NO_TEAM_ID });
    let book = workbook(&world, payload).await;
    assert_eq!(book["sheets"], json!(["Personnes"]));
    assert_eq!(book["header"], json!([true, "FFFFFFFF", "FF4472C4", 12.0]));
    assert_eq!(book["rows"], json!([]));
}
