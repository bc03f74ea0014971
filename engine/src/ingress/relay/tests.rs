use serde_json::value::RawValue;

use super::*;

fn build() -> Build {
    Arc::new(|kind, payload| {
        let (queue, _) = kind.split_once('.').ok_or("unknown kind")?;
        let payload = RawValue::from_string(payload.to_owned()).map_err(|_| "no JSON")?;
        NewJob::from_parts(queue, kind, payload, Priority::NORMAL)
            .map_err(|error| error.to_string())
    })
}

fn entry(ticket: u32, kind: &str) -> Entry<u32> {
    Entry {
        ticket,
        id: format!("row-{ticket}"),
        kind: kind.to_owned(),
        payload: "null".to_owned(),
        ..Entry::default()
    }
}

#[test]
fn entries_are_sorted_by_queue_and_keep_their_order() {
    let kinds = ["b.one", "a.one", "b.two", "a.two"];
    let entries = (0..).zip(kinds).map(|(n, kind)| entry(n, kind)).collect();
    let sorted = sort(entries, &build());
    let order: Vec<(&str, Vec<u32>)> = sorted
        .queues
        .iter()
        .map(|(queue, jobs)| (queue.as_str(), jobs.iter().map(|(n, _)| *n).collect()))
        .collect();
    assert_eq!(order, [("a", vec![1, 3]), ("b", vec![0, 2])]);
}

#[test]
fn what_no_job_can_have_parks_the_entry_and_no_other() {
    let wrong = [
        entry(1, "none"),
        Entry {
            id: "a b".to_owned(),
            ..entry(2, "a.one")
        },
        Entry {
            priority: Some(10),
            ..entry(3, "a.one")
        },
        Entry {
            tags: vec!["two\nlines".to_owned()],
            ..entry(4, "a.one")
        },
        Entry {
            payload: "{".to_owned(),
            ..entry(5, "a.one")
        },
        entry(6, "a.one"),
    ];
    let sorted = sort(wrong.to_vec(), &build());
    let parked: Vec<u32> = sorted.parked.iter().map(|entry| entry.ticket).collect();
    assert_eq!(parked, [1, 2, 3, 4, 5]);
    assert_eq!(sorted.queues["a"].len(), 1);
}

#[test]
fn wishes_of_an_entry_win_over_the_kinds_policy() {
    let wishes = Entry {
        run_at: Some(7),
        expires_at: Some(9),
        priority: Some(1),
        max_attempts: Some(2),
        unique: Some("key".to_owned()),
        tags: vec!["campaign:12".to_owned()],
        ..entry(1, "a.one")
    };
    let job = job(&wishes, &build()).unwrap();
    assert_eq!((job.id.as_str(), job.run_at), ("row-1", RunAt::At(7)));
    assert_eq!(job.envelope.expires_at, Some(9));
    assert_eq!(job.envelope.priority.get(), 1);
    assert_eq!(job.envelope.max_attempts, Some(2));
    assert_eq!(job.unique, Some(Unique::while_live("key")));
    assert_eq!(job.envelope.tags, ["campaign:12"]);
}
