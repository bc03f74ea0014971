//! The settings as types: durations, counts, secrets, each checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crm_jobs::ExportSettings;
use crm_jobs::exports::download_token::UrlSecret;
use rouage::{Kept, Retention};
use secrecy::{ExposeSecret, SecretString};

use super::backups::Backups;
use super::celery::Celery;
use super::database_url;
use super::layers::Entries;
use super::maintenance::Maintenance;
use super::panel::PanelSettings;
use super::problem::Problem;
use super::reader::Reader;

/// Longest retention and export life, in hours: a year.
const YEAR: u64 = 8760;

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whether settings for trying things out deserve a warning.
    pub(crate) production: bool,
    pub(crate) redis: Redis,
    pub(crate) database: Database,
    pub(crate) worker: Worker,
    pub(crate) retention: Retention,
    pub(crate) backups: Backups,
    pub(crate) exports: ExportSettings,
    pub(crate) maintenance: Maintenance,
    /// From which size on, in bytes, payloads are kept in the database.
    pub(crate) offload_above: usize,
    /// How long the history of finished jobs is kept.
    pub(crate) keep_history: Duration,
    /// How long confirmed effects are remembered.
    pub(crate) keep_effects: Duration,
    /// The file of schedules; `None` for the one in the binary.
    pub(crate) schedules: Option<PathBuf>,
    pub(crate) outbox: Outbox,
    /// `None` if nothing is taken in from apalis-redis.
    pub(crate) apalis: Option<Apalis>,
    /// Celery's messages.
    pub(crate) celery: Celery,
    /// Where the probes listen; `None` for nowhere.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) panel: PanelSettings,
    pub(crate) log: Log,
    /// Whether the `debug.*` kinds are run.
    pub(crate) debug_jobs: bool,
}

/// Where the jobs are.
#[derive(Debug)]
pub(crate) struct Redis {
    /// `None` if it is not set.
    pub(crate) url: Option<SecretString>,
    /// What every key starts with.
    pub(crate) prefix: String,
}

/// The CRM's database.
#[derive(Debug)]
pub(crate) struct Database {
    /// `None` if it is not set.
    pub(crate) url: Option<SecretString>,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) statement_timeout: Duration,
}

/// How jobs are run.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Threads of the runtime; `None` for one per core.
    pub(crate) threads: Option<usize>,
    pub(crate) grace: Duration,
    pub(crate) lease: Duration,
    pub(crate) beat: Duration,
    pub(crate) idle_poll: Duration,
    /// Slots by queue; 0 for a queue that is not served.
    pub(crate) queues: BTreeMap<String, usize>,
}

/// How rows of the outbox are moved.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Whether processes without named roles do it.
    pub(crate) enabled: bool,
    /// How often it is looked at although nothing was told.
    pub(crate) poll: Duration,
    /// How long rows stay of which no job can be made.
    pub(crate) keep_parked: Duration,
}

/// What is taken in from apalis-redis.
#[derive(Debug)]
pub(crate) struct Apalis {
    pub(crate) url: SecretString,
    /// Queues of apalis, each with the kind of its tasks.
    pub(crate) queues: Vec<(String, String)>,
    pub(crate) poll: Duration,
}

/// How logs are written.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub(crate) level: String,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// One object a line.
    Json,
    /// For people.
    Pretty,
}

impl Settings {
    /// Reads every key; the result counts only if no problem was added.
    pub(super) fn read(entries: &Entries, problems: &mut Vec<Problem>) -> Self {
        let queues: Vec<String> = entries
            .keys()
            .filter_map(|key| key.strip_prefix("worker.queues."))
            .map(str::to_owned)
            .collect();
        let mut reader = Reader::new(entries, problems);
        let r = &mut reader;
        let names = [("production", true), ("development", false)];
        let formats = [
            ("auto", LogFormat::Auto),
            ("json", LogFormat::Json),
            ("pretty", LogFormat::Pretty),
        ];
        Self {
            production: r.choice("environment.name", &names).unwrap_or(true),
            redis: Redis::read(r),
            database: Database::read(r),
            worker: Worker::read(r, &queues),
            retention: Retention {
                completed: kept(r, "completed"),
                discarded: kept(r, "discarded"),
                cancelled: kept(r, "cancelled"),
            },
            backups: Backups::read(r),
            exports: ExportSettings {
                dir: r.text("exports.dir").into(),
                max_rows: r.integer("exports.max_rows", 1..=100_000_000),
                max_bytes: r.integer("exports.max_bytes", 1000..=1_000_000_000_000),
                keep: r.hours("exports.keep_hours", 1..=YEAR),
                require_permission: r.flag("exports.require_permission"),
                url_secret: url_secret(r),
            },
            maintenance: Maintenance::read(r),
            offload_above: r.integer("payloads.offload_above_bytes", 1024..=5_242_880) as usize,
            keep_history: r.hours("history.keep_hours", 24..=10 * YEAR),
            keep_effects: r.hours("effects.keep_hours", 24..=10 * YEAR),
            schedules: Some(r.text("schedules.file"))
                .filter(|file| !file.is_empty())
                .map(PathBuf::from),
            outbox: Outbox {
                enabled: r.flag("outbox.enabled"),
                poll: Duration::from_millis(r.integer("outbox.poll_ms", 100..=60_000)),
                keep_parked: r.hours("outbox.keep_parked_hours", 24..=YEAR),
            },
            apalis: Apalis::read(r),
            celery: Celery::read(r),
            http: r.address("http.bind", 9180),
            panel: PanelSettings::read(r),
            log: Log {
                format: r.choice("log.format", &formats).unwrap_or(LogFormat::Auto),
                level: r.text("log.level"),
            },
            debug_jobs: r.flag("debug_jobs.enabled"),
        }
    }
}

