//! Encryption of a connection, with libpq's meaning of each parameter.

use std::path::{Path, PathBuf};

/// Encryption and verification, with libpq's meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// libpq's `sslmode`.
    pub mode: SslMode,
    /// libpq's `sslrootcert`; `None`: the system's store where the mode verifies.
    pub root_certificate: Option<PathBuf>,
    /// libpq's `sslcert`.
    pub certificate: Option<PathBuf>,
    /// libpq's `sslkey`.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// The files that it names, with the parameter that names each.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let named = [("sslrootcert", &self.root_certificate), ("sslcert", &self.certificate), ("sslkey", &self.key)];
        named.into_iter().filter_map(|(parameter, path)| Some((parameter, path.as_deref()?)))
    }
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypt.
    Disable,
    /// Plain first, encrypted when the server insists.
    Allow,
    /// Encrypted when the server can.
    #[default]
    Prefer,
    /// Encrypted or nothing; verified only when a root certificate is given.
    Require,
    /// Encrypted, certificate chain verified.
    VerifyCa,
    /// Encrypted, certificate chain and host name verified.
    VerifyFull,
}

impl SslMode {
    /// The mode of this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}
