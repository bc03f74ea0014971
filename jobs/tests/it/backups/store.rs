//! A store in memory that fails when it is told to, and somebody who writes down what is said.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use crm_backup::{Leash, facts_of};
use crm_job_contract::backups::{
    ApplyRetention, DumpDatabase, DumpedDatabase, Report, RestoreDrill, RestoredDrill, Upload,
    Uploaded, VerifiedDump, VerifyDump,
};
use crm_jobs::backups::{
    Announcer, ApplyRetentionHandler, DumpDatabaseHandler, ReportHandler, RestoreDrillHandler,
    UploadHandler, VerifyDumpHandler,
};
use crm_jobs::blobs::BlobStore;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage::{Handler, Job, JobContext, JobError, JobId};

use crate::world::World;

/// Objects by key.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The number of the call that fails; 0 for none.
    pub(crate) fails_at: AtomicUsize,
    calls: AtomicUsize,
}

impl Memory {
    /// From now on the call with this number fails, counted from 1.
    pub(crate) fn fail_at(&self, call: usize) {
        self.calls.store(0, Ordering::SeqCst);
        self.fails_at.store(call, Ordering::SeqCst);
    }

    /// How many calls there were since.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn called(&self) -> anyhow::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.fails_at.load(Ordering::SeqCst) {
            bail!("the store is away");
        }
        Ok(())
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

impl BlobStore for Memory {
    fn place(&self) -> &'static str {
        "memory"
    }

    fn list(&self) -> BoxFuture<'_, anyhow::Result<Vec<String>>> {
        async move { self.called().map(|()| self.keys()) }.boxed()
    }

    fn put_file<'b>(&'b self, key: &'b str, file: &'b Path) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            let bytes = std::fs::read(file)?;
            // What fails here has stored a half.
            let half = bytes[..bytes.len() / 2].to_vec();
            self.objects.lock().unwrap().insert(key.to_owned(), half);
            self.called()?;
            self.objects.lock().unwrap().insert(key.to_owned(), bytes);
            Ok(())
        }
        .boxed()
    }

    fn put<'b>(&'b self, key: &'b str, bytes: Vec<u8>) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            self.called()?;
            let old = self.objects.lock().unwrap().insert(key.to_owned(), bytes);
            assert!(old.is_none(), "{key} was there already");
            Ok(())
        }
        .boxed()
    }

    fn read<'b>(
        &'b self,
        key: &'b str,
        _limit: u64,
    ) -> BoxFuture<'b, anyhow::Result<Option<Vec<u8>>>> {
        async move {
            self.called()
                .map(|()| self.objects.lock().unwrap().get(key).cloned())
        }
        .boxed()
    }

    fn sum<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<Option<(u64, String)>>> {
        async move {
            self.called()?;
            let Some(bytes) = self.objects.lock().unwrap().get(key).cloned() else {
                return Ok(None);
            };
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), bytes)?;
            let facts = facts_of(file.path(), &Leash::default())?;
            Ok(Some((facts.bytes, facts.sha256)))
        }
        .boxed()
    }

    fn delete<'b>(&'b self, key: &'b str) -> BoxFuture<'b, anyhow::Result<()>> {
        async move {
            self.called()?;
            self.objects.lock().unwrap().remove(key);
            Ok(())
        }
        .boxed()
    }
}

/// Writes down what people would have heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) texts: Mutex<Vec<String>>,
    pub(crate) beats: AtomicUsize,
}

impl Heard {
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}

impl Announcer for Heard {
    fn heartbeat(&self) -> BoxFuture<'_, anyhow::Result<bool>> {
        self.beats.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(true)).boxed()
    }

    fn tell<'a>(&'a self, text: &'a str) -> BoxFuture<'a, anyhow::Result<bool>> {
        self.texts.lock().unwrap().push(text.to_owned());
        std::future::ready(Ok(true)).boxed()
    }
}

/// One installation with a place for copies, in memory.
pub(crate) struct Backed {
    pub(crate) world: World,
    pub(crate) memory: Arc<Memory>,
    pub(crate) heard: Arc<Heard>,
    producer: rouage::testing::Recorder,
}

