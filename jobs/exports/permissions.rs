//! Which rows a user may see, decided when the export runs.
//!
//! The payload says who asks, never what that person may see: a role can change between the
//! request and the run, and a producer can be wrong. The rules are the CRM's: administrators
//! see everything, managers and viewers what their team owns, users what they own. Whoever
//! has no team, no role or an unknown role sees nothing, which is a file with a header only.
//!
//! A person has no owner and is seen through the organisations it is linked to.

use rouage::JobError;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

use crate::exports::dataset::Owner;
use crate::exports::request::Request;

/// The rows one user may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of them.
    All,
    /// Those whose owner is in this team.
    Team(i32),
    /// Those this user owns.
    User(i32),
    /// None.
    Nothing,
}

/// What decides the scope.
#[derive(Debug, Default, FromRow)]
struct Account {
    id: i32,
    is_active: bool,
    is_superuser: bool,
    team_id: Option<i32>,
    role: Option<String>,
}

const ACCOUNT: &str = "SELECT u.id, u.is_active, u.is_superuser, u.team_id, r.name AS role \
     FROM public.users u LEFT JOIN public.roles r ON r.id = u.role_id WHERE u.id = $1";

const PERMISSION: &str = "SELECT EXISTS (SELECT FROM public.role_permissions g \
     JOIN public.permissions p ON p.id = g.permission_id \
     WHERE g.role_id = (SELECT u.role_id FROM public.users u WHERE u.id = $1) \
     AND p.resource::text = $2 AND p.action::text = 'EXPORT' AND p.is_active IS NOT FALSE)";

/// The rows of the request its user may see; a permanent failure if there is no such user, if it
/// is inactive, or if it may not export them at all.
pub(super) async fn scope_of(
    connection: &mut PgConnection,
    request: &Request,
    needs_permission: bool,
) -> Result<Scope, JobError> {
    let user_id = request.user_id;
    let account: Option<Account> = sqlx::query_as(ACCOUNT)
        .bind(user_id)
        .fetch_optional(&mut *connection)
        .await?;
    let account = match account {
        None => return Err(JobError::discard(format!("user {user_id} does not exist"))),
        Some(account) if !account.is_active => {
            return Err(JobError::discard(format!(
                "user {user_id} is not active; hint: activate the account and run the job again"
            )));
        }
        Some(account) => account,
    };
    let scope = account.scope();
    if request.dataset.owner == Owner::Subject {
        return subject_scope(request, scope);
    }
    if needs_permission && scope != Scope::All {
        check_permission(connection, request).await?;
    }
    Ok(scope)
}

/// One account's data are for itself and for administrators; who looked at them, for the latter.
fn subject_scope(request: &Request, scope: Scope) -> Result<Scope, JobError> {
    let user_id = request.user_id;
    if scope == Scope::All {
        return Ok(scope);
    }
    match request.subject() {
        Some(subject) if subject != user_id => Err(JobError::discard(format!(
            "user {user_id} may not export the data of user {subject}; hint: an administrator may"
        ))),
        _ if request.includes_access_logs() => Err(JobError::discard(format!(
            "user {user_id} may not export access logs; hint: an administrator may"
        ))),
        _ => Ok(Scope::All),
    }
}

async fn check_permission(
    connection: &mut PgConnection,
    request: &Request,
) -> Result<(), JobError> {
    let Request {
        dataset, user_id, ..
    } = request;
    let is_granted: bool = sqlx::query_scalar(PERMISSION)
        .bind(user_id)
        .bind(dataset.resource)
        .fetch_one(connection)
        .await?;
    if is_granted {
        return Ok(());
    }
    let permission = dataset.resource.to_lowercase();
    Err(JobError::discard(format!(
        "user {user_id} may not export {}; hint: grant its role the permission {permission}:export",
        dataset.name
    )))
}

impl Account {
    fn scope(&self) -> Scope {
        match (self.is_superuser, self.role.as_deref(), self.team_id) {
            (true, _, _) | (_, Some("admin"), _) => Scope::All,
            (_, Some("manager" | "viewer"), Some(team)) => Scope::Team(team),
            (_, Some("user"), Some(_)) => Scope::User(self.id),
            _ => Scope::Nothing,
        }
    }
}

