//! Who is let in, to what, and for how long.

use devkit::Template;

use super::ask::Ask;
use super::{Api, code, create, echo};
use crate::world::{World, eventually};

#[tokio::test]
async fn without_a_token_there_is_the_health_page_only() {
    let api = Api::new().await;
    let health = Ask::new(api.port, "GET", "/healthz").send();
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    for (method, path) in [
        ("POST", "/api/v1/jobs"),
        ("GET", "/api/v1/jobs/01J"),
        ("POST", "/api/v1/jobs/01J/cancel"),
        ("GET", "/api/v1/kinds"),
        ("GET", "/api/v1/openapi.json"),
        ("DELETE", "/api/v1/kinds"),
    ] {
        let answer = Ask::new(api.port, method, path).send();
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (401, "unauthenticated"),
            "{path}"
        );
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer realm="rouage""#)
        );
    }
}

#[tokio::test]
async fn what_is_no_good_token_is_refused() {
    let api = Api::new().await;
    let other = format!("rouage_{}", "0".repeat(64));
    for header in [
        format!("Bearer {other}"),
        format!("Bearer {}x", api.token),
        format!("Basic {}", api.token),
        api.token.clone(),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let ask = Ask::new(api.port, "GET", "/api/v1/kinds").header("Authorization", &header);
        assert_eq!(code(&ask.send()), "unauthenticated", "{header}");
    }
    let both = api
        .ask("GET", "/api/v1/kinds")
        .header("Authorization", format!("Bearer {other}"));
    assert_eq!(code(&both.send()), "unauthenticated");
    let in_query = format!("/api/v1/kinds?access_token={}", api.token);
    assert_eq!(Ask::new(api.port, "GET", &in_query).send().status, 401);
}

#[tokio::test]
async fn every_scope_is_needed_for_what_it_allows() {
    let api = Api::new().await;
    let id = api.echo(1);
    let job = format!("/api/v1/jobs/{id}");
    let (cancel, waited) = (format!("{job}/cancel"), "/api/v1/jobs?wait=1");
    let body = echo(2);
    let needs: [(&str, &str, &[&str]); 5] = [
        ("POST", "/api/v1/jobs", &["jobs:enqueue"]),
        ("POST", waited, &["jobs:enqueue", "jobs:read"]),
        ("GET", &job, &["jobs:read"]),
        (
            "GET",
            &format!("{job}?payload=true"),
            &["jobs:read", "payloads:read"],
        ),
        ("POST", &cancel, &["jobs:cancel"]),
    ];
    let all = ["jobs:enqueue", "jobs:read", "jobs:cancel", "payloads:read"];
    for (number, missing) in all.into_iter().enumerate() {
        let others: Vec<&str> = all.into_iter().filter(|scope| *scope != missing).collect();
        let token = create(
            &api.world,
            &format!("t{number}"),
            &["--scope", &others.join(",")],
        );
        for (method, path, scopes) in needs {
            let ask = Ask::new(api.port, method, path).token(&token);
            let answer = if path.starts_with("/api/v1/jobs/") {
                ask
            } else {
                ask.json(&body)
            }
            .send();
            let refused = scopes.contains(&missing);
            assert_eq!(
                answer.status == 403,
                refused,
                "{path} without {missing}: {answer:?}"
            );
            if refused {
                assert_eq!(code(&answer), "forbidden");
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(
                    challenge.contains(&format!("scope=\"{missing}\"")),
                    "{challenge}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_limited_token_sees_and_does_nothing_else() {
    let mut api = Api::new().await;
    let body = r#"{"kind":"debug.sleep","payload":{"ms":1},"delay":"1h"}"#;
    let other = api.post(body).json();
    let scopes = [
        "--scope",
        super::USUAL,
        "--kind",
        "debug.e*",
        "--queue",
        "debug",
    ];
    api.token = create(&api.world, "limited", &scopes);
    assert_eq!(code(&api.post(body)), "forbidden");
    let many = api.post(&format!("[{},{body}]", echo(1)));
    assert_eq!(code(&many), "forbidden");
    assert_eq!(many.json()["field"], "/1/kind");
    let url = other["url"].as_str().unwrap();
    assert_eq!(code(&api.ask("GET", url).send()), "unknown-job");
    assert_eq!(
        code(&api.ask("POST", &format!("{url}/cancel")).send()),
        "unknown-job"
    );
    assert_eq!(api.stored().await, 1);
    let own = api.echo(1);
    assert_eq!(
        api.ask("GET", &format!("/api/v1/jobs/{own}")).send().status,
        200
    );
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_refused_soon_after() {
    let api = Api::new().await;
    let brief = create(
        &api.world,
        "brief",
        &["--scope", "jobs:read", "--expires", "1s"],
    );
    let refused = |token: String| {
        let port = api.port;
        move || {
            let answer = Ask::new(port, "GET", "/api/v1/kinds").token(&token).send();
            std::future::ready((answer.status == 401).then_some(()))
        }
    };
    eventually("the brief one is refused", refused(brief)).await;
    assert_eq!(api.ask("GET", "/api/v1/kinds").send().status, 200);
    let said = api.world.run(&["tokens", "revoke", "usual"]).good();
    assert!(said.starts_with("usual: revoked"), "{said}");
    eventually("the revoked one is refused", refused(api.token.clone())).await;
}

#[tokio::test]
async fn tokens_are_shown_once_and_listed_without_themselves() {
    let world = World::new(Template::Empty).await;
    let created = world.run(&["tokens", "create", "--name", "crm", "--scope", "jobs:read"]);
    assert!(created.stderr.contains("only time"), "{created:?}");
    let token = created.good();
    let listed = world.run(&["tokens", "list"]).good();
    assert!(listed.contains("crm") && listed.contains("good") && !listed.contains(&token[..20]));
    let row = &world.run(&["tokens", "list", "--json"]).objects()[0];
    assert_eq!(
        (&row["name"], &row["scopes"][0]),
        (&"crm".into(), &"jobs:read".into())
    );
    let kept: Vec<u8> = sqlx::query_scalar("SELECT sha256 FROM worker.api_tokens")
        .fetch_one(&world.database().await)
        .await
        .unwrap();
    assert_eq!(kept.len(), 32);
    let twice = world.run(&["tokens", "create", "--name", "crm", "--scope", "jobs:read"]);
    assert!(
        twice.code == 1 && twice.stderr.contains("tokens revoke crm"),
        "{twice:?}"
    );
    let unknown = world.run(&["tokens", "revoke", "nobody"]);
    assert_eq!(unknown.code, 1);
    for wrong in [
        &["--name", "CRM", "--scope", "jobs:read"][..],
        &["--name", "a", "--scope", "jobs:write"],
        &["--name", "a"],
    ] {
        let words = [&["tokens", "create"], wrong].concat();
        assert_eq!(world.run(&words).code, 2, "{wrong:?}");
    }
}
