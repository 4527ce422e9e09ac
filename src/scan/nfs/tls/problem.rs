//! Describes TLS errors and what to do about them.

use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error};

/// Largest number of a certificate's names in a message.
const NAMES: usize = 4;

/// Converts a rustls error. [`ErrorKind::InvalidData`] means that a retry is pointless, as with a
/// bad certificate.
pub(super) fn io(error: &Error) -> io::Error {
    let kind = match error {
        // The server's problem may be temporary.
        Error::AlertReceived(_) => ErrorKind::ConnectionAborted,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, text(error))
}

/// Returns the error for a connection that ended during the handshake.
pub(super) fn handshake_cut_off() -> io::Error {
    let text = "the server hung up in the handshake; if it speaks NFS without TLS, omit --tls";
    io::Error::new(ErrorKind::UnexpectedEof, text)
}

fn text(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(wrong) => certificate(wrong),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on this port; omit --tls, or give the port that does"
                .to_owned()
        }
        Error::PeerIncompatible(_)
        | Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        ) => {
            format!("the server accepts no TLS 1.2 or 1.3 version or cipher on offer ({error})")
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server requires a client certificate, which efs-scan does not have; mount the \
             file system"
                .to_owned()
        }
        Error::AlertReceived(alert) => format!("the server aborted the connection ({alert:?})"),
        other => other.to_string(),
    }
}

fn certificate(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::UnknownIssuer => {
            "this machine does not trust the issuer of the server's certificate; name a file with \
             the issuer's root certificate in SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "the server's certificate is for another name; use a name it is valid for".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "the server's certificate names no host; it needs a subjectAltName".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().take(NAMES).map(|name| bare(name)).collect();
            let more = if presented.len() > NAMES { " and others" } else { "" };
            let names = names.join(", ");
            format!("the server's certificate is for {names}{more}; use a name it is valid for")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, or correct this machine's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        // For example if a server presents a CA certificate as its own.
        CertificateError::Other(other) => {
            format!("the server's certificate cannot be used ({other}); issue one for this server")
        }
        other => format!("the server's certificate cannot be used ({other})"),
    }
}

/// Extracts `localhost` from `DnsName("localhost")`, webpki's form.
fn bare(name: &str) -> &str {
    let inner = name.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix("\")"));
    let inner = inner.or_else(|| name.strip_prefix("IpAddress(")?.strip_suffix(')'));
    inner.unwrap_or(name)
}
