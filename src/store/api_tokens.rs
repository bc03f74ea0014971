//! The bearer tokens of the HTTP API: `worker.api_tokens`, one row a token.
//!
//! The panel asks for one row by its hash and now and then writes which were used; everything else
//! is for the person who hands tokens out. Times are the database's, so what is expired is decided
//! in one place.

use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage_panel::auth::{StoreFailure, Token};
use rouage_panel::{Grant, Scope, TokenStore};
use serde::Serialize;

use super::pool::Pool;

/// Tokens of one installation that are neither revoked nor expired.
const MOST: i64 = 1000;
/// How long tokens that are good no more are listed, in days.
const LISTED_DAYS: i32 = 90;

/// The tokens of one installation.
#[derive(Clone)]
pub(crate) struct ApiTokens {
    pool: Pool,
    installation: String,
}

impl std::fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiTokens(worker.api_tokens)")
    }
}

/// A token to be handed out.
#[derive(Debug)]
pub(crate) struct NewToken {
    /// Who uses it.
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    /// Empty for all.
    pub(crate) kinds: Vec<String>,
    /// Empty for all.
    pub(crate) queues: Vec<String>,
    pub(crate) expires_in: Option<Duration>,
}

/// What became of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    Done,
    /// Another one that is not revoked has the name.
    NameTaken,
    /// There are as many as there may be.
    TooMany,
}

/// A token as it is listed.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub(crate) struct ListedToken {
    #[sqlx(rename = "token_id")]
    pub(crate) id: i64,
    pub(crate) name: String,
    /// good, expired or revoked.
    pub(crate) state: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) kinds: Vec<String>,
    pub(crate) queues: Vec<String>,
    /// ms since 1970, as all of these.
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
}

/// Number, name, scopes, kinds, queues, seconds left.
type Row = (
    i64,
    String,
    Vec<String>,
    Vec<String>,
    Vec<String>,
    Option<f64>,
);

impl ApiTokens {
    /// Those of the installation with that prefix.
    pub(crate) fn new(pool: Pool, installation: &str) -> Self {
        Self {
            pool,
            installation: installation.to_owned(),
        }
    }

    /// Notes a token that is handed out; the token itself is not kept.
    pub(crate) async fn create(&self, token: &Token, new: &NewToken) -> sqlx::Result<Created> {
        self.forget_old().await?;
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
        let sha256 = token.sha256();
        let inserted = sqlx::query(
            "INSERT INTO worker.api_tokens (installation, name, sha256, scopes, kinds, queues, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second' \
             WHERE (SELECT count(*) FROM worker.api_tokens WHERE installation = $1 AND revoked_at IS NULL \
                 AND (expires_at IS NULL OR expires_at > now())) < $8 \
             ON CONFLICT (installation, name) WHERE revoked_at IS NULL DO NOTHING",
        )
        .bind(&self.installation)
        .bind(&new.name)
        .bind(&sha256[..])
        .bind(&scopes)
        .bind(&new.kinds)
        .bind(&new.queues)
        .bind(new.expires_in.map(|left| left.as_secs_f64()))
        .bind(MOST)
        .execute(&self.pool)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Created::Done);
        }
        let name_taken: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM worker.api_tokens \
                 WHERE installation = $1 AND name = $2 AND revoked_at IS NULL)",
        )
        .bind(&self.installation)
        .bind(&new.name)
        .fetch_one(&self.pool)
        .await?;
        Ok(if name_taken {
            Created::NameTaken
        } else {
            Created::TooMany
        })
    }

    /// All that are listed, the newest last.
    pub(crate) async fn list(&self) -> sqlx::Result<Vec<ListedToken>> {
        sqlx::query_as(
            "SELECT token_id, name, scopes, kinds, queues, \
                 CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'good' END AS state, \
                 (extract(epoch FROM created_at) * 1000)::bigint AS created_at, \
                 (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at, \
                 (extract(epoch FROM last_used_at) * 1000)::bigint AS last_used_at, \
                 (extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_at \
             FROM worker.api_tokens WHERE installation = $1 ORDER BY token_id DESC LIMIT 5000",
        )
        .bind(&self.installation)
        .fetch_all(&self.pool)
        .await
        .map(|mut tokens: Vec<ListedToken>| {
            tokens.reverse();
            tokens
        })
    }

    /// Revokes the token of that name or number; whether there was one that was not revoked.
    pub(crate) async fn revoke(&self, name: &str) -> sqlx::Result<bool> {
        let done = sqlx::query(
            "UPDATE worker.api_tokens SET revoked_at = now() \
             WHERE installation = $1 AND revoked_at IS NULL AND (name = $2 OR token_id = $3)",
        )
        .bind(&self.installation)
        .bind(name)
        .bind(name.parse::<i64>().ok())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn forget_old(&self) -> sqlx::Result<()> {
        sqlx::query(
            "DELETE FROM worker.api_tokens WHERE installation = $1 \
                 AND least(revoked_at, expires_at) < now() - $2 * interval '1 day'",
        )
        .bind(&self.installation)
        .bind(LISTED_DAYS)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    async fn look_up(&self, sha256: &[u8; 32]) -> anyhow::Result<Option<Grant>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT token_id, name, scopes, kinds, queues, extract(epoch FROM expires_at - now())::float8 \
             FROM worker.api_tokens \
             WHERE sha256 = $1 AND installation = $2 AND revoked_at IS NULL \
                 AND (expires_at IS NULL OR expires_at > now())",
        )
        .bind(&sha256[..])
        .bind(&self.installation)
        .fetch_optional(&self.pool)
        .await
        .context("look a token up")?;
        Ok(row.map(|(id, name, scopes, kinds, queues, left)| Grant {
            id,
            name,
            // A scope of a later release is none here.
            scopes: scopes
                .iter()
                .filter_map(|scope| scope.parse().ok())
                .collect(),
            kinds,
            queues,
            expires_in: left.and_then(|left| Duration::try_from_secs_f64(left).ok()),
        }))
    }

    async fn note_use(&self, ids: &[i64]) -> anyhow::Result<()> {
        sqlx::query(
            "UPDATE worker.api_tokens SET last_used_at = now() WHERE token_id = ANY($1) \
                 AND (last_used_at IS NULL OR last_used_at < now() - interval '30 seconds')",
        )
        .bind(ids)
        .execute(&self.pool)
        .await
        .context("note the use of tokens")
        .map(drop)
    }
}

