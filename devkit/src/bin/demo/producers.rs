//! Every way in: a schedule, a transaction, HTTP, an unchanged Celery client.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::worker::Settings;
use crate::{LOOK_EVERY, Outcome};

/// How long a job may take to arrive and end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a Python program does that knows Celery and nothing of this worker.
const CELERY: &str = "import celery, sys\n\
app = celery.Celery('crm', broker=sys.argv[1], backend=sys.argv[1])\n\
sent = app.send_task('debug.echo', args=['from Celery ' + celery.__version__])\n\
print(sent.get(timeout=20), '·', sent.status)";

/// Enqueues in each way and shows what came of it.
pub(crate) async fn show(settings: &Settings, database: &str, broker: &str) -> Outcome<()> {
    println!("\n  what is due when  (crm-worker schedule list)\n");
    indent(&settings.command(&["schedule", "list"])?);

    println!("\n  other ways in\n");
    told(
        "SQL, in a transaction",
        &transaction(settings, database).await?,
    );
    told("HTTP, with a token", &http(settings).await?);
    told("a Celery client, unchanged", &celery(broker)?);
    Ok(())
}

fn indent(text: &str) {
    for line in text.lines() {
        println!("    {}", line.trim_end());
    }
}

fn told(how: &str, what: &str) {
    println!("  {how:<50} {what}");
}

/// One job of a transaction that commits; of one that is rolled back there is none.
async fn transaction(settings: &Settings, database: &str) -> Outcome<String> {
    let pool = sqlx::PgPool::connect(database).await?;
    let enqueue = "SELECT worker.enqueue('debug.echo', '{\"value\":\"committed\"}')";
    let mut lost = pool.begin().await?;
    let never: String = sqlx::query_scalar(enqueue).fetch_one(&mut *lost).await?;
    lost.rollback().await?;
    let mut kept = pool.begin().await?;
    let id: String = sqlx::query_scalar(enqueue).fetch_one(&mut *kept).await?;
    kept.commit().await?;
    pool.close().await;
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let state = settings
            .command(&["jobs", "show", &id, "--json"])
            .ok()
            .and_then(|job| serde_json::from_str::<Value>(&job).ok())
            .map(|job| job["state"].clone());
        if state == Some(Value::from("completed")) {
            let rolled_back = settings.command(&["jobs", "show", &never]).is_err();
            let other = if rolled_back {
                "no job"
            } else {
                "a job, which is wrong"
            };
            return Ok(format!(
                "completed; of the one that was rolled back: {other}"
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(format!("job {id} of the outbox did not end").into())
}

/// One request that waits for the job's output.
async fn http(settings: &Settings) -> Outcome<String> {
    let scopes = "jobs:enqueue,jobs:read,payloads:read";
    let token = settings.command(&["tokens", "create", "--name", "demo", "--scope", scopes])?;
    let body = r#"{"kind":"debug.echo","payload":{"value":"over HTTP"}}"#;
    let request = format!(
        "POST /api/v1/jobs?wait=10 HTTP/1.1\r\nHost: demo\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let ask = async {
        let mut stream = TcpStream::connect(&settings.api).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await??;
    let status = answer.lines().next().unwrap_or_default().to_owned();
    let job = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let job: Value = serde_json::from_str(job)?;
    Ok(format!("{status}; {}: {}", job["state"], job["result"]))
}

/// What the Python program printed.
fn celery(broker: &str) -> Outcome<String> {
    let done = devkit::python("celery-5.7")?
        .args(["-c", CELERY, broker])
        .output()?;
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(format!("the Celery client: {complaint}").into());
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
