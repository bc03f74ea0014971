//! Copies, with a store that fails at any of its calls.

use crm_backup::{Identities, Recipients};

use crate::backups::store::Backed;

#[tokio::test]
async fn an_upload_that_breaks_off_at_any_call_is_whole_after_the_next_attempt() {
    let mut backed = Backed::new().await;
    let (_, public) = Identities::generate();
    backed.world.services.backups.recipients = Some(Recipients::parse([public.as_str()]).unwrap());
    backed.dump("run", 1).await.unwrap();
    backed.verify("run", false).await.unwrap();
    let manifest = backed
        .files()
        .into_iter()
        .find(|file| file.ends_with("manifest.json"))
        .unwrap();
    let path = backed.world.services.backups.dir.join(manifest);
    let fresh = std::fs::read(&path).unwrap();

    backed.memory.fail_at(0);
    backed.upload("run", 1).await.unwrap();
    let calls = backed.memory.calls();
    assert!(calls >= 5, "{calls}");
    for call in 1..=calls {
        std::fs::write(&path, &fresh).unwrap();
        backed.memory.objects.lock().unwrap().clear();
        backed.memory.fail_at(call);
        let error = backed.upload("run", 1).await.unwrap_err().to_string();
        assert!(error.contains("the store is away"), "{error}");
        // Only the manifest makes it a backup, and it comes last.
        assert!(
            !backed
                .memory
                .keys()
                .iter()
                .any(|key| key.ends_with("manifest.json")),
            "call {call}"
        );
        backed.memory.fail_at(0);
        backed.upload("run", 2).await.unwrap();
        assert_eq!(backed.memory.keys().len(), 2, "call {call}");
        assert_eq!(backed.files().len(), 2, "call {call}");
    }
    assert!(backed.heard.texts().is_empty());
}

#[tokio::test]
async fn a_store_that_stays_away_is_told_and_the_backup_on_this_host_is_good() {
    let backed = Backed::new().await;
    backed.memory.fail_at(1);
    let name = backed.dump("run", 1).await.unwrap().name;
    backed.verify("run", false).await.unwrap();
    backed.memory.fail_at(1);
    assert!(backed.upload("run", 3).await.is_err());
    assert_eq!(
        backed.record("run", "failed_step").await.unwrap(),
        "backups.upload"
    );
    assert_eq!(backed.record("run", "reported_at").await, None);
    let told = backed.heard.texts().pop().unwrap();
    assert!(
        told.contains("copy to memory") && told.contains("the store is away"),
        "{told}"
    );
    assert_eq!(backed.drill().await.unwrap().name, name);
    // Tried again by hand.
    backed.upload("run", 1).await.unwrap();
    assert_eq!(backed.record("run", "failed_step").await, None);
}

#[tokio::test]
async fn another_installations_copy_of_the_same_name_is_left_alone() {
    let backed = Backed::new().await;
    let name = backed.dump("run", 1).await.unwrap().name;
    backed.verify("run", false).await.unwrap();
    let key = format!("{name}.manifest.json");
    let path = backed.world.services.backups.dir.join(&key);
    let theirs = std::fs::read_to_string(path)
        .unwrap()
        .replace("\"run\"", "\"stranger\"");
    backed
        .memory
        .objects
        .lock()
        .unwrap()
        .insert(key, theirs.into_bytes());
    let error = backed.upload("run", 1).await.unwrap_err().to_string();
    assert!(
        error.contains("is another installation's; hint: "),
        "{error}"
    );
    assert_eq!(backed.memory.keys().len(), 1);
}