impl TokenStore for ApiTokens {
    fn find<'a>(
        &'a self,
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<Option<Grant>, StoreFailure>> {
        async move { Ok(self.look_up(sha256).await?) }.boxed()
    }

    fn used<'a>(&'a self, ids: &'a [i64]) -> BoxFuture<'a, Result<(), StoreFailure>> {
        async move { Ok(self.note_use(ids).await?) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_database;
    use super::*;

    fn new(name: &str) -> NewToken {
        NewToken {
            name: name.to_owned(),
            scopes: vec![Scope::JobsEnqueue, Scope::JobsRead],
            kinds: vec!["exports.*".to_owned()],
            queues: Vec::new(),
            expires_in: None,
        }
    }

    async fn stores() -> (ApiTokens, ApiTokens, Pool) {
        let pool = test_database::pool().await;
        let of = |installation| ApiTokens::new(pool.clone(), installation);
        (of("ours"), of("theirs"), pool.clone())
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_until_it_is_revoked() {
        let (ours, theirs, _) = stores().await;
        let token = Token::generate().unwrap();
        assert_eq!(
            ours.create(&token, &new("crm")).await.unwrap(),
            Created::Done
        );
        let grant = ours.find(&token.sha256()).await.unwrap().unwrap();
        assert_eq!((grant.name.as_str(), grant.expires_in), ("crm", None));
        assert_eq!(grant.scopes, [Scope::JobsEnqueue, Scope::JobsRead]);
        assert!(
            grant.concerns_kind("exports.export_records") && !grant.concerns_kind("debug.echo")
        );
        assert_eq!(theirs.find(&token.sha256()).await.unwrap(), None);
        assert!(!theirs.revoke("crm").await.unwrap());
        assert!(ours.revoke("crm").await.unwrap());
        assert_eq!(ours.find(&token.sha256()).await.unwrap(), None);
        assert_eq!(ours.list().await.unwrap()[0].state, "revoked");
    }

    #[tokio::test]
    async fn a_name_is_free_again_once_its_token_is_revoked() {
        let (ours, theirs, _) = stores().await;
        let create = |store: ApiTokens| async move {
            let token = Token::generate().unwrap();
            store.create(&token, &new("crm")).await.unwrap()
        };
        assert_eq!(create(ours.clone()).await, Created::Done);
        assert_eq!(create(ours.clone()).await, Created::NameTaken);
        assert_eq!(create(theirs).await, Created::Done);
        assert!(ours.revoke("crm").await.unwrap());
        assert_eq!(create(ours).await, Created::Done);
    }

    #[tokio::test]
    async fn an_expired_token_is_not_found_and_leaves_after_a_while() {
        let (ours, _, pool) = stores().await;
        let token = Token::generate().unwrap();
        let brief = NewToken {
            expires_in: Some(Duration::from_secs(3600)),
            ..new("brief")
        };
        ours.create(&token, &brief).await.unwrap();
        let grant = ours.find(&token.sha256()).await.unwrap().unwrap();
        assert!(grant.expires_in.is_some_and(|left| left.as_secs() > 3000));
        let pass = |days: i32| {
            let aged = sqlx::query(
                "UPDATE worker.api_tokens SET expires_at = expires_at - $1 * interval '1 day'",
            );
            aged.bind(days).execute(&pool)
        };
        pass(1).await.unwrap();
        assert_eq!(ours.find(&token.sha256()).await.unwrap(), None);
        assert_eq!(ours.list().await.unwrap()[0].state, "expired");
        pass(LISTED_DAYS).await.unwrap();
        ours.create(&Token::generate().unwrap(), &new("next"))
            .await
            .unwrap();
        assert_eq!(ours.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn their_use_is_noted() {
        let (ours, _, _) = stores().await;
        let token = Token::generate().unwrap();
        ours.create(&token, &new("crm")).await.unwrap();
        let id = ours.find(&token.sha256()).await.unwrap().unwrap().id;
        assert_eq!(ours.list().await.unwrap()[0].last_used_at, None);
        ours.used(&[id]).await.unwrap();
        assert!(ours.list().await.unwrap()[0].last_used_at.is_some());
    }
}
