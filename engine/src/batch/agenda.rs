//! The agenda: at which batches a courier must look, in case whoever works on them dies.
//!
//! Whoever is about to change a batch and a queue notes the batch for a minute later. A courier
//! that takes it finishes what is unfinished, and strikes it off when nothing is.

use std::time::Duration;

use super::BatchId;
use crate::client::{Client, ClientError};
use crate::scripts::BATCH_AGENDA;

/// Longer than any step between a batch and a queue takes: calls of a producer end after seconds.
pub(super) const GRACE: Duration = Duration::from_mins(1);

impl Client {
    /// Notes that somebody must look at the batch a minute from now.
    pub(super) async fn put_on_agenda(&self, id: &BatchId) -> Result<(), ClientError> {
        let call = BATCH_AGENDA
            .call(&self.keyspace().batch_agenda())
            .arg("note")
            .arg(id.as_str())
            .arg(GRACE.as_millis() as u64);
        let _added: u8 = self.link().call(call).await?;
        Ok(())
    }
}

#[cfg(feature = "worker")]
mod look {
    use super::{BatchId, Client, ClientError, GRACE};
    use crate::batch::{Due, Member};
    use crate::scripts::{BATCH_AGENDA, BATCH_LOOK};

    /// Most batches taken at once.
    const MOST_BATCHES: usize = 10;
    /// Most members looked for at once.
    const MOST_MEMBERS: usize = 100;

    impl Client {
        /// Looks at the batches whose time has come; nobody else does for a minute.
        pub(crate) async fn work_off_agenda(&self) -> Result<(), ClientError> {
            let agenda = self.keyspace().batch_agenda();
            let call = BATCH_AGENDA
                .call(&agenda)
                .arg("take")
                .arg(MOST_BATCHES)
                .arg(GRACE.as_millis() as u64);
            let taken: Vec<(String, String)> = self.link().call(call).await?;
            for (id, time) in taken {
                // Whatever is no batch's id is struck off.
                let settled = match id.parse::<BatchId>() {
                    Ok(batch) => self.look_at_batch(&batch).await?,
                    Err(_) => true,
                };
                if settled {
                    let call = BATCH_AGENDA.call(&agenda).arg("done").arg(id).arg(time);
                    let _struck: u8 = self.link().call(call).await?;
                }
            }
            Ok(())
        }

        /// Finishes what was left undone; whether nothing is left to wait for.
        async fn look_at_batch(&self, id: &BatchId) -> Result<bool, ClientError> {
            let keys = self.keyspace().batch(id);
            let call = BATCH_LOOK
                .call(keys.base())
                .arg(GRACE.as_millis() as u64)
                .arg(MOST_MEMBERS);
            let (noted, due, members): (usize, Due, Vec<String>) = self.link().call(call).await?;
            self.fire(id, due).await?;
            let members: Result<Vec<Member>, _> = members.iter().map(|name| name.parse()).collect();
            self.check_members(id, &members?).await?;
            Ok(noted == 0)
        }
    }
}
