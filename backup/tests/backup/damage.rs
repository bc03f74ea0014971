//! A thousand ways to damage a dump, and the ways to make a wrong one: none passes.

use std::fs;
use std::path::Path;

use crm_backup::{Archive, Identities, Leash, Recipients, Sealed, Unfit, seal, verify};
use devkit::Template;

use crate::world::World;

const DAMAGES: u64 = 1000;

/// A generator of numbers that is the same on every machine (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// One kind of damage after the other, at places that the dice choose; never the same bytes as before.
fn damage(good: &[u8], round: u64, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let at = dice.below(good.len());
    match round % 8 {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << dice.below(8),
        2 => {
            let end = (at + 1 + dice.below(4096)).min(bytes.len());
            bytes.drain(at..end);
        }
        3 => bytes.insert(at, dice.below(256) as u8),
        4 => {
            let end = (at + 512).min(bytes.len());
            bytes[at..end].iter_mut().for_each(|byte| *byte = !*byte);
        }
        5 => bytes.extend_from_slice(&good[at..]),
        6 => {
            // A block of the disk that was never written, at the end as after a power cut.
            let length = (4096 * (1 + dice.below(8))).min(bytes.len());
            let start = bytes.len() - length;
            bytes[start..].fill(0);
        }
        _ => {
            let other = dice.below(good.len());
            bytes.swap(at, other);
        }
    }
    if bytes == good {
        bytes.clear();
    }
    bytes
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_dump_that_was_cut_flipped_or_emptied_is_caught_a_thousand_times() {
    let world = World::new(Template::Small).await;
    let (mut manifest, archive) = world.back_up(1).await;
    let leash = Leash::default();
    let (mine, public) = Identities::generate();
    let recipients = Recipients::parse([public.as_str()]).unwrap();
    let path = manifest.name.sealed(world.path());
    let dump = seal(archive.path(), &path, &recipients, &manifest.dump, &leash).unwrap();
    manifest.sealed = Some(Sealed {
        recipients: recipients.names(),
        dump,
        uploads: None,
    });
    let sealed = Archive::new(path, Some(mine)).unwrap();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for archive in [archive, sealed] {
        let good = fs::read(archive.path()).unwrap();
        for round in 0..DAMAGES / 2 {
            write(archive.path(), &damage(&good, round, &mut dice));
            let verdict = verify(&world.tools, &archive, &manifest, &leash);
            assert!(
                matches!(verdict, Err(Unfit::Size { .. } | Unfit::Checksum(_))),
                "round {round} of {:?}: {verdict:?}",
                archive.path().file_name()
            );
        }
        write(archive.path(), &[]);
        assert!(verify(&world.tools, &archive, &manifest, &leash).is_err());
        write(archive.path(), &good);
        verify(&world.tools, &archive, &manifest, &leash).unwrap();
        fs::remove_file(archive.path()).unwrap();
        let missing = verify(&world.tools, &archive, &manifest, &leash);
        assert!(matches!(missing, Err(Unfit::Missing(_))), "{missing:?}");
        write(archive.path(), &good);
    }
}

#[tokio::test]
async fn a_dump_that_was_wrong_when_it_was_hashed_is_caught_by_its_rows() {
    let world = World::new(Template::Small).await;
    let (mut manifest, archive) = world.back_up(2).await;
    let leash = Leash::default();
    let good = fs::read(archive.path()).unwrap();
    // As if pg_dump itself had stopped half way and nobody had looked at its status.
    write(archive.path(), &good[..good.len() * 2 / 3]);
    manifest.dump = crm_backup::facts_of(archive.path(), &leash).unwrap();
    let half = verify(&world.tools, &archive, &manifest, &leash);
    assert!(matches!(half, Err(Unfit::Unreadable(_))), "{half:?}");
    write(archive.path(), &good);
    manifest.dump = crm_backup::facts_of(archive.path(), &leash).unwrap();
    *manifest.rows.get_mut("people").unwrap() += 1;
    let short = verify(&world.tools, &archive, &manifest, &leash);
    assert!(matches!(short, Err(Unfit::Rows { .. })), "{short:?}");
    manifest.rows.insert("lost_table".to_owned(), 3);
    manifest.rows.retain(|table, _| table == "lost_table");
    let lost = verify(&world.tools, &archive, &manifest, &leash);
    assert!(matches!(lost, Err(Unfit::NoTable(_))), "{lost:?}");
}
