//! Listing by filter.

use devkit::Template;

use crate::world::World;

#[tokio::test]
async fn a_filter_and_the_flags_narrow_the_list() {
    let world = World::bare(Template::Empty).await;
    let first = world.enqueue("debug.echo", r#"{"value":1}"#, &["--tag", "team:3"]);
    let later = world.enqueue(
        "debug.sleep",
        r#"{"ms":1}"#,
        &["--in", "1h", "--tag", "team:3"],
    );
    world.enqueue("debug.echo", r#"{"value":3}"#, &[]);
    let ids = |args: &[&str]| -> Vec<String> {
        let listed = world.run(&[&["jobs", "list", "--json"], args].concat());
        let id = |job: &serde_json::Value| job["id"].as_str().unwrap().to_owned();
        listed.objects().iter().map(id).collect()
    };
    assert_eq!(ids(&["tag:team:3"]), [later.clone(), first.clone()]);
    assert_eq!(
        ids(&["tag:team:*", "--state", "available"]),
        std::slice::from_ref(&first)
    );
    assert_eq!(ids(&["-kind:debug.e*"]), [later]);
    assert_eq!(ids(&["--queue", "exports"]), [""; 0]);
    let table = world.run(&["jobs", "list", &format!("id:{first}")]).good();
    assert!(
        table.contains(&first) && table.contains("available"),
        "{table}"
    );
}

#[tokio::test]
async fn a_long_list_says_where_it_goes_on() {
    let world = World::bare(Template::Empty).await;
    for id in ["a", "b", "c"] {
        world.enqueue("debug.echo", r#"{"value":1}"#, &["--id", id]);
    }
    let start = world.run(&["jobs", "list", "--limit", "2", "--json"]);
    let cursor = start.stderr.split('\'').nth(1).unwrap();
    assert_eq!(start.objects().len(), 2);
    let rest = world.run(&["jobs", "list", "--after", cursor, "--json"]);
    assert_eq!(
        (rest.objects()[0]["id"].as_str(), rest.stderr.as_str()),
        (Some("c"), "")
    );
}

#[tokio::test]
async fn a_wrong_filter_is_answered_with_its_place_and_a_suggestion() {
    let world = World::bare(Template::Empty).await;
    let wrong = world.run(&["jobs", "list", "kind:a stat:held"]);
    assert_eq!(wrong.code, 2);
    let said = r#"unknown term "stat" at 8; hint: did you mean "state"?"#;
    assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
}
