//! Protocol and cipher of a TLS connection, and the validity of its certificates.

use std::time::SystemTime;

use rustls::{ClientConnection, ProtocolVersion};
use yasna::models::{GeneralizedTime, UTCTime};
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag};

use crate::scan::probe::TlsProbe;

/// Returns the facts of a connection after its handshake. `client_until` is the end of the client's
/// certificate.
pub(super) fn of(tls: &ClientConnection, client_until: Option<SystemTime>) -> TlsProbe {
    let protocol = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = tls.negotiated_cipher_suite().map(|suite| suite.suite());
    let cipher = cipher.and_then(|suite| suite.as_str()).unwrap_or("an unknown cipher");
    let server = tls.peer_certificates().and_then(<[_]>::first);
    TlsProbe {
        protocol,
        // IANA's name. rustls's own tells suites of TLS 1.3 apart from earlier ones.
        cipher: cipher.replacen("TLS13_", "TLS_", 1),
        server_until: server.and_then(|certificate| not_after(certificate)),
        client_until,
    }
}

/// Returns the end of a certificate's validity. `None` if the certificate cannot be read.
fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let signed = |reader: &mut BERReaderSeq<'_, '_>| {
        let until = reader.next().read_sequence(to_be_signed)?;
        skip_rest(reader)?;
        Ok(until)
    };
    yasna::parse_der(certificate, |reader| reader.read_sequence(signed)).ok()
}

/// Reads a TBSCertificate (RFC 5280, section 4.1).
fn to_be_signed(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<SystemTime> {
    let version = |reader: BERReader<'_, '_>| {
        reader.read_tagged(Tag::context(0), |version| version.read_der().map(drop))
    };
    reader.read_optional(version)?;
    // The serial number, the algorithm and the issuer.
    for _ in 0..3 {
        reader.next().read_der()?;
    }
    let until = reader.next().read_sequence(|validity| {
        validity.next().read_der()?;
        time(validity.next())
    })?;
    skip_rest(reader)?;
    Ok(until)
}

fn time(reader: BERReader<'_, '_>) -> ASN1Result<SystemTime> {
    match reader.lookahead_tag()? == TAG_UTCTIME {
        true => reader.read_utctime().map(|time: UTCTime| (*time.datetime()).into()),
        false => {
            reader.read_generalized_time().map(|time: GeneralizedTime| (*time.datetime()).into())
        }
    }
}

fn skip_rest(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<()> {
    while reader.read_optional(|rest| rest.read_der())?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() -> Result<(), rcgen::Error> {
        let key = KeyPair::generate()?;
        // From 2050 on, certificates have another form of time.
        for (year, days) in [(2026, 20_454), (2049, 28_855), (2050, 29_220), (2999, 375_835)] {
            let mut params = CertificateParams::new(vec!["server".to_owned()])?;
            params.not_after = date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&key)?;
            let wanted = UNIX_EPOCH + Duration::from_secs(days * 24 * 60 * 60);
            assert_eq!(not_after(certificate.der()), Some(wanted), "{year}");
            assert_eq!(not_after(&certificate.der()[1..]), None);
        }
        Ok(())
    }
}
