//! What nobody should send.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Api, code};

#[tokio::test]
async fn bodies_that_are_no_json_are_problems_and_quote_nothing() {
    let api = Api::new().await;
    let deep = format!(
        r#"{{"kind":"debug.echo","payload":{{"value":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let bodies: [(&[u8], &str); 12] = [
        (b"", "malformed-body"),
        (b"secret", "malformed-body"),
        (b"{\"kind\":\"secret", "malformed-body"),
        (b"\xff\xfe\x00", "malformed-body"),
        (
            b"{\"kind\":\"debug.echo\",\"payload\":{\"value\":\"\xff\"}}",
            "malformed-body",
        ),
        (
            b"{\"kind\":\"debug.echo\",\"payload\":{\"value\":1}} secret",
            "malformed-body",
        ),
        (deep.as_bytes(), "malformed-body"),
        (b"null", "invalid-body"),
        (b"\"secret\"", "invalid-body"),
        (b"[1, \"secret\"]", "invalid-body"),
        (b"{\"jobs\":{\"secret\":1}}", "invalid-body"),
        (b"{\"kind\":{\"secret\":1},\"payload\":1}", "invalid-body"),
    ];
    for (body, expected) in bodies {
        let ask = api.ask("POST", "/api/v1/jobs");
        let answer = ask
            .header("Content-Type", "application/json")
            .body(body)
            .send();
        assert_eq!(
            code(&answer),
            expected,
            "{:.60}",
            String::from_utf8_lossy(body)
        );
        assert!(!answer.body.contains("secret"), "{answer:?}");
    }
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let api = Api::new().await;
    let body = super::echo(1);
    let with = |kind: &str| {
        let ask = api.ask("POST", "/api/v1/jobs").header("Content-Type", kind);
        ask.body(body.as_bytes()).send()
    };
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/jsonx",
    ] {
        assert_eq!(code(&with(kind)), "unsupported-media-type", "{kind}");
    }
    let none = api.ask("POST", "/api/v1/jobs").body(body.as_bytes()).send();
    assert_eq!(
        (none.status, code(&none).as_str()),
        (415, "unsupported-media-type")
    );
    assert_eq!(with("Application/JSON; charset=utf-8").status, 201);
}

#[tokio::test]
async fn text_that_would_break_a_line_or_a_key_is_refused_or_kept_as_text() {
    let api = Api::new().await;
    for text in ["a\r\nb", "a\u{0}b", "\u{1b}[31m", "a\u{85}b"] {
        let body = serde_json::json!({
            "kind": "debug.echo", "payload": { "value": 1 }, "unique": { "key": text },
        });
        assert_eq!(
            code(&api.post(&body.to_string())),
            "invalid-body",
            "{text:?}"
        );
    }
    let body = serde_json::json!({
        "kind": "debug.echo", "payload": { "value": 1 }, "delay": "1h",
        "unique": { "key": "{debug}:job' -- <script>" }, "tags": ["../../etc", "a b", "{x}"],
    });
    let receipt = api.post(&body.to_string()).json();
    let job = api
        .ask("GET", receipt["url"].as_str().unwrap())
        .send()
        .json();
    assert_eq!(job["unique"], "{debug}:job' -- <script>");
    assert_eq!(job["tags"][0], "../../etc");
    let fsck = api.world.run(&["fsck"]);
    assert_eq!(fsck.code, 0, "{fsck:?}");
}

#[tokio::test]
async fn heads_that_are_no_http_do_not_end_the_server_or_the_connection_of_others() {
    let api = Api::new().await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let heads: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for head in heads {
        let mut stream = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .unwrap();
        drop(stream.write_all(head));
        drop(stream.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
            "{answer}"
        );
    }
    assert_eq!(api.ask("GET", "/api/v1/kinds").send().status, 200);
}

#[tokio::test]
async fn redis_away_is_a_problem_that_says_to_come_again_and_payloads_are_not_logged() {
    let mut api = Api::new().await;
    api.echo(1);
    api.world.redis.kill().unwrap();
    let body = r#"{"kind":"debug.echo","payload":{"value":"ann@example.org"},"tags":["secret:7"]}"#;
    let answer = api.post(body);
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (503, "unavailable")
    );
    assert!(answer.header("retry-after").is_some());
    api.world.redis.restart().unwrap();
    crate::world::eventually("it is back", || async {
        (api.post(body).status == 201).then_some(())
    })
    .await;
    let token = api.token.clone();
    api.worker.signal("TERM");
    let log = format!("{:?}", api.worker.ended().1);
    for secret in ["ann@example.org", "secret:7", &token[7..]] {
        assert!(!log.contains(secret), "{secret}");
    }
}
