//! A machine that reads the document and tries everything it allows and forbids.

use std::process::Command;

use super::Api;

/// Requests an operation gets for each way to make them.
const EXAMPLES: &str = "25";

#[tokio::test]
async fn every_answer_is_one_that_the_document_has_and_none_is_a_server_error() {
    let settings = [
        ("CRM_WORKER__PANEL__REQUESTS_PER_SECOND", "0"),
        ("CRM_WORKER__PANEL__LONGEST_WAIT_S", "1"),
    ];
    let scopes = "jobs:enqueue,jobs:read,jobs:cancel,payloads:read";
    let api = Api::with(scopes, &settings).await;
    let document = api.ask("GET", "/api/v1/openapi.json").send();
    let home = api.world.home.path();
    std::fs::write(home.join("openapi.json"), &document.body).unwrap();
    // What a schema cannot say (a time together with a delay) is refused with 422.
    let settings = "[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 403, 404, 409, 422]\n";
    std::fs::write(home.join("schemathesis.toml"), settings).unwrap();
    let mut command = devkit::python("schemathesis").unwrap();
    let ended = run(command.current_dir(home), &api);
    assert!(ended.0, "{}", ended.1);
    let fsck = api.world.run(&["fsck"]);
    assert_eq!(fsck.code, 0, "{fsck:?}");
}

fn run(command: &mut Command, api: &Api) -> (bool, String) {
    let url = format!("http://127.0.0.1:{}", api.port);
    let authorization = format!("Authorization: Bearer {}", api.token);
    command.args([
        "-m",
        "schemathesis.cli",
        "run",
        "openapi.json",
        "--url",
        &url,
    ]);
    command.args(["--header", &authorization, "--seed", "7", "--no-color"]);
    command.args([
        "--max-examples",
        EXAMPLES,
        "--phases",
        "examples,coverage,fuzzing",
    ]);
    command.args(["--request-timeout", "30", "--generation-database", "none"]);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}
