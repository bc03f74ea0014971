//! Who is let in.

use devkit::Template;

use super::{PASSWORD, Panel, basic};
use crate::http_api::ask::Ask;
use crate::http_api::port;
use crate::world::{Worker, World};

#[tokio::test]
async fn without_a_password_there_is_the_health_page_only() {
    let panel = Panel::new().await;
    let health = Ask::new(panel.port, "GET", "/healthz").send();
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    for path in [
        "/",
        "/jobs",
        "/live",
        "/healthcheck",
        "/metrics",
        "/assets/panel.css",
        "/api/tasks",
        "/nothing",
    ] {
        let answer = Ask::new(panel.port, "GET", path).send();
        assert_eq!(answer.status, 401, "{path}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic "), "{challenge}");
        assert!(!answer.body.contains("rouage"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_panel_without_accounts_lets_nobody_in_and_says_so() {
    let panel = Panel::with(&[("CRM_WORKER__PANEL__USERS", "")]).await;
    for password in ["", PASSWORD] {
        let answer = Ask::new(panel.port, "GET", "/")
            .header("Authorization", basic("ana", password))
            .send();
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("panel hash-password"), "{answer:?}");
    }
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_the_eleventh_is_slowed_down() {
    let panel = Panel::new().await;
    let wrong = || {
        let ask = Ask::new(panel.port, "GET", "/");
        ask.header("Authorization", basic("ana", "wrong horse"))
            .send()
    };
    for _ in 0..10 {
        assert_eq!(wrong().status, 401);
    }
    let slowed = wrong();
    assert_eq!(slowed.status, 429);
    assert!(slowed.header("retry-after").is_some());
}

#[tokio::test]
async fn an_address_behind_a_trusted_proxy_is_slowed_down_alone() {
    let panel = Panel::with(&[("CRM_WORKER__PANEL__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let from = |address: &str, password: &str| {
        let ask = Ask::new(panel.port, "GET", "/").header("X-Forwarded-For", address);
        ask.header("Authorization", basic("ana", password))
            .send()
            .status
    };
    for _ in 0..10 {
        from("192.0.2.1", "wrong horse");
    }
    assert_eq!(from("192.0.2.1", "wrong horse"), 429);
    assert_eq!(from("192.0.2.2", PASSWORD), 200);
}

#[tokio::test]
async fn a_hash_from_the_command_line_and_flowers_password_let_in() {
    let world = World::new(Template::Empty).await;
    let password = world.home.path().join("password");
    std::fs::write(&password, "tr0ub4dor & 3\n").unwrap();
    let mut command = world.command();
    command.args(["panel", "hash-password"]);
    command.stdin(std::fs::File::open(&password).unwrap());
    let hash = crate::world::end_of(&mut command).good();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let serve = |variable: &str, value: &str| {
        let mut command = world.command();
        command.env("CRM_WORKER__PANEL__BIND", "127.0.0.1:0");
        Worker::start(command.env(variable, value).arg("run"))
    };
    let status = |worker: &Worker, name: &str, password: &str| {
        let ask = Ask::new(port(worker), "GET", "/");
        ask.header("Authorization", basic(name, password))
            .send()
            .status
    };
    let ours = serve("CRM_WORKER__PANEL__USERS", &format!("eve:admin:{hash}"));
    assert_eq!(status(&ours, "eve", "tr0ub4dor & 3"), 200);
    assert_eq!(status(&ours, "eve", "tr0ub4dor"), 401);
    let theirs = serve("FLOWER_BASIC_AUTH", "flo:wer");
    assert_eq!(status(&theirs, "flo", "wer"), 200);
    let warning = theirs.logged("Flower's password in clear");
    assert!(!warning.to_string().contains("wer\""), "{warning}");
}

#[tokio::test]
async fn pages_let_nothing_from_elsewhere_in() {
    let panel = Panel::new().await;
    let page = panel.get("ana", "/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    assert!(page.header("access-control-allow-origin").is_none());
    for inline in [
        " style=",
        "<script>",
        " onclick=",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!page.body.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn below_a_base_path_every_link_is_below_it() {
    let panel = Panel::with(&[("CRM_WORKER__PANEL__BASE_PATH", "/ops/jobs/")]).await;
    let page = panel.get("ana", "/ops/jobs");
    assert_eq!(page.status, 200);
    for part in page
        .body
        .split("href=\"")
        .skip(1)
        .chain(page.body.split("action=\"").skip(1))
    {
        let path = part.split('"').next().unwrap();
        assert!(
            path.starts_with("/ops/jobs/") || path.starts_with('#'),
            "{path}"
        );
    }
    let css = page
        .body
        .split("rel=\"stylesheet\" href=\"")
        .nth(1)
        .unwrap();
    let css = css.split('"').next().unwrap();
    assert_eq!(panel.get("ana", css).status, 200);
    assert_eq!(panel.get("ana", "/jobs").status, 404);
    assert_eq!(Ask::new(panel.port, "GET", "/healthz").send().status, 200);
    let told = panel.post("ana", "/ops/jobs/settings", "theme=dark&back=/queues");
    assert_eq!(told.header("location"), Some("/ops/jobs/queues"));
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let panel = Panel::new().await;
    panel.world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let ask = panel.ask("ana", "POST", "/queues/debug/pause");
        let answer = ask
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header(name, value)
            .body(b"reason=x")
            .send();
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    let client = panel.world.client().await;
    assert!(client.queue_view("debug").await.unwrap().paused.is_none());
}
