//! The examples of the guide, run as they stand there.

use std::path::Path;
use std::process::Command;

use super::Api;

#[tokio::test]
async fn the_examples_of_the_guide_do_what_it_says() {
    let api = Api::with("jobs:enqueue,jobs:read,jobs:cancel,payloads:read", &[]).await;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/enqueue-over-http.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let blocks = guide.split("```sh\n").skip(1);
    let examples: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .filter(|block| block.contains("curl"))
        .collect();
    assert!(examples.len() >= 5, "{}", examples.len());
    for example in examples {
        let script = example
            .replace(
                "https://worker.example.org",
                &format!("http://127.0.0.1:{}", api.port),
            )
            .replace("curl ", "curl --fail-with-body --silent --show-error ");
        let mut shell = Command::new("sh");
        shell.args(["-e", "-u", "-c", &script]);
        shell.env("TOKEN", &api.token).env("JOB", api.echo(1));
        let ended = shell.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{example}\n{said}\n{wrong}");
        serde_json::from_str::<serde_json::Value>(&said).unwrap();
    }
}
