//! `bench export`: half a million people through the real binary, its memory watched.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devkit::crm::{self, Size};
use devkit::{Persistence, PostgresServer, RedisServer, Template};

use crate::probe;
use crate::report::Report;

/// How often the memory is read.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Rows of the measured report.
const REPORTED: u64 = 20_000;
/// The worker must be ready, and the export done, within this time.
const PATIENCE: Duration = Duration::from_secs(120);

struct Worker {
    binary: PathBuf,
    variables: Vec<(&'static str, String)>,
    child: Child,
}

impl Worker {
    fn start(redis: &str, database: &str, folder: &str) -> Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("crm-worker");
        if !binary.exists() {
            bail!(
                "{} is not built; hint: make bench builds it",
                binary.display()
            );
        }
        let bind = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .to_string();
        let variables = vec![
            ("REDIS_URL", redis.to_owned()),
            ("DATABASE_URL", database.to_owned()),
            ("CRM_WORKER__EXPORTS__DIR", folder.to_owned()),
            ("CRM_WORKER__HTTP__BIND", bind),
        ];
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&binary);
            command
                .args(arguments)
                .envs(variables.iter().map(|(name, value)| (name, value)));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        if !command(&["migrate"]).status()?.success() {
            bail!("crm-worker migrate failed");
        }
        let child = command(&["run"]).spawn()?;
        let since = Instant::now();
        while !command(&["healthcheck", "--ready"]).status()?.success() {
            if since.elapsed() > PATIENCE {
                bail!("the worker did not get ready");
            }
        }
        Ok(Self {
            binary,
            variables,
            child,
        })
    }

    fn enqueue_and_wait(&self, payload: &str) -> Result<Child> {
        let mut command = Command::new(&self.binary);
        command.args([
            "enqueue",
            "exports.export_records",
            "--json",
            payload,
            "--wait",
            "--timeout",
            "100s",
        ]);
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null());
        command.spawn().context("enqueue the export")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// One export to be measured.
struct Subject {
    format: &'static str,
    wish: String,
    rows: u64,
    idle: f64,
    conditions: String,
}

fn measure_one(report: &mut Report, worker: &Worker, subject: &Subject) -> Result<()> {
    let Subject {
        format,
        wish,
        rows,
        idle,
        conditions,
    } = subject;
    let mut waiter = worker.enqueue_and_wait(wish)?;
    let (start, mut peak) = (Instant::now(), *idle);
    while waiter.try_wait()?.is_none() {
        peak = peak.max(probe::rss_mb(worker.child.id())?);
        if start.elapsed() > PATIENCE {
            bail!("the export did not end");
        }
        sleep(LOOK_EVERY);
    }
    if !waiter.wait()?.success() {
        bail!("the export failed");
    }
    let rate = *rows as f64 / start.elapsed().as_secs_f64();
    let (name, memory) = match *format {
        "csv" => ("export", "export rss over idle"),
        "xlsx" => ("export xlsx", "export xlsx rss over idle"),
        _ => ("export pdf", "export pdf rss over idle"),
    };
    report.add(name, "crm-worker", rate, "rows/s", "", conditions);
    report.add(memory, "crm-worker", peak - idle, "MB", "", conditions);
    Ok(())
}

/// Exports everybody, twice: the second time PostgreSQL's cache is warm.
pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let redis = RedisServer::start(Persistence::Aof)?;
    let folder = redis.folder().join("exports");
    std::fs::create_dir(&folder)?;
    let (postgres, database) = runtime.block_on(async {
        let postgres = PostgresServer::start().await?;
        let database = postgres.database(Template::Empty).await?;
        let pool = sqlx::PgPool::connect(&database).await?;
        crm::seed(&pool, Size::Large).await?;
        pool.close().await;
        anyhow::Ok((postgres, database))
    })?;
    let worker = Worker::start(&redis.url(), &database, folder.to_str().context("folder")?)?;
    sleep(Duration::from_secs(1));
    let idle = probe::rss_mb(worker.child.id())?;
    report.add(
        "export idle rss",
        "crm-worker",
        idle,
        "MB",
        "",
        "the binary, default configuration",
    );
    let everybody = Size::Large.people();
    for run in ["first run", "second run"] {
        for format in ["csv", "xlsx"] {
            let wish = format!(r#"{{"dataset":"people","user_id":1,"format":"{format}"}}"#);
            let conditions = format!("{everybody} people, {run}");
            measure_one(
                report,
                &worker,
                &Subject {
                    format,
                    wish,
                    rows: everybody,
                    idle,
                    conditions,
                },
            )?;
        }
    }
    let ids: Vec<String> = (1..=REPORTED).map(|id| id.to_string()).collect();
    let wish = format!(
        r#"{{"dataset":"people","user_id":1,"format":"pdf","ids":[{}]}}"#,
        ids.join(",")
    );
    let conditions = format!("{REPORTED} people");
    measure_one(
        report,
        &worker,
        &Subject {
            format: "pdf",
            wish,
            rows: REPORTED,
            idle,
            conditions,
        },
    )?;
    drop(postgres);
    Ok(())
}
