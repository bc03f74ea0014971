//! Whatever lies in a list, reading it ends in a message or a refusal, within the limits.

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use rouage::ingress::celery::wire::{Limits, Reason, control, head, read};
use serde_json::{Value, json};

use super::{NOW_MS, fixture, fixtures, message, raw_of};

/// A message whose body is these bytes, compressed as named.
fn packed(body: &[u8], compression: &str) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(&message("msg-args")).unwrap();
    envelope["body"] = BASE64.encode(body).into();
    envelope["headers"]["compression"] = json!(compression);
    envelope.to_string().into_bytes()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn reason(raw: &[u8], limits: &Limits) -> Option<Reason> {
    read(raw, NOW_MS, limits)
        .err()
        .map(|refusal| refusal.reason)
}

#[test]
fn zlib_gzip_and_bzip2_bodies_are_read() {
    let body = br#"[["packed"], {}, {}]"#;
    for (bytes, name) in [
        (zlib(body), "application/x-gzip"),
        (gzip(body), "application/x-gzip"),
        (bzip2(body), "application/x-bz2"),
    ] {
        let message = read(&packed(&bytes, name), NOW_MS, &Limits::default()).unwrap();
        assert_eq!(message.args[0].get(), "\"packed\"");
    }
}

#[test]
fn a_bomb_is_refused_when_it_reaches_the_limit() {
    let limits = Limits {
        inflated_bytes: 100_000,
        ..Limits::default()
    };
    let zeros = vec![b'0'; 4 * 1024 * 1024];
    for (bytes, name) in [
        (zlib(&zeros), "application/x-gzip"),
        (gzip(&zeros), "application/x-gzip"),
        (bzip2(&zeros), "application/x-bz2"),
    ] {
        let refused = reason(&packed(&bytes, name), &limits);
        assert_eq!(refused, Some(Reason::InflatedTooLarge), "{name}");
    }
}

#[test]
fn half_a_compressed_body_is_refused() {
    let body = zlib(br#"[["packed"], {}, {}]"#);
    let refused = reason(
        &packed(&body[..body.len() / 2], "application/x-gzip"),
        &Limits::default(),
    );
    assert_eq!(refused, Some(Reason::CorruptCompression));
}

#[test]
fn other_compressions_are_refused_by_name() {
    for (name, shown) in [
        ("application/zstd", "zstd"),
        ("application/x-brotli", "brotli"),
        ("application/x-lzma", "lzma"),
        ("rot13", "an unknown"),
    ] {
        let refused = reason(&packed(b"x", name), &Limits::default());
        assert_eq!(refused, Some(Reason::Compression(shown)));
    }
}

#[test]
fn nesting_is_measured_before_anything_recurses() {
    for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(100_000)] {
        assert_eq!(
            reason(deep.as_bytes(), &Limits::default()),
            Some(Reason::TooDeep)
        );
        let refused = reason(
            &packed(&zlib(deep.as_bytes()), "application/x-gzip"),
            &Limits::default(),
        );
        assert_eq!(refused, Some(Reason::TooDeep));
    }
}

#[test]
fn brackets_in_texts_are_no_nesting() {
    let body = format!("[[{}], {{}}, {{}}]", json!("[{\"".repeat(1000)));
    assert_eq!(
        reason(
            &packed(&zlib(body.as_bytes()), "application/x-gzip"),
            &Limits::default()
        ),
        None
    );
}

#[test]
fn sizes_have_limits() {
    let args = message("msg-args");
    let small = Limits {
        message_bytes: args.len() - 1,
        ..Limits::default()
    };
    assert_eq!(reason(&args, &small), Some(Reason::MessageTooLarge));
    let one = Limits {
        arguments: 1,
        ..Limits::default()
    };
    assert_eq!(reason(&args, &one), Some(Reason::TooManyArguments));
    let short = Limits {
        id_bytes: 35,
        ..Limits::default()
    };
    assert_eq!(reason(&args, &short), Some(Reason::NoId));
    let named = Limits {
        task_bytes: 7,
        ..Limits::default()
    };
    assert_eq!(reason(&args, &named), Some(Reason::NoTask));
}

#[test]
fn of_two_members_with_one_name_the_last_counts_as_in_python() {
    let raw = String::from_utf8(message("msg-args")).unwrap();
    let raw = raw.replacen("\"retries\": 0", "\"retries\": 0, \"retries\": 5", 1);
    assert_eq!(
        read(raw.as_bytes(), NOW_MS, &Limits::default())
            .unwrap()
            .retries,
        5
    );
}

