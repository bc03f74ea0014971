//! Which person works for which house.
//!
//! A person has none to three links, the first of which is the primary one. The choice is computed
//! from the person's number, so that the people's mail addresses can agree with it.

use sqlx::PgConnection;

use super::copy::{Rows, load};
use super::moment;
use super::names::JOBS;
use super::organisations::House;
use super::people;
use super::rng::{Rng, Stream};

const TARGET: &str = "person_organization_links (person_id, organisation_id, role, \
    organization_type, is_primary, job_title, work_email, work_phone, created_at, updated_at)";

const ROLES: [&str; 6] = [
    "CONTACT_PRINCIPAL",
    "CONTACT_SECONDAIRE",
    "DECIDEUR",
    "TECHNIQUE",
    "ADMINISTRATIF",
    "AUTRE",
];

/// The houses of one person, the primary one first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Houses {
    ids: [u64; 3],
    count: usize,
}

impl Houses {
    /// Chooses among the houses 1 to `houses`.
    pub(super) fn of(person: u64, houses: u64) -> Self {
        let mut rng = Rng::of(Stream::Links, person);
        let wanted = match rng.below(100) {
            0..10 => 0,
            10..75 => 1,
            75..93 => 2,
            _ => 3,
        };
        let mut chosen = Self::default();
        for _ in 0..wanted {
            let id = rng.below(houses) + 1;
            // A house drawn twice counts once.
            if !chosen.as_slice().contains(&id) {
                chosen.ids[chosen.count] = id;
                chosen.count += 1;
            }
        }
        chosen
    }

    /// The primary house.
    pub(super) fn primary(&self) -> Option<u64> {
        self.as_slice().first().copied()
    }

    fn as_slice(&self) -> &[u64] {
        &self.ids[..self.count]
    }
}

/// Sends the links of the people 1 to `people`.
pub(super) async fn fill(
    connection: &mut PgConnection,
    people: u64,
    houses: u64,
) -> sqlx::Result<u64> {
    load(connection, TARGET, people, move |person, rows| {
        write(person, houses, rows);
    })
    .await
}

fn write(person: u64, houses: u64, rows: &mut Rows) {
    let chosen = Houses::of(person, houses);
    for (position, &id) in chosen.as_slice().iter().enumerate() {
        let house = House::of(id);
        // A stream of its own for each link, away from the choice of houses.
        let mut rng = Rng::of(Stream::Links, ((position as u64 + 1) << 40) | person);
        let primary = position == 0;
        rows.value(person).value(id);
        rows.value(rng.pick(&ROLES)).value(house.trade.kind);
        rows.value(if primary { 't' } else { 'f' });
        rows.optional(rng.chance(60).then(|| rng.pick(&JOBS)));
        rows.maybe(rng.chance(70).then(|| people::work_address(person, &house)));
        let number = rng.below(10_000);
        rows.maybe(
            rng.chance(40)
                .then(|| format!("01 99 00 {:02} {:02}", number / 100, number % 100)),
        );
        rows.value(moment::before(&mut rng, 1000))
            .value(moment::before(&mut rng, 300));
        rows.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn houses_are_distinct_and_exist() {
        for person in 1..2_000 {
            let houses = Houses::of(person, 5);
            let mut ids = houses.as_slice().to_vec();
            assert!(ids.iter().all(|id| (1..=5).contains(id)));
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), houses.count);
        }
    }
}