fn url_secret(r: &mut Reader<'_>) -> Option<UrlSecret> {
    let secret = r.secret("exports.url_secret")?;
    let secret = UrlSecret::new(secret.expose_secret());
    if secret.is_none() {
        r.refuse("exports.url_secret", "at least 32 bytes of text");
    }
    secret
}

impl Redis {
    fn read(r: &mut Reader<'_>) -> Self {
        let url = r.secret("redis.url");
        let schemes = [
            "redis://",
            "rediss://",
            "unix://",
            "redis+unix://",
            "valkey://",
            "valkeys://",
            "redis+sentinel://",
            "rediss+sentinel://",
            "redis+cluster://",
            "rediss+cluster://",
        ];
        if let Some(url) = &url
            && !schemes
                .iter()
                .any(|scheme| url.expose_secret().starts_with(scheme))
        {
            r.refuse(
                "redis.url",
                "a URL that starts with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://",
            );
        }
        let prefix = r.text("redis.prefix");
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=50).contains(&prefix.len()) || !prefix.bytes().all(fits) {
            r.refuse("redis.prefix", "1 to 50 letters, digits, '-' and '_'");
        }
        Self { url, prefix }
    }
}

impl Apalis {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let url = r.secret("apalis.url");
        let poll = Duration::from_millis(r.integer("apalis.poll_ms", 100..=60_000));
        let text = r.text("apalis.queues");
        let mut queues = Vec::new();
        for pair in text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            // A queue's name is often a type's: it may hold anything but a comma.
            match pair.rsplit_once('=') {
                Some((queue, kind)) if !queue.is_empty() && !kind.is_empty() => {
                    queues.push((queue.trim().to_owned(), kind.trim().to_owned()));
                }
                _ => r.refuse(
                    "apalis.queues",
                    "pairs such as \"emails=mail.send,calls=call.note\"",
                ),
            }
        }
        if url.is_some() && text.trim().is_empty() {
            r.refuse(
                "apalis.queues",
                "at least one queue, since apalis.url is set",
            );
        }
        Some(Self {
            url: url?,
            queues,
            poll,
        })
    }
}

impl Database {
    fn read(r: &mut Reader<'_>) -> Self {
        let given = r.secret("database.url");
        let url = given
            .as_ref()
            .and_then(|url| database_url::normalise(url.expose_secret()));
        if given.is_some() && url.is_none() {
            r.refuse("database.url", "a URL that starts with postgresql://");
        }
        Self {
            url: url.map(SecretString::from),
            max_connections: r.integer("database.max_connections", 1..=100) as u32,
            acquire_timeout: Duration::from_millis(
                r.integer("database.acquire_timeout_ms", 100..=60_000),
            ),
            statement_timeout: r.seconds("database.statement_timeout_s", 1..=86_400),
        }
    }
}

impl Worker {
    fn read(r: &mut Reader<'_>, queues: &[String]) -> Self {
        let threads = r.integer("worker.threads", 0..=256) as usize;
        let beat = r.seconds("worker.beat_s", 1..=200);
        let lease = r.seconds("worker.lease_s", 3..=600);
        let idle_poll = r.seconds("worker.idle_poll_s", 1..=599);
        if lease < beat * 3 {
            let allowed = format!(
                "at least three times worker.beat_s, which is {}",
                beat.as_secs()
            );
            r.refuse("worker.lease_s", &allowed);
        }
        if idle_poll >= lease {
            r.refuse(
                "worker.idle_poll_s",
                &format!("less than worker.lease_s, which is {}", lease.as_secs()),
            );
        }
        let slots = |queue: &String| {
            let slots = r.integer(&format!("worker.queues.{queue}"), 0..=1000);
            (queue.clone(), slots as usize)
        };
        let queues = queues.iter().map(slots).collect();
        Self {
            threads: (threads > 0).then_some(threads),
            grace: r.seconds("worker.grace_s", 0..=3600),
            lease,
            beat,
            idle_poll,
            queues,
        }
    }
}

fn kept(r: &mut Reader<'_>, state: &str) -> Kept {
    Kept {
        age: r.hours(&format!("retention.{state}_hours"), 1..=YEAR),
        count: r.integer(&format!("retention.{state}_jobs"), 0..=1_000_000) as u32,
    }
}
