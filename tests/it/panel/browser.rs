//! Every screen in a real browser; see `tests/e2e`.

use std::process::Command;

use super::{PASSWORD, Panel};

#[tokio::test]
async fn every_screen_works_in_a_browser_in_both_themes_and_on_a_phone() {
    let panel = Panel::new().await;
    let world = &panel.world;
    for value in 0..10 {
        world.enqueue(
            "debug.echo",
            &format!(r#"{{"value":{value}}}"#),
            &["--tag", "demo"],
        );
    }
    let root = env!("CARGO_MANIFEST_DIR");
    let installed = Command::new(format!("{root}/tests/e2e/install.sh")).status();
    assert!(installed.unwrap().success(), "tests/e2e/install.sh");
    let run = Command::new("node")
        .arg(format!("{root}/tests/e2e/panel.mjs"))
        .env("PANEL_URL", format!("http://127.0.0.1:{}", panel.port))
        .env("PANEL_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    let complained = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}{complained}");
}