/// All real messages, all malformed ones, and what is asked of workers.
static CORPUS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let messages = fixtures("msg-").into_iter().flat_map(|name| {
        let messages = fixture(&name)["messages"].as_array().cloned();
        messages.unwrap_or_default()
    });
    let malformed = fixtures("bad-").into_iter().map(|name| fixture(&name));
    let controls = fixtures("control-")
        .into_iter()
        .map(|name| json!({"raw": fixture(&name)["request"]}));
    let all = messages.chain(malformed).chain(controls);
    all.map(|stored| raw_of(&stored))
        .filter(|raw| raw.len() < 20_000)
        .collect()
});

fn small() -> Limits {
    Limits {
        message_bytes: 100_000,
        inflated_bytes: 100_000,
        ..Limits::default()
    }
}

/// Reads it every way there is; what is refused has to be within the limits itself.
fn look_at(raw: &[u8]) {
    let limits = small();
    let _ = head(raw, &limits);
    let _ = control::parse(raw, NOW_MS, "worker1@example", &limits);
    match read(raw, NOW_MS, &limits) {
        Ok(message) => {
            let bytes: usize = message.args.iter().map(|raw| raw.get().len()).sum();
            assert!(bytes <= limits.inflated_bytes + 64);
            assert!(message.id.len() <= limits.id_bytes && message.priority <= 9);
        }
        Err(refusal) => {
            assert!(
                refusal
                    .task_id
                    .is_none_or(|id| !id.is_empty() && id.len() <= limits.id_bytes)
            );
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        look_at(&bytes);
    }

    #[test]
    fn any_text_of_json_signs_is_read_or_refused(
        text in r#"[\[\]{}:,"\\uNaIdDnftrue0-9eE+. \-ud8cD_typvalz]{0,300}"#,
    ) {
        look_at(text.as_bytes());
        look_at(&packed(&zlib(text.as_bytes()), "application/x-gzip"));
    }

    #[test]
    fn a_real_message_with_bytes_changed_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut raw = which.get(&CORPUS).clone();
        for (at, byte) in changes {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        look_at(&raw);
    }

    #[test]
    fn a_real_message_cut_anywhere_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let raw = which.get(&CORPUS);
        look_at(&raw[..at.index(raw.len() + 1)]);
    }

    #[test]
    fn a_body_with_bytes_changed_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let stored = &fixture("msg-python-types")["messages"][0];
        let mut body = stored["body_text"].as_str().unwrap().as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        look_at(&packed(&zlib(&body), "application/x-gzip"));
        look_at(&packed(&body, "application/x-bz2"));
    }

    #[test]
    fn a_header_of_any_text_is_read_or_refused(
        name in prop::sample::select(vec!["eta", "expires", "id", "task", "group", "root_id", "compression"]),
        text in "\\PC{0,80}",
    ) {
        look_at(&super::with_header(name, json!(text)));
    }

    #[test]
    fn valid_json_means_the_same_when_it_was_read(text in "\\PC{0,40}", number in any::<i64>()) {
        let value = json!({text.clone(): [text, number, null, {"a": true}]});
        let body = json!([[value.clone()], {}, {}]).to_string();
        let message = read(&packed(&zlib(body.as_bytes()), "application/x-gzip"), NOW_MS, &small()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(message.args[0].get()).unwrap(), value);
    }
}

#[test]
fn a_result_that_looks_like_a_python_type_is_sent_on_with_other_keys() {
    use rouage::ingress::celery::wire::{Act, Outcome, after};
    let tagged = r#"{"__type__": "x", "__value__": 1}"#.to_owned();
    let result = serde_json::value::RawValue::from_string(tagged).unwrap();
    let chain = read(&message("msg-chain"), NOW_MS, &Limits::default()).unwrap();
    let origin = chain.origin("celery", false);
    let outcome = Outcome::Success { result: &result };
    let acts = super::as_worker(|sender| after(&origin, outcome, sender));
    let Act::Publish { raw, .. } = &acts[0] else {
        panic!("nothing was sent: {acts:?}");
    };
    let body = super::decoded_body(&serde_json::from_str(raw).unwrap());
    assert_eq!(body[0][0], json!({"type": "x", "value": 1}));
}
