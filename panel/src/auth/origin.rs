//! Where a request really comes from when a proxy we trust has passed it on.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of whoever sent a request, as far as we may believe it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(pub(crate) Option<IpAddr>);

/// The nearest address that is no proxy of ours. What a stranger wrote into the header stands left
/// of what our proxies added, so it is read from the right and only as far as they can be trusted.
pub(super) fn origin(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> Option<IpAddr> {
    let mut nearest = peer?.to_canonical();
    let named: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for named in named.into_iter().rev() {
        if !trusted.contains(&nearest) {
            break;
        }
        let Ok(address) = named.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = address.to_canonical();
    }
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_believed_only_from_a_proxy_that_is_trusted() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let of = |peer: &str, named: &str, trusted: &[IpAddr]| {
            let headers = HeaderMap::from_iter([(FORWARDED_FOR, named.parse().unwrap())]);
            origin(peer.parse().ok(), &headers, trusted)
                .unwrap()
                .to_string()
        };
        assert_eq!(of("10.0.0.1", "192.0.2.7", &[proxy]), "192.0.2.7");
        assert_eq!(of("10.0.0.1", "1.1.1.1, 192.0.2.7", &[proxy]), "192.0.2.7");
        assert_eq!(of("10.0.0.1", "192.0.2.7, 10.0.0.1", &[proxy]), "192.0.2.7");
        assert_eq!(of("192.0.2.9", "192.0.2.7", &[proxy]), "192.0.2.9");
        assert_eq!(of("10.0.0.1", "192.0.2.7", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", "no address", &[proxy]), "10.0.0.1");
    }
}
