//! What a connection needs beside its address: files with certificates and a password.
//!
//! They are read again for every new connection, so a renewed certificate or a rotated password
//! is used without a restart. The same can be said in the URL (`?ca_file=/etc/ca.pem`), where it
//! wins; the environment is never asked.

use std::fs;
use std::path::{Path, PathBuf};

use redis::{ClientTlsConfig, TlsCertificates};

use super::LinkError;

/// Files that a connection is made with; all of them optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkOptions {
    /// Certificates (PEM) of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), where the server asks for one; together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The key (PEM) of `cert_file`.
    pub key_file: Option<PathBuf>,
    /// A file with nothing but the password; wins over the one in the URL.
    pub password_file: Option<PathBuf>,
}

impl LinkOptions {
    /// Takes a URL parameter that names a file; `false` if it is none of these.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let file = match name {
            "ca_file" => &mut self.ca_file,
            "cert_file" => &mut self.cert_file,
            "key_file" => &mut self.key_file,
            "password_file" => &mut self.password_file,
            _ => return false,
        };
        *file = Some(PathBuf::from(value));
        true
    }

    /// The password as the file holds it now, without blanks around it.
    pub(super) fn password(&self) -> Result<Option<String>, LinkError> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let bytes = read(path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| LinkError::Address(format!("{} is not UTF-8", path.display())))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// The certificates as the files hold them now.
    pub(super) fn certificates(&self) -> Result<TlsCertificates, LinkError> {
        let client_tls = match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => Some(ClientTlsConfig {
                client_cert: read(cert)?,
                client_key: read(key)?,
            }),
            (None, None) => None,
            _ => {
                return Err(LinkError::Address(
                    "cert_file and key_file belong together; hint: name both or none".to_owned(),
                ));
            }
        };
        Ok(TlsCertificates {
            client_tls,
            root_cert: self.ca_file.as_deref().map(read).transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LinkError> {
    fs::read(path)
        .map_err(|error| LinkError::Address(format!("cannot read {}: {error}", path.display())))
}
