//! Requests that come twice.

use rouage::Request;

use crate::stage::Stage;

#[tokio::test]
async fn a_request_is_open_until_it_is_answered_and_then_answered_the_same() {
    let stage = Stage::new().await;
    let client = &stage.client;
    for _ in 0..2 {
        let noted = client.note_request("key", "print").await.unwrap();
        assert_eq!(noted, Request::Open);
    }
    let answer = r#"{"0": "with blanks"}"#;
    client.answer_request("key", "print", answer).await.unwrap();
    let noted = client.note_request("key", "print").await.unwrap();
    assert_eq!(noted, Request::Answered(answer.to_owned()));
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_key_that_comes_back_with_something_else_is_noticed() {
    let stage = Stage::new().await;
    let client = &stage.client;
    client.note_request("key", "print").await.unwrap();
    let other = || client.note_request("key", "other");
    assert_eq!(other().await.unwrap(), Request::Other);
    client.answer_request("key", "print", "{}").await.unwrap();
    assert_eq!(other().await.unwrap(), Request::Other);
}

#[tokio::test]
async fn old_requests_are_forgotten_and_an_answer_does_not_bring_one_back() {
    let stage = Stage::new().await;
    let keyspace = stage.client.keyspace();
    let (when, said) = (keyspace.requests(), keyspace.requests_said());
    for number in 0..150 {
        let name = format!("old{number}");
        let _: u8 = stage.redis(&["ZADD", &when, "1", &name]).await;
        let _: u8 = stage.redis(&["HSET", &said, &name, "print"]).await;
    }
    for number in 0..2 {
        let key = format!("new{number}");
        stage.client.note_request(&key, "print").await.unwrap();
    }
    let old = stage.client.answer_request("old0", "print", "{}");
    old.await.unwrap();
    let kept: Vec<String> = stage.redis(&["ZRANGE", &when, "0", "-1"]).await;
    assert_eq!(kept, ["new0", "new1"]);
    let known: usize = stage.redis(&["HLEN", &said]).await;
    assert_eq!(known, 2);
}
