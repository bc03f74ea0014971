//! What jobs bring with them is text, wherever it is shown.

use super::Panel;

const CORPUS: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</title><h1>gotcha",
    "</textarea><b>x",
    "{{7*7}}{% raw %}",
    "javascript:alert(1)",
    "../../etc/passwd",
    "\u{202e}gnp.exe<!--",
];

#[tokio::test]
async fn markup_in_every_field_of_a_job_is_shown_as_text() {
    let panel = Panel::new().await;
    for text in CORPUS {
        let payload = serde_json::json!({ "value": text }).to_string();
        let id = panel.world.enqueue(
            "debug.echo",
            &payload,
            &["--in", "1h", "--tag", text, "--unique", text],
        );
        let form: String = format!("reason={}", encoded(text));
        panel.post("otto", "/queues/debug/pause", &form);
        for path in [
            "/".to_owned(),
            "/queues/debug".to_owned(),
            format!("/jobs?q={}", encoded(text)),
            format!("/jobs?q=tag:{}", encoded(&format!("{text:?}"))),
            "/jobs?q=state:scheduled".to_owned(),
            format!("/jobs/debug/{id}?payload=shown"),
            format!("/jobs/debug/{id}/edit"),
            format!("/jobs/debug/{}", encoded(text)),
            format!("/queues/{}", encoded(text)),
            format!("/batches/{}", encoded(text)),
            format!("/operations/{}", encoded(text)),
            format!("/audit?who={}", encoded(text)),
            "/audit".to_owned(),
        ] {
            let page = panel.get("ana", &path);
            assert!(page.status < 500, "{path}: {}", page.status);
            for raw in [
                "<script>alert",
                "<img src=x",
                "<svg onload",
                "<h1>gotcha",
                "<b>x",
                "gnp.exe<!--",
            ] {
                assert!(!page.body.contains(raw), "{path}: {}", page.body);
            }
            assert!(!page.body.contains("href=\"javascript:"), "{path}");
        }
        panel.post("otto", "/queues/debug/resume", "");
    }
}

#[tokio::test]
async fn a_path_cannot_break_a_header_and_a_form_cannot_lead_away() {
    let panel = Panel::new().await;
    let evil = "/queues/a%0d%0aSet-Cookie:%20x=y/resume";
    let answer = panel.post("ana", evil, "");
    assert!(
        answer.status < 500 && answer.header("set-cookie").is_none(),
        "{answer:?}"
    );
    let away = panel.post("ana", "/settings", "theme=dark&back=//evil.example");
    assert_eq!(away.header("location"), Some("/"));
}

/// A text as an address has it.
fn encoded(text: &str) -> String {
    let each: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    each.concat()
}
