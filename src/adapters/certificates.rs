//! How long a server's certificate is still good.
//!
//! The chain is verified as any client would verify it, now and at later days: the answer is the last
//! day at which it still holds. So an intermediate that ends sooner counts too, and nothing here
//! reads certificates itself.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use crm_jobs::maintenance::CertificateProbe;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long one server may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Furthest day that is looked at.
const MOST_DAYS: u32 = 365;
const DAY: u64 = 86_400;

/// Asks servers over TLS.
#[derive(Debug)]
pub(crate) struct Certificates {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Certificates {
    /// Trusts the system's authorities and those of the file.
    pub(crate) fn new(ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            let read = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .with_context(|| {
                    format!("read maintenance.certificate_ca_file {}", path.display())
                })?;
            let (added, _) = roots.add_parsable_certificates(read);
            if added == 0 {
                return Err(anyhow!("{} has no certificate in PEM", path.display()));
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .context("prepare the verification of certificates; hint: is the package ca-certificates installed?")?;
        Ok(Self { verifier, provider })
    }

    async fn ask(&self, host: &str) -> Result<u32, String> {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (
                name,
                port.parse()
                    .map_err(|_| "its port is no number".to_owned())?,
            ),
            None => (host, 443),
        };
        let server =
            ServerName::try_from(name.to_owned()).map_err(|_| "no name of a server".to_owned())?;
        let seen = Arc::new(Seen {
            verifier: Arc::clone(&self.verifier),
            days: Mutex::new(None),
        });
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        let handshake = async {
            let stream = TcpStream::connect((name, port)).await?;
            TlsConnector::from(Arc::new(config))
                .connect(server, stream)
                .await
        };
        match tokio::time::timeout(PATIENCE, handshake).await {
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            Ok(Err(error)) => Err(explain(&error)),
            Ok(Ok(_)) => seen
                .days()
                .ok_or_else(|| "it showed no certificate".to_owned()),
        }
    }
}

impl CertificateProbe for Certificates {
    fn days_left<'p>(&'p self, host: &'p str) -> BoxFuture<'p, Result<u32, String>> {
        self.ask(host).boxed()
    }
}

fn explain(error: &std::io::Error) -> String {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "the certificate has expired".to_owned(),
        Some(error) => error.to_string(),
        None => format!("cannot connect: {}", error.kind()),
    }
}

/// Verifies as usual, and notes for how many days the same would hold.
#[derive(Debug)]
struct Seen {
    verifier: Arc<WebPkiServerVerifier>,
    days: Mutex<Option<u32>>,
}

impl Seen {
    fn days(&self) -> Option<u32> {
        *self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let at = |days: u32| {
            let then = Duration::from_secs(now.as_secs() + u64::from(days) * DAY);
            let then = UnixTime::since_unix_epoch(then);
            self.verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                then,
            )
        };
        let verified = at(0)?;
        *self.days.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(last_good(|days| at(days).is_ok()));
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The last day, from today to [`MOST_DAYS`], that is good; today is.
fn last_good(good: impl Fn(u32) -> bool) -> u32 {
    let (mut known, mut bad) = (0, MOST_DAYS + 1);
    while bad - known > 1 {
        let middle = u32::midpoint(known, bad);
        if good(middle) {
            known = middle;
        } else {
            bad = middle;
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_day_is_found() {
        for days in [0, 1, 2, 41, 364, 365] {
            assert_eq!(last_good(|asked| asked <= days), days);
        }
        assert_eq!(last_good(|_| true), MOST_DAYS);
    }
}