impl Backed {
    pub(crate) async fn new() -> Self {
        let mut world = World::small().await;
        let (memory, heard) = (Arc::new(Memory::default()), Arc::new(Heard::default()));
        world.services.backups.places = vec![memory.clone()];
        world.services.backups.announcer = heard.clone();
        Self {
            world,
            memory,
            heard,
            producer: rouage::testing::Recorder::default(),
        }
    }

    /// The context of an attempt of a job that has three.
    fn context<J: Job>(&self, id: &str, attempt: u32) -> JobContext {
        let id: JobId = id.parse().unwrap();
        JobContext::new(id, J::KIND, J::QUEUE, attempt, 3)
            .with_producer(Arc::new(self.producer.clone()))
    }

    /// The names and kinds of what was enqueued, in order.
    pub(crate) fn enqueued(&self) -> Vec<String> {
        self.producer
            .jobs()
            .iter()
            .map(|job| job.id.to_string())
            .collect()
    }

    pub(crate) async fn dump(&self, run: &str, attempt: u32) -> Result<DumpedDatabase, JobError> {
        let cx = self.context::<DumpDatabase>(run, attempt);
        let handler = DumpDatabaseHandler::new(self.world.services.clone());
        handler.run(DumpDatabase::default(), &cx).await
    }

    pub(crate) async fn verify(
        &self,
        run: &str,
        accept_size: bool,
    ) -> Result<VerifiedDump, JobError> {
        let cx = self.context::<VerifyDump>("verify", 1);
        let job = VerifyDump {
            run_id: run.to_owned(),
            accept_size,
        };
        VerifyDumpHandler::new(self.world.services.clone())
            .run(job, &cx)
            .await
    }

    pub(crate) async fn upload(&self, run: &str, attempt: u32) -> Result<Uploaded, JobError> {
        let cx = self.context::<Upload>("upload", attempt);
        let job = Upload {
            run_id: run.to_owned(),
        };
        UploadHandler::new(self.world.services.clone())
            .run(job, &cx)
            .await
    }

    /// Backups that retention removed here and there.
    pub(crate) async fn retain(&self) -> Result<(u64, u64), JobError> {
        let cx = self.context::<ApplyRetention>("retain", 1);
        let handler = ApplyRetentionHandler::new(self.world.services.clone());
        let applied = handler.run(ApplyRetention {}, &cx).await?;
        Ok((applied.deleted, applied.deleted_copies))
    }

    pub(crate) async fn report(&self, run: &str) -> Result<(), JobError> {
        let cx = self.context::<Report>("report", 1);
        let job = Report {
            run_id: run.to_owned(),
        };
        let handler = ReportHandler::new(self.world.services.clone());
        handler.run(job, &cx).await.map(drop)
    }

    pub(crate) async fn drill(&self) -> Result<RestoredDrill, JobError> {
        let cx = self.context::<RestoreDrill>("drill", 1);
        let handler = RestoreDrillHandler::new(self.world.services.clone());
        handler.run(RestoreDrill {}, &cx).await
    }

    /// A whole run that must succeed.
    pub(crate) async fn back_up(&self, run: &str) -> String {
        let name = self.dump(run, 1).await.unwrap().name;
        self.verify(run, false).await.unwrap();
        self.upload(run, 1).await.unwrap();
        self.retain().await.unwrap();
        self.report(run).await.unwrap();
        name
    }

    /// What lies in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.world.services.backups.dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// One value of a run's record, as text.
    pub(crate) async fn record(&self, run: &str, column: &str) -> Option<String> {
        let row: serde_json::Value =
            sqlx::query_scalar("SELECT to_jsonb(b) FROM worker.backups b WHERE run_id = $1")
                .bind(run)
                .fetch_one(self.world.pool())
                .await
                .unwrap();
        match &row[column] {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Moves the clock.
    pub(crate) fn set_clock(&mut self, time: &str) {
        self.world.set_clock(time);
    }
}