impl Scope {
    /// Appends the condition on `t`.
    pub(super) fn push(self, owner: Owner, query: &mut QueryBuilder<Postgres>) {
        match self {
            Self::All => {
                query.push("TRUE");
            }
            Self::Nothing => {
                query.push("FALSE");
            }
            Self::Team(_) | Self::User(_) => match owner {
                Owner::Column(column) => self.push_owner(column, query),
                Owner::Campaign => {
                    query
                        .push("t.campaign_id IN (SELECT c.id FROM public.email_campaigns c WHERE ");
                    self.push_owner("c.owner_id", query);
                    query.push(")");
                }
                // Whether this account may see that one's was decided before.
                Owner::Subject => {
                    query.push("TRUE");
                }
                Owner::Linked => {
                    query.push(
                        "t.id IN (SELECT l.person_id FROM public.person_organization_links l \
                         JOIN public.organisations o ON o.id = l.organisation_id WHERE ",
                    );
                    self.push_owner("o.owner_id", query);
                    query.push(")");
                }
            },
        }
    }

    fn push_owner(self, column: &'static str, query: &mut QueryBuilder<Postgres>) {
        query.push(column);
        match self {
            Self::Team(team) => {
                query
                    .push(" IN (SELECT u.id FROM public.users u WHERE u.team_id = ")
                    .push_bind(team)
                    .push(")");
            }
            Self::User(user) => {
                query.push(" = ").push_bind(user);
            }
            Self::All | Self::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: Option<&str>, team_id: Option<i32>) -> Account {
        let role = role.map(str::to_owned);
        Account {
            id: 7,
            is_active: true,
            team_id,
            role,
            ..Account::default()
        }
    }

    #[test]
    fn each_role_has_its_scope() {
        let cases = [
            (Some("admin"), Some(1), Scope::All),
            (Some("admin"), None, Scope::All),
            (Some("manager"), Some(1), Scope::Team(1)),
            (Some("viewer"), Some(1), Scope::Team(1)),
            (Some("user"), Some(1), Scope::User(7)),
            (Some("manager"), None, Scope::Nothing),
            (Some("viewer"), None, Scope::Nothing),
            (Some("user"), None, Scope::Nothing),
            (Some("Admin"), Some(1), Scope::Nothing),
            (Some("auditor"), Some(1), Scope::Nothing),
            (None, Some(1), Scope::Nothing),
        ];
        for (role, team, scope) in cases {
            assert_eq!(account(role, team).scope(), scope, "{role:?} {team:?}");
        }
    }

    #[test]
    fn a_superuser_sees_everything_whatever_the_role() {
        for role in [None, Some("user"), Some("auditor")] {
            let account = Account {
                is_superuser: true,
                ..account(role, None)
            };
            assert_eq!(account.scope(), Scope::All);
        }
    }

    fn sql(scope: Scope, owner: Owner) -> String {
        let mut query = QueryBuilder::new("");
        scope.push(owner, &mut query);
        query.sql().as_str().to_owned()
    }

    #[test]
    fn an_organisation_is_seen_through_its_owner() {
        assert_eq!(sql(Scope::All, Owner::Column("t.owner_id")), "TRUE");
        assert_eq!(sql(Scope::Nothing, Owner::Column("t.owner_id")), "FALSE");
        assert_eq!(
            sql(Scope::User(7), Owner::Column("t.owner_id")),
            "t.owner_id = $1"
        );
        assert_eq!(
            sql(Scope::Team(1), Owner::Column("t.owner_id")),
            "t.owner_id IN (SELECT u.id FROM public.users u WHERE u.team_id = $1)"
        );
    }

    #[test]
    fn a_person_is_seen_through_the_owners_of_its_organisations() {
        assert_eq!(sql(Scope::Nothing, Owner::Linked), "FALSE");
        assert_eq!(
            sql(Scope::User(7), Owner::Linked),
            "t.id IN (SELECT l.person_id FROM public.person_organization_links l \
             JOIN public.organisations o ON o.id = l.organisation_id WHERE o.owner_id = $1)"
        );
    }
}
