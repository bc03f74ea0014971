//! Where Redis is, out of a URL.
//!
//! | URL | what it names |
//! |---|---|
//! | `redis://[user[:password]@]host[:port][/db]`, `rediss://…` | one server, without and with TLS |
//! | `unix:///path?db=0&user=…&pass=…` | one server by its socket |
//! | `redis+sentinel://[user[:password]@]host[:port][,host[:port]]/service[/db]` | the primary that the sentinels name |
//! | `redis+cluster://[user[:password]@]host[:port][,host[:port]]/` | a cluster, by some of its nodes |
//!
//! `rediss+sentinel` and `rediss+cluster` speak TLS, to the sentinels too. User and password are
//! the data servers'; the sentinels' own are `?sentinel_user=` and `?sentinel_pass=`. `valkey` in
//! place of `redis` means the same. A parameter that nothing reads is refused.

use redis::{ConnectionInfo, IntoConnectionInfo};

use super::{LinkError, LinkOptions};

/// How the nodes lead to the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// The one node holds it.
    Single,
    /// The nodes are sentinels and know who holds this service.
    Sentinel(String),
    /// The nodes are part of a cluster and know the rest.
    Cluster,
}

/// A parsed URL.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) way: Way,
    /// At least one; with the credentials and the database of the data servers.
    pub(super) nodes: Vec<ConnectionInfo>,
    /// User and password of the sentinels themselves.
    pub(super) sentinel: (Option<String>, Option<String>),
    pub(super) options: LinkOptions,
}

impl Address {
    /// Reads `url`; what it says about files wins over `options`.
    pub(super) fn parse(url: &str, mut options: LinkOptions) -> Result<Self, LinkError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            LinkError::Address("the redis url has no scheme; hint: redis://host:6379/0".to_owned())
        })?;
        let mut sentinel = (None, None);
        for (name, value) in parameters(rest)? {
            match name.as_str() {
                "protocol" | "db" | "user" | "pass" => {}
                "sentinel_user" => sentinel.0 = Some(value),
                "sentinel_pass" => sentinel.1 = Some(value),
                name if options.set(name, &value) => {}
                name => {
                    return Err(LinkError::Address(format!(
                        "the redis url has an unknown parameter {name:?}; hint: ca_file, cert_file, key_file and password_file are known"
                    )));
                }
            }
        }
        let (way, nodes) = match scheme.split_once('+') {
            Some((base, "sentinel")) => {
                let (hosts, path, tail) = split(rest);
                let (service, db) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err(LinkError::Address(
                        "the sentinel url names no service; hint: redis+sentinel://host:26379/mymaster"
                            .to_owned(),
                    ));
                }
                let nodes = nodes(base, hosts, db, tail, Some(26379))?;
                (Way::Sentinel(service.to_owned()), nodes)
            }
            Some((base, "cluster")) => {
                let (hosts, path, tail) = split(rest);
                (Way::Cluster, nodes(base, hosts, path, tail, None)?)
            }
            _ => (Way::Single, vec![url.into_connection_info()?]),
        };
        Ok(Self {
            way,
            nodes,
            sentinel,
            options,
        })
    }
}

impl std::fmt::Display for Address {
    /// Hosts, ports, paths; never credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nodes: Vec<String> = self
            .nodes
            .iter()
            .map(|node| node.addr().to_string())
            .collect();
        let nodes = nodes.join(",");
        match &self.way {
            Way::Single => f.write_str(&nodes),
            Way::Sentinel(service) => write!(f, "{service} of sentinels {nodes}"),
            Way::Cluster => write!(f, "cluster {nodes}"),
        }
    }
}

/// Name and value of what is behind the question mark.
fn parameters(rest: &str) -> Result<Vec<(String, String)>, LinkError> {
    let Some((_, query)) = rest.split_once('?') else {
        return Ok(Vec::new());
    };
    let url = redis::parse_redis_url(&format!("redis://host/?{query}")).ok_or_else(|| {
        LinkError::Address("the redis url's parameters cannot be read".to_owned())
    })?;
    let pairs = url.query_pairs();
    Ok(pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect())
}

/// Everything before the path, the path, and what follows it.
fn split(rest: &str) -> (&str, &str, &str) {
    let (front, tail) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (hosts, path) = front.split_once('/').unwrap_or((front, ""));
    (hosts, path.trim_matches('/'), tail)
}

/// One node per host between the commas.
fn nodes(
    base: &str,
    hosts: &str,
    db: &str,
    tail: &str,
    port: Option<u16>,
) -> Result<Vec<ConnectionInfo>, LinkError> {
    let (account, hosts) = match hosts.rsplit_once('@') {
        Some((account, hosts)) => (format!("{account}@"), hosts),
        None => (String::new(), hosts),
    };
    let node = |host: &str| {
        let port = match port {
            Some(port) if host.ends_with(']') || !host.contains(':') => format!(":{port}"),
            _ => String::new(),
        };
        let url = format!("{base}://{account}{host}{port}/{db}{tail}");
        url.into_connection_info().map_err(LinkError::from)
    };
    hosts.split(',').map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Address {
        Address::parse(url, LinkOptions::default()).unwrap()
    }

    #[test]
    fn sentinels_are_listed_with_a_service_a_database_and_the_usual_port() {
        let address = parse("redis+sentinel://app:se%40cret@one,two:7000,[::1]/crm/3");
        assert_eq!(address.way, Way::Sentinel("crm".to_owned()));
        let places: Vec<_> = address.nodes.iter().map(|n| n.addr().to_string()).collect();
        assert_eq!(places, ["one:26379", "two:7000", "::1:26379"]);
        let data = address.nodes[0].redis_settings();
        assert_eq!((data.username(), data.db()), (Some("app"), 3));
        assert_eq!(data.password(), Some("se@cret"));
    }

    #[test]
    fn what_is_shown_of_an_address_holds_no_password() {
        for url in [
            "redis://app:secret@one/0",
            "redis+sentinel://app:secret@one,two/crm?sentinel_pass=secret",
            "rediss+cluster://app:secret@one:7000,two:7001/",
            "unix:///run/redis.sock?user=app&pass=secret",
        ] {
            let address = parse(url);
            let shown = format!("{address} {:?}", address.nodes);
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn files_in_the_url_win_over_the_options_and_unknown_parameters_are_refused() {
        let options = LinkOptions {
            ca_file: Some("old.pem".into()),
            key_file: Some("key.pem".into()),
            ..LinkOptions::default()
        };
        let address = Address::parse("rediss://one/?ca_file=/new%20ca.pem", options).unwrap();
        assert_eq!(address.options.ca_file, Some("/new ca.pem".into()));
        assert_eq!(address.options.key_file, Some("key.pem".into()));
        let refused = Address::parse("redis://:secret@one/?cafile=x", LinkOptions::default());
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("cafile") && !message.contains("secret"),
            "{message}"
        );
    }

    #[test]
    fn a_sentinel_url_without_a_service_is_refused() {
        let refused = Address::parse("redis+sentinel://one:26379", LinkOptions::default());
        assert!(refused.unwrap_err().to_string().contains("service"));
    }
}
