//! `/healthz`, `/readyz`, `/metrics` and the command that asks them.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use devkit::Template;

use crate::world::{World, eventually, get};

#[tokio::test]
async fn readiness_follows_redis_down_and_up_and_life_goes_on() {
    let mut world = World::new(Template::Empty).await;
    let worker = world.worker();
    let port = worker.port();
    let status = |path: &'static str| async move { get(port, path).status };
    eventually("it is ready", || async {
        (status("/readyz").await == 200).then_some(())
    })
    .await;
    assert_eq!(
        get(port, "/readyz").body,
        r#"{"ready":true,"not_ready":[]}"#
    );

    world.redis.kill().unwrap();
    let body = eventually("it is not ready", || async {
        let page = get(port, "/readyz");
        (page.status == 503).then_some(page.body)
    })
    .await;
    assert!(
        body.contains(r#"{"part":"redis","reason":"no answer"#),
        "{body}"
    );
    assert!(!body.contains("127.0.0.1"), "{body}");
    assert_eq!(status("/healthz").await, 200);
    assert!(get(port, "/metrics").body.contains("crm_worker_redis_up 0"));

    world.redis.restart().unwrap();
    eventually("it is ready again", || async {
        (status("/readyz").await == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn metrics_have_the_engines_names_after_a_job() {
    let world = World::new(Template::Empty).await;
    let worker = world.worker();
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--wait"]);
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    let version = env!("CARGO_PKG_VERSION");
    let wanted = [
        "# HELP rouage_jobs_total Attempts that ended, by kind and outcome".to_owned(),
        r#"rouage_jobs_total{kind="debug.echo",outcome="completed"} 1"#.to_owned(),
        r#"rouage_job_duration_seconds_bucket{kind="debug.echo",le="+Inf"} 1"#.to_owned(),
        r#"rouage_job_wait_seconds_count{queue="debug"} 1"#.to_owned(),
        r#"rouage_queue_jobs{queue="debug",state="scheduled"} 1"#.to_owned(),
        r#"rouage_queue_oldest_seconds{queue="debug"} 0"#.to_owned(),
        r#"rouage_enqueued_total{queue="debug"} 2"#.to_owned(),
        "rouage_workers 1".to_owned(),
        "celery_workers_active 1".to_owned(),
        "celery_tasks_pending 0".to_owned(),
        "crm_worker_redis_up 1".to_owned(),
        format!("crm_worker_build_info{{version=\"{version}\"}} 1"),
        r#"crm_worker_database_connections{state="used"} 0"#.to_owned(),
    ];
    // A page may be two seconds old.
    let page = eventually("the page has the jobs", || async {
        let page = get(worker.port(), "/metrics").body;
        wanted
            .iter()
            .all(|line| page.contains(line))
            .then_some(page)
    });
    let page = page.await;
    let described: Vec<&str> = rouage::metrics::ALL.iter().map(|(name, _)| *name).collect();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(
            described.contains(&name) || crate::dashboards::OWN.iter().any(|(own, _)| *own == name),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_health_check_asks_the_configured_port() {
    let world = World::new(Template::Empty).await;
    let worker = world.worker();
    let ask = |args: &[&str]| {
        let mut command = world.command();
        command.env(
            "CRM_WORKER__HTTP__BIND",
            format!("0.0.0.0:{}", worker.port()),
        );
        crate::world::end_of(command.arg("healthcheck").args(args))
    };
    assert_eq!(ask(&[]).good(), "ok");
    eventually("it is ready", || async {
        (ask(&["--ready"]).code == 0).then_some(())
    })
    .await;
    drop(worker);
    let mut command = world.command();
    command.env("CRM_WORKER__HTTP__BIND", "127.0.0.1:1");
    let gone = crate::world::end_of(command.arg("healthcheck"));
    assert!(
        gone.code == 1
            && gone
                .stderr
                .starts_with("error: ask http://127.0.0.1:1/healthz: "),
        "{gone:?}"
    );
}

#[tokio::test]
async fn silent_connections_are_closed_and_strangers_get_an_answer() {
    let world = World::new(Template::Empty).await;
    let worker = world.worker();
    assert_eq!(get(worker.port(), "/admin").status, 404);
    let mut silent = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // The other end hangs up after five seconds; the answer, if any, is no page.
    let mut answer = String::new();
    silent.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("200"), "{answer}");
}
