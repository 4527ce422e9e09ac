//! A file system behind a gate that checks certificates like EFS, and clients for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use efs_scan::scan::{Clock, EfsClient, IamIdentity, IamSignature, Nfs, Tls};
use efs_scan_testbed::efs_gate::{AccessKey, Gate, Wanted};
use efs_scan_testbed::nfs_server::{Config, Model, Server};
use efs_scan_testbed::scratch;
use tempfile::TempDir;

use super::walk::{Outcome, assert_left, assert_whole, engine, plain, serve, walk};

pub(crate) const ID: &str = "fs-0123456789abcdef0";
pub(crate) const HOST: &str = "fs-0123456789abcdef0.efs.eu-central-1.amazonaws.com";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCESS_POINT: &str = "fsap-0123456789abcdef0";

/// Minutes since 2026-11-28T15:00:00Z.
#[derive(Clone, Default)]
pub(crate) struct Minutes(Arc<AtomicU64>);

impl Minutes {
    pub(crate) fn now(&self) -> SystemTime {
        let since = 60 * self.0.load(Ordering::SeqCst);
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_878_000 + since)
    }

    pub(crate) fn pass(&self, minutes: u64) {
        self.0.fetch_add(minutes, Ordering::SeqCst);
    }
}

/// A role with rotated credentials.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) key: Mutex<Option<AccessKey>>,
    pub(crate) expires: Mutex<Option<SystemTime>>,
    pub(crate) region: &'static str,
}

impl IamIdentity for Role {
    fn sign(&self, hash: &str, at: SystemTime) -> Result<IamSignature, String> {
        let key = self.key.lock().unwrap();
        let key = key.as_ref().ok_or("no credentials today")?;
        Ok(IamSignature {
            access_key_id: key.id.clone(),
            session_token: key.session_token.clone(),
            signature: key.signature((self.region, ID), hash, at),
            expires: *self.expires.lock().unwrap(),
        })
    }
}

/// A file system behind a gate, and a client that the gate admits.
pub(crate) struct World {
    _dir: TempDir,
    pub(crate) model: Arc<Model>,
    pub(crate) server: Server,
    pub(crate) gate: Gate,
    pub(crate) clock: Minutes,
    pub(crate) role: Arc<Role>,
}

pub(crate) fn key() -> AccessKey {
    AccessKey::new("ASIAFIRST", "first/secret+", Some("tok/en+= one"))
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::of(config, plain())
    }

    pub(crate) fn of(config: Config, model: Arc<Model>) -> Self {
        let dir = scratch();
        let server = serve(config, &model);
        let clock = Minutes::default();
        let wanted = Wanted {
            host: HOST.to_owned(),
            file_system: ID.to_owned(),
            region: REGION.to_owned(),
            access_points: vec![ACCESS_POINT.to_owned()],
            keys: vec![key()],
            iam: true,
        };
        let its = clock.clone();
        let gate = Gate::start(server.address(), wanted, dir.path(), move || its.now());
        let key = Mutex::new(Some(key()));
        let role = Arc::new(Role { key, expires: Mutex::default(), region: REGION });
        Self { _dir: dir, model, server, gate, clock, role }
    }

    pub(crate) fn client(&self) -> EfsClient {
        let clock = self.clock.clone();
        EfsClient {
            iam: Some(Arc::<Role>::clone(&self.role)),
            clock: Clock::new(move || clock.now()),
            ..EfsClient::new(ID)
        }
    }

    /// Returns a client that signs with this key for this region.
    pub(crate) fn signed(&self, key: AccessKey, region: &'static str) -> EfsClient {
        let role = Role { key: Mutex::new(Some(key)), expires: Mutex::default(), region };
        EfsClient { iam: Some(Arc::new(role)), ..self.client() }
    }

    pub(crate) fn engine(&self, client: EfsClient) -> Nfs {
        let roots = Some(self.gate.root());
        let tls = Tls { roots, efs: Some(client), ..Tls::new(HOST) };
        let target = format!("nfs://{}/", self.gate.address()).parse().unwrap();
        let engine = engine(&self.server);
        let file_system = Some(ID.to_owned());
        let reply_timeout = Duration::from_secs(10);
        Nfs { target, tls: Some(tls), file_system, reply_timeout, ..engine }
    }

    #[track_caller]
    pub(crate) fn whole(&self, client: EfsClient) -> Outcome {
        let outcome = walk(&self.engine(client));
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {:?}", self.gate.seen()));
        assert_whole(&self.server, &self.model, &outcome);
        assert_left(&self.server);
        outcome
    }
}
