//! A stand-in for AWS on the loopback interface: S3, CloudWatch, SNS, SES, STS, SageMaker and EFS
//! behind one port, with AWS's limits and error codes, and with faults on request.
//!
//! The program under test gets `AWS_ENDPOINT_URL`. Requests are distinguished by path and headers.

mod cloudwatch;
mod efs;
mod errors;
mod faults;
mod http;
mod route;
mod s3;
mod s3_list;
mod s3_oddities;
mod sagemaker;
mod server;
mod ses;
mod sns;
mod state;
mod sts;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

pub use cloudwatch::Metric;
pub use efs::Sizes;
pub use faults::{Fault, Phase, What};
pub use s3_oddities::Elsewhere;
pub use sagemaker::App;
pub use ses::Mail;
pub use sns::Message;

use server::Shared;
use state::State;

/// Account number of all resources.
pub const ACCOUNT: &str = "123456789012";
/// Region of all resources.
pub const REGION: &str = "us-east-1";

/// A request that arrived completely, including failed ones.
#[derive(Debug, Clone)]
pub struct Request {
    /// `S3`, `CloudWatch`, `SNS`, `SES`, `STS`, `SageMaker` or `EFS`.
    pub service: &'static str,
    /// Operation as AWS names it, such as `PutObject`.
    pub operation: String,
    /// The bucket (S3), the domain (SageMaker) or the sender (SES).
    pub parent: String,
    /// S3: key, or prefix of a listing. SageMaker: name of the profile or space, or the domain.
    /// CloudWatch: namespace. SNS: topic. SES: recipient. EFS: file system.
    pub target: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Length of the body as sent, before any decoding.
    pub bytes: usize,
    pub at: Instant,
}

/// The server. It ends, with its connections, when this is dropped.
pub struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Stub {
    /// Starts on a free port.
    pub fn start() -> Stub {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Stub { address, shared, accepting: Some(accepting) }
    }

    /// Returns the endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Points the SDK of a program to this server, and away from the AWS settings of this machine.
    pub fn env(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            if text.starts_with("AWS_") || text.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        command
            .env("AWS_ENDPOINT_URL", self.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    }

    /// Returns all requests, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Returns the number of requests for an operation.
    pub fn count(&self, service: &str, operation: &str) -> usize {
        let state = self.state();
        let of = |request: &&Request| request.service == service && request.operation == operation;
        state.requests.iter().filter(of).count()
    }

    /// Forgets the requests so far, and the highest number at once.
    pub fn clear_requests(&self) {
        let mut state = self.state();
        state.requests.clear();
        state.flights.values_mut().for_each(|(now, most)| *most = *now);
    }

    /// Returns the highest number of concurrent requests to a service.
    pub fn max_in_flight(&self, service: &str) -> usize {
        self.state().flights.get(service).map_or(0, |(_, most)| *most)
    }

    /// Returns requests that AWS would have refused as malformed or beyond its limits, in words.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Limits the requests of a service in any second; more are throttled.
    pub fn rate_limit(&self, service: &'static str, per_second: usize) {
        self.state().limits.insert(service, state::Limit::new(per_second));
    }

    /// Returns the number of requests that the rate limit refused.
    pub fn throttled(&self, service: &str) -> usize {
        self.state().limits.get(service).map_or(0, |limit| limit.refused)
    }

    /// Makes the pages of S3's and SageMaker's listings smaller than AWS's.
    pub fn page_size(&self, most: usize) {
        assert!(most > 0, "a page has something");
        self.state().page_size = most;
    }

    /// Dates answers by a clock that is this many seconds ahead.
    pub fn clock_ahead(&self, seconds: i64) {
        self.state().ahead = seconds;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.stop();
        // Wakes up the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}
