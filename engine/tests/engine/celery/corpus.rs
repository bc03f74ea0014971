//! Every malformed or hostile message there is a fixture of: none ends the ingress, none is lost,
//! and after each a good task runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Scene, echo, names, parking};
use rouage::ingress::celery::{Mode, Settings};

/// A fixture's message, with an id of its own.
fn raw(fixture: &Value, folder: &Path, id: &str) -> Vec<u8> {
    const ID: &str = "00000000-0000-4000-8000-000000000900";
    if let Some(text) = fixture["raw"].as_str() {
        return text.replace(ID, id).into_bytes();
    }
    if fixture["raw_base64"].is_string() {
        // The one that is not UTF-8.
        return b"\xff\xfe{\"headers\": {}}".to_vec();
    }
    // Generated: a body nested 2000 deep.
    let base = fixture["generator"]["base"].as_str().unwrap();
    let base: Value =
        serde_json::from_str(&fs::read_to_string(folder.join(base)).unwrap()).unwrap();
    let mut envelope: Value = serde_json::from_str(base["raw"].as_str().unwrap()).unwrap();
    let deep = format!(
        "[[{}{}, 2], {{}}, {{}}]",
        "[".repeat(2000),
        "]".repeat(2000)
    );
    envelope["body"] = json!(deep);
    envelope["properties"]["body_encoding"] = Value::Null;
    envelope.to_string().replace(ID, id).into_bytes()
}

#[tokio::test]
async fn every_malformed_message_has_its_outcome_and_a_good_task_runs_after_it() {
    let scene = Scene::new().await;
    let settings = Settings {
        parked: 1000,
        ..parking()
    };
    let ingress = scene.ingress_with(settings, names(Mode::Take));
    let worker = scene.work();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/celery");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("bad-")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 40, "{} fixtures", files.len());
    for (number, path) in files.iter().enumerate() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let wanted = fixture["expect"]["foreign_worker_should"].as_str().unwrap();
        let id = format!("bad-{number}");
        let before = ingress.parking().count().await.unwrap();
        scene.push(&raw(&fixture, &folder, &id)).await;
        let good = format!("good-{number}");
        scene.push(&echo(&good, &json!(good))).await;
        scene.turns_to(&ingress, &good, "SUCCESS").await;

        let parked = ingress.parking().count().await.unwrap() - before;
        let result = scene.result(&id).await;
        let state = result.map(|result| result["status"].as_str().unwrap().to_owned());
        if wanted.contains("dead-letter") || wanted.contains("FAILURE") {
            assert_eq!(parked, 1, "{name}: {wanted}");
        } else {
            assert_eq!(parked, 0, "{name}: {wanted}");
        }
        if wanted.contains("FAILURE") && !wanted.starts_with("dead-letter or") {
            assert_eq!(state.as_deref(), Some("FAILURE"), "{name}: {wanted}");
        }
        if wanted == "dead-letter" {
            assert_eq!(state, None, "{name}: {wanted}");
        }
    }
    assert_eq!(scene.length().await, 0);
    worker.drain().await;
    scene.stage.fsck_is_clean().await;
}
