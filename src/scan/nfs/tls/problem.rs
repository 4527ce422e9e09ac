//! What is wrong with a connection's TLS, and what to do about it.

use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error};

/// Names of a certificate that are told.
const NAMES: usize = 4;

/// rustls's error as one of IO: [`ErrorKind::InvalidData`] where another try would end in the same
/// way, since a certificate gets no better by itself.
pub(super) fn io(error: &Error) -> io::Error {
    let kind = match error {
        // It may be the server's trouble of a moment.
        Error::AlertReceived(_) => ErrorKind::ConnectionAborted,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, text(error))
}

/// The connection ended in the middle of the handshake.
pub(super) fn hung_up() -> io::Error {
    let text = "the server hung up in the handshake; if it speaks NFS without TLS, leave out --tls";
    io::Error::new(ErrorKind::UnexpectedEof, text)
}

fn text(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(wrong) => certificate(wrong),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on this port; leave out --tls, or name the port that does"
                .to_owned()
        }
        Error::PeerIncompatible(_)
        | Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        ) => {
            format!("the server agrees to no version or cipher of TLS 1.2 or 1.3 ({error})")
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a certificate of the client, which efs-scan has none of; mount the \
             file system"
                .to_owned()
        }
        Error::AlertReceived(alert) => format!("the server breaks it off ({alert:?})"),
        other => other.to_string(),
    }
}

fn certificate(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::UnknownIssuer => {
            "this machine does not know who issued the server's certificate; name a file with the \
             issuer's root certificate in SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "the server's certificate is for another name; give the name that it is for".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "the server's certificate is for no name at all; it needs a subjectAltName".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().take(NAMES).map(|name| bare(name)).collect();
            let more = if presented.len() > NAMES { " and others" } else { "" };
            let names = names.join(", ");
            format!("the server's certificate is for {names}{more}; give the name that it is for")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        // As where a CA presents its own certificate as a server's.
        CertificateError::Other(other) => {
            format!("the server's certificate is of no use ({other}); issue one for this server")
        }
        other => format!("the server's certificate is of no use ({other})"),
    }
}

/// `localhost` of `DnsName("localhost")`, as webpki writes it.
fn bare(name: &str) -> &str {
    let inner = name.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix("\")"));
    let inner = inner.or_else(|| name.strip_prefix("IpAddress(")?.strip_suffix(')'));
    inner.unwrap_or(name)
}
