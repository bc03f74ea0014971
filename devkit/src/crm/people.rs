//! The people, with consent, anonymised rows and the awkward ones.

use sqlx::PgConnection;

use super::awkward::Awkward;
use super::copy::{Rows, load};
use super::links::Houses;
use super::moment;
use super::names::{FAMILY, GIVEN, JOBS, PARTS, TOWNS, Town};
use super::organisations::{House, slug};
use super::rng::{Rng, Stream};

const TARGET: &str = "people (prenom, nom, email, personal_email, telephone, personal_phone, \
    mobile, fonction, role, country_code, language, notes, linkedin_url, is_active, \
    email_unsubscribed, is_anonymized, gdpr_consent, gdpr_consent_date, anonymized_at, \
    last_activity_date, id, created_at, updated_at)";

/// Length limits of the columns that awkward values try.
const NAME: usize = 100;
const JOB: usize = 200;
const ROLE: usize = 150;
const LINK: usize = 500;
/// Notes have no limit; long ones are this long.
const NOTES: usize = 10_000;
/// One person in this many has been anonymised.
const ANONYMISED: u64 = 200;

/// The mobile prefix kept for fiction.
const MOBILE: &str = "06 39 98";

const LANGUAGES: [&str; 8] = ["fr", "fr", "fr", "fr", "fr", "en", "de", "it"];

/// Sends the people 1 to `count`, who work for the houses 1 to `houses`.
pub(super) async fn fill(
    connection: &mut PgConnection,
    count: u64,
    houses: u64,
) -> sqlx::Result<u64> {
    load(connection, TARGET, count, move |id, rows| {
        write(id, houses, rows);
    })
    .await
}

/// Given name and family name, before anything awkward happens to them.
pub(super) fn name(id: u64) -> (&'static str, &'static str) {
    let mut rng = Rng::of(Stream::PersonName, id);
    (rng.pick(&GIVEN), rng.pick(&FAMILY))
}

/// The address at a house: always the same, always unique.
pub(super) fn work_address(id: u64, house: &House) -> String {
    let (given, family) = name(id);
    format!("{}.{}.{id}@{}", slug(given), slug(family), house.domain)
}

/// The address the person is written to, whether or not the person's row has it.
pub(super) fn address(id: u64, houses: u64) -> String {
    match Houses::of(id, houses).primary() {
        Some(house) => work_address(id, &House::of(house)),
        None => personal_address(id),
    }
}

fn personal_address(id: u64) -> String {
    let (given, family) = name(id);
    format!("{}-{}{id}@courriel.example.net", slug(given), slug(family))
}

fn write(id: u64, houses: u64, rows: &mut Rows) {
    let mut rng = Rng::of(Stream::Person, id);
    let awkward = Awkward::of_person(id as i32);
    let anonymised = awkward.is_none() && rng.below(ANONYMISED) == 0;
    if anonymised {
        write_anonymous(id, rows);
    } else {
        write_contact(id, houses, awkward, &mut rng, rows);
        write_profile(id, awkward, &mut rng, rows);
    }
    write_state(anonymised, &mut rng, rows);
    rows.value(id)
        .value(moment::before(&mut rng, 1000))
        .value(moment::before(&mut rng, 300));
    rows.end();
}

/// From `prenom` to `linkedin_url` of someone who asked to be forgotten.
fn write_anonymous(id: u64, rows: &mut Rows) {
    rows.text("ANONYME")
        .text("ANONYME")
        .value(format_args!("anonyme-{id}@example.com"));
    for _ in 0..10 {
        rows.null();
    }
}

/// From `prenom` to `mobile`.
fn write_contact(id: u64, houses: u64, awkward: Option<Awkward>, rng: &mut Rng, rows: &mut Rows) {
    let (given, family) = name(id);
    let bare = awkward == Some(Awkward::Nulls);
    let empty = awkward == Some(Awkward::Empty);
    rows.optional(changed(awkward, given, NAME).as_deref());
    rows.optional(changed(awkward, family, NAME).as_deref());
    rows.maybe((!bare && !empty && rng.chance(92)).then(|| address(id, houses)));
    rows.maybe((!bare && !empty && rng.chance(35)).then(|| personal_address(id)));
    let town = rng.pick(&TOWNS);
    let prefixes = [(town.phone, 60), (town.phone, 10), (MOBILE, 55)];
    for (prefix, percent) in prefixes {
        let number = rng.below(10_000);
        let known = rng.chance(percent);
        let written = match awkward {
            Some(Awkward::Nulls) => None,
            Some(Awkward::Empty) => Some(String::new()),
            _ => known.then(|| phone(prefix, number)),
        };
        rows.optional(written.as_deref());
    }
}

/// From `fonction` to `linkedin_url`.
fn write_profile(id: u64, awkward: Option<Awkward>, rng: &mut Rng, rows: &mut Rows) {
    let bare = awkward == Some(Awkward::Nulls);
    let (given, family) = name(id);
    let (job, part) = (rng.pick(&JOBS), rng.pick(&PARTS));
    let job = (awkward.is_some() || rng.chance(85)).then_some(job);
    rows.optional(job.and_then(|job| changed(awkward, job, JOB)).as_deref());
    let part = (awkward.is_some() || rng.chance(40)).then_some(part);
    rows.optional(
        part.and_then(|part| changed(awkward, part, ROLE))
            .as_deref(),
    );
    let town: Town = rng.pick(&TOWNS);
    rows.optional((!bare).then_some(town.country_code));
    rows.optional((!bare).then(|| rng.pick(&LANGUAGES)));
    let notes = match awkward {
        Some(kind) => kind.text("Préfère être appelé le matin", NOTES),
        None => rng
            .chance(12)
            .then(|| "Intéressée par l'ISR, à revoir au T2".to_owned()),
    };
    rows.optional(notes.as_deref());
    let profile = format!(
        "https://profils.example.org/{}-{}-{id}",
        slug(given),
        slug(family)
    );
    let profile = match awkward {
        Some(Awkward::Longest) => Some(format!("{profile:-<LINK$}")),
        Some(Awkward::Nulls) => None,
        Some(Awkward::Empty) => Some(String::new()),
        _ => rng.chance(45).then_some(profile),
    };
    rows.optional(profile.as_deref());
}

/// From `is_active` to `last_activity_date`.
fn write_state(anonymised: bool, rng: &mut Rng, rows: &mut Rows) {
    let known = rng.chance(98);
    let active = !anonymised && rng.chance(93);
    rows.maybe(known.then_some(if active { 't' } else { 'f' }));
    rows.value(if rng.chance(4) { 't' } else { 'f' });
    rows.value(if anonymised { 't' } else { 'f' });
    let consent = match rng.below(10) {
        0..5 => Some(true),
        5..8 => Some(false),
        _ => None,
    };
    rows.maybe(consent.map(|given| if given { 't' } else { 'f' }));
    rows.maybe((consent == Some(true)).then(|| moment::before(rng, 900)));
    rows.maybe(anonymised.then(|| moment::before(rng, 200)));
    rows.maybe(rng.chance(50).then(|| moment::before(rng, 600)));
}

/// What the row holds instead of the usual value.
fn changed(awkward: Option<Awkward>, usual: &str, limit: usize) -> Option<String> {
    match awkward {
        Some(kind) => kind.text(usual, limit),
        None => Some(usual.to_owned()),
    }
}

fn phone(prefix: &str, number: u64) -> String {
    format!("{prefix} {:02} {:02}", number / 100, number % 100)
}
