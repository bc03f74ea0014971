//! The accounts that tests look for by name.
//!
//! Their rows, with teams and roles, are in `fixed_rows.sql`; a test of this crate compares the
//! two. Teams are 1 Paris, 2 Lyon, 3 Marseille. Nobody can log in: the stored password hashes are
//! not hashes.

/// Role admin, team Paris.
pub const ADMIN_ID: i32 = 1;
/// Role manager, team Paris.
pub const MANAGER_PARIS_ID: i32 = 2;
/// Role user, team Paris.
pub const USER_PARIS_ID: i32 = 3;
/// Role viewer, team Paris.
pub const VIEWER_PARIS_ID: i32 = 4;
/// Role manager, team Lyon.
pub const MANAGER_LYON_ID: i32 = 5;
/// Role user, team Lyon.
pub const USER_LYON_ID: i32 = 6;
/// Role manager, team Marseille.
pub const MANAGER_MARSEILLE_ID: i32 = 7;
/// Role user, team Marseille.
pub const USER_MARSEILLE_ID: i32 = 8;
/// Role user, team Paris, but deactivated; last seen three years ago.
pub const INACTIVE_ID: i32 = 9;
/// Role user without a team.
pub const NO_TEAM_ID: i32 = 10;
/// Team Lyon without a role.
pub const NO_ROLE_ID: i32 = 11;
/// Role viewer, team Marseille, with the superuser flag: whatever it may do, the flag gave it.
pub const SUPERUSER_ID: i32 = 12;

/// The first team.
pub const PARIS_TEAM_ID: i32 = 1;
/// The second team.
pub const LYON_TEAM_ID: i32 = 2;
/// The third team.
pub const MARSEILLE_TEAM_ID: i32 = 3;

/// Who owns organisations; the repetitions are shares. The viewers own none.
pub(super) const OWNERS: [i32; 16] = [
    ADMIN_ID,
    MANAGER_PARIS_ID,
    MANAGER_PARIS_ID,
    USER_PARIS_ID,
    USER_PARIS_ID,
    USER_PARIS_ID,
    MANAGER_LYON_ID,
    MANAGER_LYON_ID,
    USER_LYON_ID,
    USER_LYON_ID,
    USER_LYON_ID,
    MANAGER_MARSEILLE_ID,
    USER_MARSEILLE_ID,
    USER_MARSEILLE_ID,
    INACTIVE_ID,
    NO_TEAM_ID,
];
