//! Certificate that a client presents to EFS: self-signed, with the client's identity in
//! extensions. Source: efs-utils, `certificate` of its proxy and mount helper.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256,
    RsaKeySize, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use yasna::Tag;
use yasna::models::UTCTime;

use super::IamSignature;

/// Object identifiers of EFS's extensions: 1.3.6.1.4.1.4843.7.N.
const EFS: [u64; 8] = [1, 3, 6, 1, 4, 1, 4843, 7];
const ACCESS_POINT: u64 = 1;
const IAM: u64 = 2;
const FILE_SYSTEM: u64 = 3;

const SUBJECT_KEY_IDENTIFIER: [u64; 4] = [2, 5, 29, 14];

/// Time by which the start of a certificate's validity is backdated, to allow for clocks that
/// differ.
const BACKDATED: Duration = Duration::from_secs(15 * 60);

/// Time from now for which a certificate is valid.
pub(super) const LIFETIME: Duration = Duration::from_secs(3 * 60 * 60);

/// Most characters of a common name (RFC 5280, appendix A.1).
const MAX_NAME: usize = 64;

/// A client's key and the names in its certificates.
#[derive(Debug)]
pub(super) struct ClientKey {
    /// RSA, as in EFS's own client. It is not documented whether EFS accepts other keys.
    pair: KeyPair,
    /// SHA-1 of the public key.
    id: [u8; 20],
}

/// Contents of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'a> {
    /// The server's name.
    pub(super) host: &'a str,
    pub(super) file_system: &'a str,
    pub(super) access_point: Option<&'a str>,
    pub(super) iam: Option<&'a IamSignature>,
    /// Time of the signature, in whole seconds.
    pub(super) at: SystemTime,
    /// Counts the certificates of this key.
    pub(super) serial: u64,
}

impl ClientKey {
    /// Generates a key, which takes a fraction of a second.
    pub(super) fn generate() -> Result<Self, rcgen::Error> {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072)?;
        let mut id = [0; 20];
        id.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, pair.public_key_raw()).as_ref());
        Ok(Self { pair, id })
    }

    /// Returns the SHA-1 of the public key, in hexadecimal digits.
    pub(super) fn hash(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the private key in PKCS #8 form.
    pub(super) fn private(&self) -> Vec<u8> {
        self.pair.serialize_der()
    }

    /// Makes a certificate with these contents.
    pub(super) fn certify(
        &self,
        says: &Statement<'_>,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(says.serial));
        params.distinguished_name = DistinguishedName::new();
        let name: String = says.host.chars().take(MAX_NAME).collect();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = (says.at - BACKDATED).into();
        params.not_after = (says.at + LIFETIME).into();
        params.custom_extensions = self.extensions(says);
        Ok(params.self_signed(&self.pair)?.der().clone())
    }

    /// Returns the extensions in EFS's order. EFS's own client also states its name and version, in
    /// 7.4; nothing is known to depend on it.
    fn extensions(&self, says: &Statement<'_>) -> Vec<CustomExtension> {
        let of_efs = |number, content| {
            let id = [&EFS[..], &[number]].concat();
            CustomExtension::from_oid_content(&id, content)
        };
        let text = |text: &str| yasna::construct_der(|writer| writer.write_utf8string(text));
        let key_id = yasna::construct_der(|writer| writer.write_bytes(&self.id));
        let mut all = vec![CustomExtension::from_oid_content(&SUBJECT_KEY_IDENTIFIER, key_id)];
        all.extend(says.access_point.map(|id| of_efs(ACCESS_POINT, text(id))));
        all.extend(says.iam.map(|signed| of_efs(IAM, iam_extension(signed, says.at))));
        all.push(of_efs(FILE_SYSTEM, text(says.file_system)));
        all
    }
}

/// Encodes the content of the extension with a signature.
fn iam_extension(signed: &IamSignature, at: SystemTime) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_utf8string(&signed.access_key_id);
            writer.next().write_bytes(signed.signature.as_bytes());
            writer.next().write_utctime(&UTCTime::from_datetime(at.into()));
            if let Some(token) = &signed.session_token {
                let text = |writer: yasna::DERWriter<'_>| writer.write_utf8string(token);
                writer.next().write_tagged(Tag::context(0), text);
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_with_a_signature_is_as_efs_utils_writes_it() {
        // 2026-11-28T14:55:55Z
        let at = std::time::UNIX_EPOCH + Duration::from_secs(1_795_877_755);
        let signed = IamSignature {
            access_key_id: "ASIDEXAMPLE".to_owned(),
            session_token: Some("tok/en+=".to_owned()),
            signature: "9f81792b21ed11013b80dce99989a249a67e92ef03fe3bbc3dc27dfac0aaf9b1"
                .to_owned(),
            expires: None,
        };
        let wanted = "306A0C0B415349444558414D504C45\
             0440\
             39663831373932623231656431313031336238306463653939393839613234396136\
             376539326566303366653362626333646332376466616330616166396231\
             170D3236313132383134353535355A\
             A00A0C08746F6B2F656E2B3D";
        let found = iam_extension(&signed, at);
        let found: String = found.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(found, wanted);
    }
}
