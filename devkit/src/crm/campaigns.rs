//! The sends of the fixed campaigns, and who has unsubscribed.
//!
//! The campaigns themselves, their steps and batches are in `fixed_rows.sql`: one for each status,
//! numbered 1 (draft, without sends) to 6 (cancelled). The states of the sends fit the campaign's,
//! and its totals are counted afterwards.

use sqlx::PgConnection;

use super::copy::{Rows, load};
use super::rng::{Rng, Stream};
use super::{moment, people};

const SENDS: &str = "email_sends (campaign_id, batch_id, step_id, template_id, recipient_email, \
    recipient_name, recipient_person_id, variant, status, scheduled_at, sent_at, \
    provider_message_id, error_message, metadata, id, created_at, updated_at)";
const UNSUBSCRIBED: &str =
    "unsubscribed_emails (email, unsubscribed_at, source, reason, created_at, updated_at)";

const SCHEDULED: u64 = 2;
const RUNNING: u64 = 3;
const CANCELLED: u64 = 6;
/// The campaigns that have sends: 2 to 6.
const WITH_SENDS: u64 = 5;

/// Sends `count` mails to some of the people 1 to `people`.
pub(super) async fn fill_sends(
    connection: &mut PgConnection,
    count: u64,
    people: u64,
    houses: u64,
) -> sqlx::Result<u64> {
    let sent = load(connection, SENDS, count, move |id, rows| {
        write_send(id, people, houses, rows);
    });
    let sent = sent.await?;
    sqlx::raw_sql(TOTALS).execute(connection).await?;
    Ok(sent)
}

/// Every fiftieth address has unsubscribed.
pub(super) async fn fill_unsubscribed(
    connection: &mut PgConnection,
    people: u64,
    houses: u64,
) -> sqlx::Result<u64> {
    load(
        connection,
        UNSUBSCRIBED,
        people / 50,
        move |number, rows| {
            let mut rng = Rng::of(Stream::Unsubscribed, number);
            rows.text(&people::address(number * 50, houses));
            let at = moment::before(&mut rng, 500);
            rows.value(&at).value(rng.pick(&["web", "email", "manual"]));
            let reason = "Trop d'envois ; \"plus intéressé\"";
            rows.optional(rng.chance(30).then_some(reason));
            rows.value(&at).value(&at);
            rows.end();
        },
    )
    .await
}

fn write_send(id: u64, people: u64, houses: u64, rows: &mut Rows) {
    let mut rng = Rng::of(Stream::Send, id);
    let campaign = SCHEDULED + id % WITH_SENDS;
    let second = rng.chance(30);
    let person = rng.below(people) + 1;
    let (given, family) = people::name(person);
    let status = status(campaign, &mut rng);
    rows.value(campaign).value(campaign);
    rows.value((campaign - 1) * 2 + 1 + u64::from(second));
    rows.maybe((campaign != CANCELLED).then(|| rng.below(3) + 1));
    rows.text(&people::address(person, houses))
        .text(&format!("{given} {family}"))
        .value(person);
    rows.optional((campaign == RUNNING).then_some(if second { "B" } else { "A" }));
    rows.value(status);
    let scheduled = match campaign {
        SCHEDULED => moment::after(&mut rng, 5),
        _ => moment::before(&mut rng, 90),
    };
    rows.value(scheduled);
    let handed_over = !matches!(status, "QUEUED" | "SCHEDULED" | "SENDING" | "FAILED");
    rows.maybe(handed_over.then(|| moment::before(&mut rng, 80)));
    rows.maybe(handed_over.then(|| format!("msg-{id:08x}")));
    rows.optional((status == "FAILED").then_some("550 5.1.1 utilisateur inconnu, \"refusé\""));
    rows.maybe(rng.chance(20).then_some("{\"source\": \"liste\"}"));
    rows.value(id)
        .value(moment::before(&mut rng, 100))
        .value(moment::before(&mut rng, 80))
        .end();
}

/// A state that a send of this campaign can be in.
fn status(campaign: u64, rng: &mut Rng) -> &'static str {
    match campaign {
        SCHEDULED => "SCHEDULED",
        RUNNING => rng.pick(&[
            "QUEUED",
            "QUEUED",
            "SCHEDULED",
            "SENDING",
            "SENT",
            "DELIVERED",
        ]),
        4 => rng.pick(&["QUEUED", "SENT", "DELIVERED", "OPENED"]),
        5 => rng.pick(&[
            "SENT",
            "DELIVERED",
            "DELIVERED",
            "OPENED",
            "OPENED",
            "CLICKED",
            "BOUNCED",
            "FAILED",
            "UNSUBSCRIBED",
            "COMPLAINED",
        ]),
        _ => rng.pick(&["FAILED", "SENT"]),
    }
}

/// What the CRM's pages read instead of counting sends.
const TOTALS: &str = "
    UPDATE email_campaigns
    SET total_recipients = counted.recipients, total_sent = counted.sent, last_sent_at = counted.last
    FROM (SELECT campaign_id, count(DISTINCT recipient_email) AS recipients, count(sent_at) AS sent,
                 max(sent_at) AS last FROM email_sends GROUP BY campaign_id) AS counted
    WHERE counted.campaign_id = email_campaigns.id;

    UPDATE email_send_batches
    SET total_recipients = counted.recipients, sent_count = counted.sent,
        bounced_count = counted.bounced, failed_count = counted.failed
    FROM (SELECT batch_id, count(*) AS recipients, count(sent_at) AS sent,
                 count(*) FILTER (WHERE status = 'BOUNCED') AS bounced,
                 count(*) FILTER (WHERE status = 'FAILED') AS failed
          FROM email_sends GROUP BY batch_id) AS counted
    WHERE counted.batch_id = email_send_batches.id;";
