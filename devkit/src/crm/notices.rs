//! What the CRM's users find on their desks: mandates, to-dos and notices.

use sqlx::PgConnection;

use super::awkward::Awkward;
use super::copy::{Rows, load};
use super::moment;
use super::rng::{Rng, Stream};
use super::users::{OWNERS, SUPERUSER_ID};

const MANDATES: &str = "mandats (organisation_id, number, type, status, start_date, end_date, \
    amount, description, owner_id, id, created_at, updated_at)";
const TASKS: &str = "tasks (title, status, priority, category, due_date, completed_at, \
    assigned_to, created_by, organisation_id, person_id, id, created_at, updated_at)";
const NOTICES: &str = "notifications (user_id, type, priority, title, message, link, \
    resource_type, resource_id, is_read, read_at, is_archived, expires_at, created_at, updated_at)";

const NOTICE_TYPES: [&str; 8] = [
    "SYSTEM",
    "TASK_ASSIGNED",
    "TASK_DUE",
    "PIPELINE_MOVED",
    "MANDAT_SIGNED",
    "EXPORT_READY",
    "NEW_CONTACT",
    "AUTRE",
];

/// Sends a mandate for every second of the houses 1 to `houses`.
pub(super) async fn fill_mandates(connection: &mut PgConnection, houses: u64) -> sqlx::Result<u64> {
    load(connection, MANDATES, houses / 2, |id, rows| {
        let mut rng = Rng::of(Stream::Mandate, id);
        rows.value(id * 2).maybe(
            rng.chance(90)
                .then(|| format!("M-{:04}-{id:06}", 2023 + id % 3)),
        );
        rows.value(rng.pick(&["VENTE", "ACQUISITION", "DISTRIBUTION"]));
        rows.value(rng.pick(&["PROPOSE", "SIGNE", "ACTIF", "TERMINE"]));
        rows.value(moment::before(&mut rng, 900));
        // Some end within the next month: those that a reminder should find.
        rows.maybe(rng.chance(60).then(|| moment::after(&mut rng, 400)));
        rows.maybe(
            rng.chance(80)
                .then(|| format!("{}.00", rng.below(50_000_000))),
        );
        let description = match Awkward::of_organisation(id as i32) {
            Some(kind) => kind.text("Mandat de distribution", 4_000),
            None => None,
        };
        rows.optional(description.as_deref());
        rows.maybe(rng.chance(85).then(|| rng.pick(&OWNERS)));
        rows.value(id)
            .value(moment::before(&mut rng, 900))
            .value(moment::before(&mut rng, 300))
            .end();
    })
    .await
}

/// Sends `count` to-dos about the people 1 to `people` and the houses 1 to `houses`.
pub(super) async fn fill_tasks(
    connection: &mut PgConnection,
    count: u64,
    people: u64,
    houses: u64,
) -> sqlx::Result<u64> {
    load(connection, TASKS, count, move |id, rows| {
        write_task(id, people, houses, rows);
    })
    .await
}

/// Sends `count` notices.
pub(super) async fn fill_notices(connection: &mut PgConnection, count: u64) -> sqlx::Result<u64> {
    load(connection, NOTICES, count, write_notice).await
}

fn write_task(id: u64, people: u64, houses: u64, rows: &mut Rows) {
    let mut rng = Rng::of(Stream::Task, id);
    let status = rng.pick(&["TODO", "TODO", "DOING", "DONE", "CANCELLED"]);
    rows.text(rng.pick(&[
        "Rappeler",
        "Préparer le rendez-vous",
        "Envoyer la documentation",
    ]));
    rows.value(status)
        .value(rng.pick(&["BASSE", "MOYENNE", "HAUTE", "CRITIQUE"]));
    rows.value(rng.pick(&["RELANCE", "RDV", "EMAIL", "DUE_DILIGENCE", "ADMIN"]));
    let overdue = rng.chance(40);
    rows.maybe(rng.chance(80).then(|| {
        if overdue {
            moment::before(&mut rng, 60)
        } else {
            moment::after(&mut rng, 60)
        }
    }));
    rows.maybe((status == "DONE").then(|| moment::before(&mut rng, 60)));
    rows.maybe(rng.chance(90).then(|| rng.pick(&OWNERS)))
        .value(rng.pick(&OWNERS));
    rows.maybe(rng.chance(70).then(|| rng.below(houses) + 1));
    rows.maybe(rng.chance(50).then(|| rng.below(people) + 1));
    rows.value(id)
        .value(moment::before(&mut rng, 200))
        .value(moment::before(&mut rng, 100))
        .end();
}

fn write_notice(number: u64, rows: &mut Rows) {
    let mut rng = Rng::of(Stream::Notice, number);
    let kind = rng.pick(&NOTICE_TYPES);
    rows.value(rng.below(SUPERUSER_ID as u64) + 1).value(kind);
    rows.value(rng.pick(&["LOW", "NORMAL", "NORMAL", "HIGH", "URGENT"]));
    rows.text("Mise à jour de votre portefeuille");
    rows.optional(
        rng.chance(80)
            .then_some("Une fiche que vous suivez a changé.\nOuvrez-la."),
    );
    rows.maybe(
        rng.chance(60)
            .then(|| format!("/dashboard/fiches/{number}")),
    );
    rows.optional(rng.chance(60).then_some("organisation"))
        .maybe(rng.chance(60).then_some(number));
    let read = rng.chance(55);
    rows.value(if read { 't' } else { 'f' });
    rows.maybe(read.then(|| moment::before(&mut rng, 60)));
    rows.value(if rng.chance(10) { 't' } else { 'f' });
    rows.maybe(rng.chance(30).then(|| moment::after(&mut rng, 90)));
    rows.value(moment::before(&mut rng, 200))
        .value(moment::before(&mut rng, 60))
        .end();
}
