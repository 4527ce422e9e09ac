//! The engine without a mount: finds its server and sets its identity.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::aws::{Aws, BucketOptions, EfsConnect, MountTarget};
use crate::config::{Config, EfsSource, NfsServer, NfsSource};
use crate::exit::Failure;
use crate::log;
use crate::scan::{EfsClient, IamIdentity, IamSignature, Nfs, Tls};
use crate::service_error::Trouble;

/// Makes the nfs engine, with its server's address and the client's identity.
pub(super) fn nfs(source: &NfsSource, config: &Config, aws: &Aws) -> Result<Nfs, Failure> {
    let mut nfs = located(source, aws)?;
    nfs.file_system = source.efs.as_ref().map(|efs| efs.file_system.clone());
    if let (Some(tls), Some(efs)) = (&mut nfs.tls, &source.efs) {
        tls.efs = Some(client(efs, config, aws)?);
    }
    Ok(nfs)
}

fn located(source: &NfsSource, aws: &Aws) -> Result<Nfs, Failure> {
    let nfs = source.nfs.clone();
    let Some(efs) = &source.efs else { return Ok(nfs) };
    let id = &efs.file_system;
    match &source.server {
        NfsServer::Url => return Ok(by_name(nfs, id, aws)),
        NfsServer::Name(_) if resolves(nfs.target.host()) => return Ok(nfs),
        NfsServer::Name(_) | NfsServer::MountTarget => {}
    }
    let found = match aws.mount_target(id, efs.region.as_deref()) {
        Ok(found) => found,
        // In the file system's own network, the DNS name is enough.
        Err(error) => {
            let name = aws.file_system_name(id, efs.region.as_deref());
            let name = name.map_err(|_| Failure::fatal(&error.text))?;
            if error.trouble == Trouble::Missing {
                return Err(Failure::fatal(error.text));
            }
            if !resolves(&name) {
                return Err(Failure::fatal(format!(
                    "{}; and {name} does not resolve here, only in the file system's VPC; \
                     elsewhere, give ROOT as nfs://ADDRESS/ of a mount target",
                    error.text
                )));
            }
            log::info!("{}; asking {name}", error.text);
            MountTarget { address: name.clone(), name, zone: String::new(), near: None }
        }
    };
    match found.near {
        Some(false) => log::warn!(
            "{id} has no mount target in this zone: using the one in {}. Traffic between zones is \
             slower, and costs about 0.01 USD a GB each way; a mount target costs nothing, but a One \
             Zone file system can have no other",
            found.zone
        ),
        near => log::info!("mount target {} in {}, near: {near:?}", found.address, found.zone),
    }
    // The certificate of a mount target is for the file system's name.
    let tls = nfs.tls.map(|tls| Tls { server: found.name, ..tls });
    Ok(Nfs { target: nfs.target.at(found.address), tls, ..nfs })
}

/// True if the name resolves to an address.
fn resolves(name: &str) -> bool {
    (name, 0).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some())
}

/// Expects the file system's name in the server's certificate if the URL has an address, which no
/// certificate of a mount target contains.
fn by_name(nfs: Nfs, id: &str, aws: &Aws) -> Nfs {
    let is_address = nfs.target.host().parse::<IpAddr>().is_ok();
    let (Some(tls), true) = (&nfs.tls, is_address) else { return nfs };
    match aws.file_system_name(id, None) {
        Ok(server) => Nfs { tls: Some(Tls { server, ..tls.clone() }), ..nfs },
        // Without a region there is no such name. Servers other than EFS may have a certificate for
        // an address.
        Err(error) => {
            log::debug!("{}", error.text);
            nfs
        }
    }
}

/// Makes the client's identity. It signs if `iam` is set, or if it is unset and there are
/// credentials.
fn client(efs: &EfsSource, config: &Config, aws: &Aws) -> Result<EfsClient, Failure> {
    let signs = match (efs.iam, efs.iam.map_or_else(|| aws.ready(), |_| Ok(()))) {
        (Some(signs), _) => signs,
        (None, Ok(())) => true,
        (None, Err(error)) if error.trouble == Trouble::Credentials => {
            log::info!("{}: connecting to EFS without an IAM identity", error.text);
            false
        }
        (None, Err(error)) => {
            log::warn!("{}: connecting to EFS without an IAM identity", error.text);
            false
        }
    };
    let role = || Role {
        file_system: efs.file_system.clone(),
        region: efs.region.clone(),
        patience: config.settings.patience.0,
        buckets: config.buckets.clone(),
    };
    Ok(EfsClient {
        access_point: efs.access_point.clone(),
        iam: signs.then(|| Arc::new(role()) as _),
        ..EfsClient::new(&efs.file_system)
    })
}

/// The identity of this machine's AWS credentials.
#[derive(Debug)]
struct Role {
    file_system: String,
    region: Option<String>,
    patience: Duration,
    buckets: BucketOptions,
}

impl IamIdentity for Role {
    /// Looks up credentials for each signature, because a scan may outlast the first ones. Each
    /// look-up has its own patience.
    fn sign(&self, public_key_sha1: &str, at: SystemTime) -> Result<IamSignature, String> {
        let (file_system, region) = (&*self.file_system, self.region.as_deref());
        let connect = EfsConnect { file_system, region, public_key_sha1, at };
        let aws = Aws::new(self.patience, self.buckets.clone()).or_in_region(self.region.clone());
        let signed = aws.sign_efs_connect(&connect).map_err(|error| error.text)?;
        Ok(IamSignature {
            access_key_id: signed.access_key_id,
            session_token: signed.session_token,
            signature: signed.signature,
            expires: signed.expires,
        })
    }
}
