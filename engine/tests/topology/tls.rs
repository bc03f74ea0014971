//! TLS with an authority of our own, and with client certificates.

use std::time::Duration;

use devkit::{ServerError, TlsRedis};
use rouage::{Link, LinkOptions};

use crate::stage::{client, client_with, fsck_is_clean, listening, one_job_runs, work};

/// The server; a missing `openssl` says so instead of failing the suite.
#[expect(clippy::print_stdout, reason = "says why nothing was tested")]
fn server(mutual: bool) -> Option<TlsRedis> {
    match TlsRedis::start(mutual) {
        Err(error @ ServerError::NotInstalled { .. }) => {
            println!("cannot run: {error}");
            None
        }
        started => Some(started.unwrap()),
    }
}

#[tokio::test]
async fn a_worker_runs_over_tls_with_an_authority_named_in_the_url() {
    let Some(tls) = server(false) else { return };
    let authority = tls.certificates().authority();
    let url = format!("{}?ca_file={}", tls.url(), authority.display());
    let client = client(&url).await;
    let worker = work(&client);
    listening(&[tls.server()], 1).await;
    one_job_runs(&client, 1).await;
    for kind in ["pubsub", "normal"] {
        tls.server()
            .tell(&format!("CLIENT KILL TYPE {kind}"))
            .unwrap();
    }
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused() {
    let Some(tls) = server(false) else { return };
    let refused = Link::connect(&tls.url(), Duration::from_secs(5)).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("certificate"), "{message}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_ours() {
    let Some(tls) = server(true) else { return };
    let (cert_file, key_file) = tls.certificates().client();
    let mut options = LinkOptions {
        ca_file: Some(tls.certificates().authority()),
        ..LinkOptions::default()
    };
    let refused = Link::connect_with(&tls.url(), options.clone(), Duration::from_secs(5)).await;
    assert!(refused.is_err(), "let in without a certificate");
    options.cert_file = Some(cert_file);
    options.key_file = Some(key_file);
    let client = client_with(&tls.url(), options).await;
    let worker = work(&client);
    one_job_runs(&client, 1).await;
    worker.drain().await;
}
