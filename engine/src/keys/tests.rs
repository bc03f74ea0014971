use super::*;

#[test]
fn all_keys_of_a_queue_share_one_hash_tag() {
    let keys = Keyspace::new("rouage").queue("exports");
    for key in [
        keys.job(),
        keys.lease(),
        keys.ready(),
        keys.count(),
        keys.wake(),
    ] {
        assert!(key.starts_with("rouage:{exports}:"), "{key}");
    }
}
