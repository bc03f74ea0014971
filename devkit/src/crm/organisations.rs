//! The houses: asset managers, advisers, banks, investors.
//!
//! What other rows need to know of a house, its name, type and mail domain, is computed again from
//! its number instead of being kept.

use sqlx::PgConnection;

use super::awkward::Awkward;
use super::copy::{Rows, load};
use super::moment;
use super::names::{HOUSE, HOUSE_SECOND, STRATEGIES, STREETS, TOWNS, TRADES, Trade};
use super::rng::{Rng, Stream};
use super::users::OWNERS;

const TARGET: &str = "organisations (nom, type, category, aum, aum_date, strategies, email, \
    telephone, website, adresse, ville, code_postal, pays, country_code, domicile, language, \
    notes, description, tags, is_active, email_unsubscribed, created_by, assigned_to, owner_id, \
    pipeline_stage, montant_potentiel, date_signature, probabilite_signature, is_anonymized, \
    gdpr_consent, gdpr_consent_date, last_activity_date, id, created_at, updated_at)";

const STAGES: [&str; 9] = [
    "LEAD",
    "QUALIFIED",
    "PROSPECT",
    "QUALIFICATION",
    "PROPOSITION",
    "NEGOCIATION",
    "SIGNE",
    "PERDU",
    "INACTIF",
];
const LANGUAGES: [&str; 8] = ["fr", "fr", "fr", "fr", "fr", "en", "de", "fr-CH"];

/// What a house is called and what it does.
#[derive(Debug)]
pub(super) struct House {
    pub(super) name: String,
    pub(super) trade: Trade,
    /// Unique, and in a domain that is reserved for examples.
    pub(super) domain: String,
}

impl House {
    /// The house with this number.
    pub(super) fn of(id: u64) -> Self {
        let mut rng = Rng::of(Stream::OrganisationName, id);
        let trade = rng.pick(&TRADES);
        let (first, second) = (rng.pick(&HOUSE), rng.pick(&HOUSE_SECOND));
        let stem = format!("{first} {second}");
        let stem = stem.trim_end();
        let zone = rng.pick(&["example.org", "example.net", "test"]);
        Self {
            name: trade.pattern.replace("{}", stem),
            trade,
            domain: format!("{}-{id}.{zone}", slug(stem)),
        }
    }
}

/// Sends the houses 1 to `count`.
pub(super) async fn fill(connection: &mut PgConnection, count: u64) -> sqlx::Result<u64> {
    load(connection, TARGET, count, write).await
}

/// Letters and digits without accents, words joined by hyphens; for addresses.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            'à' | 'â' => slug.push('a'),
            'ç' => slug.push('c'),
            'é' | 'è' | 'ê' | 'ë' => slug.push('e'),
            'î' | 'ï' => slug.push('i'),
            'ô' => slug.push('o'),
            'ù' | 'û' => slug.push('u'),
            _ if !slug.ends_with('-') && !slug.is_empty() => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn write(id: u64, rows: &mut Rows) {
    let house = House::of(id);
    let mut rng = Rng::of(Stream::Organisation, id);
    let awkward = Awkward::of_organisation(id as i32);
    write_identity(&house, awkward, &mut rng, rows);
    write_place(awkward, &mut rng, rows);
    write_follow_up(&mut rng, rows);
    let consent = rng.chance(40);
    rows.value('f').value(if consent { 't' } else { 'f' });
    rows.maybe(consent.then(|| moment::before(&mut rng, 900)));
    let active = rng.chance(70);
    rows.maybe(active.then(|| moment::before(&mut rng, 400)));
    rows.value(id)
        .value(moment::before(&mut rng, 1000))
        .value(moment::before(&mut rng, 300));
    rows.end();
}

/// From `nom` to `website`.
fn write_identity(house: &House, awkward: Option<Awkward>, rng: &mut Rng, rows: &mut Rows) {
    let nulls = awkward == Some(Awkward::Nulls);
    let name = awkward.and_then(|kind| kind.text(&house.name, 255));
    // The column is not null, and an empty name would not be found again.
    let name = name.filter(|name| !name.is_empty());
    rows.text(name.as_deref().unwrap_or(&house.name));
    rows.value(house.trade.kind);
    rows.maybe((!nulls && rng.chance(95)).then_some(house.trade.category));
    let assets = rng
        .chance(60)
        .then(|| rng.below(90_000_000_000) + 50_000_000);
    let day = moment::day(rng, 700, 1);
    rows.maybe(
        assets
            .filter(|_| !nulls)
            .map(|cents| format!("{}.{:02}", cents / 100, cents % 100)),
    );
    rows.maybe(assets.filter(|_| !nulls).map(|_| day));
    let strategies = [rng.pick(&STRATEGIES), rng.pick(&STRATEGIES)];
    rows.maybe((!nulls).then(|| format!("[\"{}\", \"{}\"]", strategies[0], strategies[1])));
    let number = rng.below(10_000);
    rows.maybe((!nulls).then(|| format!("contact@{}", house.domain)));
    let phone = format!("01 99 00 {:02} {:02}", number / 100, number % 100);
    rows.maybe((!nulls && rng.chance(80)).then_some(phone));
    rows.maybe((!nulls && rng.chance(70)).then(|| format!("https://www.{}", house.domain)));
}

/// From `adresse` to `email_unsubscribed`.
fn write_place(awkward: Option<Awkward>, rng: &mut Rng, rows: &mut Rows) {
    let nulls = awkward == Some(Awkward::Nulls);
    let town = rng.pick(&TOWNS);
    let address = format!("{} {}", rng.below(200) + 1, rng.pick(&STREETS));
    let address = match awkward {
        Some(kind) => kind.text(&address, 2_000),
        None => Some(address),
    };
    rows.optional(address.as_deref());
    for value in [
        town.name,
        town.postcode,
        town.country,
        town.country_code,
        town.country,
    ] {
        rows.optional((!nulls).then_some(value));
    }
    rows.value(rng.pick(&LANGUAGES));
    let notes = match awkward {
        Some(kind) => kind.text("À rappeler", 10_000),
        None => rng
            .chance(15)
            .then(|| "Rencontrés au salon de Lyon".to_owned()),
    };
    rows.optional(notes.as_deref());
    rows.optional((!nulls && rng.chance(30)).then_some("Société indépendante, agréée AMF"));
    rows.optional((!nulls && rng.chance(30)).then_some("[\"prioritaire\", \"événement\"]"));
    rows.maybe((!nulls).then(|| if rng.chance(94) { 't' } else { 'f' }));
    rows.value(if rng.chance(3) { 't' } else { 'f' });
}

/// From `created_by` to `probabilite_signature`.
fn write_follow_up(rng: &mut Rng, rows: &mut Rows) {
    rows.maybe(rng.chance(90).then(|| rng.pick(&OWNERS)));
    rows.maybe(rng.chance(75).then(|| rng.pick(&OWNERS)));
    rows.maybe(rng.chance(88).then(|| rng.pick(&OWNERS)));
    let stage = rng.pick(&STAGES);
    rows.value(stage);
    rows.maybe(
        rng.chance(50)
            .then(|| format!("{}.50", rng.below(20_000_000))),
    );
    let signed = stage == "SIGNE";
    rows.maybe(signed.then(|| moment::day(rng, 600, 1)));
    rows.maybe(if signed {
        Some(100)
    } else {
        rng.chance(60).then(|| rng.below(101))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_fit_into_an_address() {
        assert_eq!(slug("Étoile du Sud — L'Hôtel "), "etoile-du-sud-l-hotel");
        assert_eq!(slug("Ypres & Cie"), "ypres-cie");
    }
}
