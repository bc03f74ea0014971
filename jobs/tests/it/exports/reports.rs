//! Reports, read back by pypdf, and what all formats have in common.

use std::path::Path;
use std::time::Duration;

use crm_jobs::exports::download_token::{Refusal, UrlSecret};
use devkit::crm;
use rouage::{JobError, StopReason};
use serde_json::{Value, json};

use crate::world::{NOW, World, again, attempt, context};

const SCRIPT: &str = "
import json, sys
from pypdf import PdfReader
pages = PdfReader(sys.argv[1]).pages
fonts = {name for page in pages for name in (font.get_object()['/BaseFont'] for font in page['/Resources']['/Font'].values())}
json.dump({'pages': [page.extract_text() for page in pages], 'size': [float(side) for side in pages[0].mediabox[2:]],
           'fonts': sorted(fonts)}, sys.stdout)
";

fn read(path: &Path) -> Value {
    let output = devkit::python("exports")
        .unwrap()
        .args(["-c", SCRIPT])
        .arg(path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn report(world: &World, mut payload: Value) -> Value {
    payload["format"] = json!("pdf");
    let cx = context(1);
    world.attempt(&cx, payload).await.unwrap();
    read(&world.path_as(cx.id(), "pdf"))
}

#[tokio::test]
async fn a_report_has_every_row_under_a_repeated_header_and_numbered_pages() {
    let world = World::small().await;
    world.add_people(1_000).await;
    let report = report(
        &world,
        json!({ "dataset": "people", "user_id": crm::ADMIN_ID }),
    )
    .await;
    let pages: Vec<&str> = report["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| page.as_str().unwrap())
        .collect();
    assert!(pages.len() > 10, "{}", pages.len());
    for (number, page) in (1..).zip(&pages) {
        assert!(
            page.contains(&format!("Page {number} / {}", pages.len())),
            "{page}"
        );
        assert!(page.contains("Email personnel"), "{page}");
    }
    assert!(pages[0].contains("Personnes") && pages[0].contains("Généré le 23/11/2026 à 10:30"));
    assert!(pages[0].contains("Total : 1\u{a0}200"), "{}", pages[0]);
    let text = pages.join("\n");
    for n in 1..=1_000 {
        assert!(
            text.lines()
                .any(|line| line.contains(&format!("Prénom {n}"))),
            "person {n} is missing"
        );
    }
    assert_eq!(report["size"], json!([595.28, 841.89]));
    let fonts = report["fonts"].to_string();
    assert!(
        fonts.contains("+DejaVuSansCondensed"),
        "embedded as a subset: {fonts}"
    );
}

#[tokio::test]
async fn every_table_has_a_report_with_its_usual_columns() {
    let world = World::small().await;
    for (dataset, title, column) in [
        ("organisations", "Organisations", "Catégorie"),
        ("mandats", "Mandats", "Montant"),
        ("campaigns", "Campagnes", "Envoyés"),
        ("mailing_lists", "Listes de diffusion", "Cible"),
        ("email_sends", "Envois d'emails", "Destinataire"),
    ] {
        let report = report(
            &world,
            json!({ "dataset": dataset, "user_id": crm::ADMIN_ID }),
        )
        .await;
        let first = report["pages"][0].as_str().unwrap();
        assert!(first.contains(title) && first.contains(column), "{first}");
    }
}

#[tokio::test]
async fn a_report_without_rows_is_a_page() {
    let world = World::small().await;
    let report = report(
        &world,
        json!({ "dataset": "mandats", "user_id": crm::NO_ROLE_ID, "locale": "en" }),
    )
    .await;
    assert_eq!(report["pages"].as_array().unwrap().len(), 1);
    let page = report["pages"][0].as_str().unwrap();
    assert!(
        page.contains("Mandates") && page.contains("Total: 0"),
        "{page}"
    );
}

const FORMATS: [&str; 3] = ["csv", "xlsx", "pdf"];

#[tokio::test]
async fn a_cancellation_leaves_nothing_behind_in_any_format() {
    let world = World::small().await;
    world.add_people(40_000).await;
    for format in FORMATS {
        let cx = context(1);
        let payload = json!({ "dataset": "people", "user_id": crm::ADMIN_ID, "format": format });
        let running = tokio::spawn(attempt(world.services.clone(), cx.clone(), payload));
        crate::world::until("rows are written", async || {
            cx.take_progress().is_some_and(|now| now.done > 0)
        })
        .await;
        cx.stop(StopReason::Requested);
        let result = tokio::time::timeout(Duration::from_secs(20), running).await;
        assert!(
            matches!(result.unwrap().unwrap(), Err(JobError::Cancelled)),
            "{format}"
        );
        assert_eq!(world.files(), Vec::<String>::new(), "{format}");
        assert_eq!(
            world.record(cx.id(), "status").await.as_deref(),
            Some("failed")
        );
    }
    assert_eq!(world.announcements().await, (0, 0));
}

#[tokio::test]
async fn a_kill_leaves_one_whole_file_after_a_retry_in_any_format() {
    let world = World::small().await;
    world.add_people(20_000).await;
    for (done, format) in (1..).zip(FORMATS) {
        let cx = context(1);
        let payload = json!({ "dataset": "people", "user_id": crm::ADMIN_ID, "format": format });
        let killed = tokio::spawn(attempt(world.services.clone(), cx.clone(), payload.clone()));
        crate::world::until("rows are written", async || {
            cx.take_progress().is_some_and(|now| now.done > 0)
        })
        .await;
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());
        let part = world
            .services
            .exports
            .dir
            .join(format!(".{}.aBcDeF.part", cx.id()));
        std::fs::write(part, "PK").unwrap();
        let file = world.attempt(&again(cx.id(), 2), payload).await.unwrap();
        assert_eq!(file.rows, 20_200);
        let path = world.path_as(cx.id(), format);
        assert_eq!(std::fs::metadata(path).unwrap().len(), file.bytes);
        assert_eq!(world.files().len(), done, "{:?}", world.files());
    }
}

#[tokio::test]
async fn a_ready_export_has_a_token_that_opens_it_until_it_expires() {
    let mut world = World::small().await;
    let secret = UrlSecret::new("0123456789abcdef0123456789abcdef").unwrap();
    world.services.exports.url_secret = Some(secret.clone());
    let cx = context(1);
    let payload = json!({ "dataset": "mandats", "user_id": crm::ADMIN_ID });
    let file = world.attempt(&cx, payload).await.unwrap();
    let token = world.record(cx.id(), "download_token").await.unwrap();
    let now = NOW.parse().unwrap();
    let claim = secret.verify(&token, now).unwrap();
    assert_eq!(
        (claim.export_id, claim.user_id),
        (file.export_id, crm::ADMIN_ID)
    );
    let over = now + world.services.exports.keep;
    assert_eq!(secret.verify(&token, over), Err(Refusal::Expired));
}
