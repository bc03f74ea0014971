//! `[maintenance]`: what the maintenance family looks after.

use std::path::PathBuf;

use super::reader::Reader;

/// Most servers.
const MOST_HOSTS: usize = 50;

/// What the maintenance family looks after.
#[derive(Debug, Clone, Default)]
pub(crate) struct Maintenance {
    /// Servers with certificates, as `host` or `host:port`.
    pub(crate) certificate_hosts: Vec<String>,
    /// Authorities besides the system's.
    pub(crate) certificate_ca_file: Option<PathBuf>,
}

impl Maintenance {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let key = "maintenance.certificate_hosts";
        let text = r.text(key);
        let hosts: Vec<String> = text
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect();
        if hosts.len() > MOST_HOSTS || !hosts.iter().all(|host| is_server(host)) {
            r.refuse(
                key,
                "at most 50 of host or host:port, separated by commas, without https://",
            );
        }
        let file = r.text("maintenance.certificate_ca_file");
        Self {
            certificate_hosts: hosts,
            certificate_ca_file: (!file.is_empty()).then(|| file.into()),
        }
    }
}

fn is_server(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !host.is_empty() && host.bytes().all(fits) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        for good in ["crm.example.org", "crm.example.org:8443", "127.0.0.1:443"] {
            assert!(is_server(good), "{good}");
        }
        for bad in [
            "https://crm.example.org",
            "a b",
            "crm:",
            "crm:0",
            ":443",
            "crm/x",
        ] {
            assert!(!is_server(bad), "{bad}");
        }
    }
}
