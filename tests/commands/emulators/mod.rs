//! The daily job against the emulators ministack and moto, which `tests/aws-servers` starts:
//! independent implementations of S3, CloudWatch and SNS, and alarms that really fire.

mod mail;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::publish::{contract, migrate, state_contract};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use efs_scan::aws::{Aws, BucketOptions, PutOptions};
use efs_scan::store::{Destination, OpenDestination, Opener};
use efs_scan_testbed::*;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

const MINISTACK: &str = "EFS_SCAN_TEST_MINISTACK";
const MOTO: &str = "EFS_SCAN_TEST_MOTO";

/// An emulator, for the program and for the test's own SDK clients.
struct Server {
    url: String,
    runtime: Runtime,
    config: SdkConfig,
}

impl Server {
    /// Returns the emulator named by that variable; otherwise reports `what` as skipped.
    fn of(variable: &str, what: &str) -> Option<Self> {
        let url = std::env::var(variable).ok();
        if !skip_unless(url.is_some(), what, "tests/aws-servers starts the server for it") {
            return None;
        }
        let url = url.unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = aws_sdk_s3::config::SharedCredentialsProvider::new(
            aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test"),
        );
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&url)
            .credentials_provider(credentials)
            .load();
        let config = runtime.block_on(config);
        Some(Self { url, runtime, config })
    }

    /// Points a command to the emulator.
    fn env(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = efs_scan();
        self.env(&mut command);
        watched(command.args(args), Duration::from_secs(120))
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    fn bucket(&self, name: &str) {
        let client = self.s3();
        self.runtime.block_on(client.create_bucket().bucket(name).send()).unwrap();
    }

    /// Lists the keys of a bucket's objects.
    fn keys(&self, bucket: &str) -> Vec<String> {
        let client = self.s3();
        let listed = self.runtime.block_on(client.list_objects_v2().bucket(bucket).send()).unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Checks that an object has the headers that [`POLICY`] demanded.
    fn headers_are_kept(&self, bucket: &str, key: &str) {
        let client = self.s3();
        let head = client.head_object().bucket(bucket).key(key).send();
        let head = self.runtime.block_on(head).unwrap();
        assert_eq!(head.storage_class().map(|class| class.as_str()), Some("STANDARD_IA"));
        assert_eq!(head.server_side_encryption().map(|kind| kind.as_str()), Some("aws:kms"));
        assert_eq!(head.ssekms_key_id(), Some(KEY));
    }

    /// Creates a topic with a confirmed subscription of the test's listener.
    fn topic(&self, name: &str, listener: &str, received: &Receiver<String>) -> String {
        let client = aws_sdk_sns::Client::new(&self.config);
        self.runtime.block_on(async {
            let topic = client.create_topic().name(name).send().await.unwrap();
            let arn = topic.topic_arn().unwrap().to_owned();
            let call = client.subscribe().topic_arn(&arn).protocol("http").endpoint(listener);
            call.send().await.unwrap();
            let asked = received.recv_timeout(Duration::from_secs(30)).unwrap();
            let asked: Value = serde_json::from_str(&asked).unwrap();
            assert_eq!(asked["Type"], "SubscriptionConfirmation");
            let token = asked["Token"].as_str().unwrap();
            client.confirm_subscription().topic_arn(&arn).token(token).send().await.unwrap();
            arn
        })
    }

    fn file_system(&self) -> String {
        let client = aws_sdk_efs::Client::new(&self.config);
        let made = client.create_file_system().creation_token(token()).send();
        self.runtime.block_on(made).unwrap().file_system_id().to_owned()
    }
}

/// Returns a name that nothing else on the emulator has.
fn token() -> String {
    format!("t{}", jiff::Timestamp::now().as_nanosecond())
}

#[test]
fn both_emulators_keep_the_contract_of_a_store_with_any_settings() {
    for (variable, what) in
        [(MINISTACK, "the contract on ministack"), (MOTO, "the contract on moto")]
    {
        let Some(server) = Server::of(variable, what) else { continue };
        for ways in [PLAIN, POLICY, UNCONDITIONAL] {
            let bucket = token();
            server.bucket(&bucket);
            contract_in_a_child(&bucket, ways, |child| server.env(child));
            if ways == POLICY {
                server.headers_are_kept(&bucket, "with/prefix/latest/prod.json");
            }
        }
    }
}

/// `check` proves the destination without leaving an object there, and asks for the topic.
#[test]
fn a_check_of_a_destination_leaves_nothing_there() {
    for (variable, what) in [(MINISTACK, "a check on ministack"), (MOTO, "a check on moto")] {
        let Some(server) = Server::of(variable, what) else { continue };
        let dir = scratch();
        file(dir.path(), "efs/200005/file", 5000);
        let root = dir.path().join("efs").display().to_string();
        let state = dir.path().join("state").display().to_string();
        let bucket = token();
        server.bucket(&bucket);
        let check = |to: &str| {
            let args = ["check", &root, "--name", "prod", "--state-dir", &state, "--publish", to];
            let output = server.run(&[&args[..], &["--format", "json"]].concat());
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let lines = report["checks"].as_array().unwrap();
            let line = lines.iter().find(|line| line["check"] == "destination");
            let line = line.unwrap_or_else(|| panic!("{what}: {report}")).clone();
            (output.status.code(), line["level"].as_str().unwrap().to_owned(), report)
        };
        let (code, level, report) = check(&format!("s3://{bucket}/efs"));
        assert_eq!((code, &*level), (Some(0), "ok"), "{what}: {report}");
        assert_eq!(server.keys(&bucket), Vec::<String>::new(), "{what}");
        let (code, level, report) = check(&format!("s3://{bucket}-missing/efs"));
        assert_eq!((code, &*level), (Some(1), "fail"), "{what}: {report}");
    }
}

/// The settings of the bucket for a contract.
pub(crate) const PLAIN: &str = "plain";
pub(crate) const POLICY: &str = "what a policy asks for";
pub(crate) const UNCONDITIONAL: &str = "unconditional";

/// Key that a policy demands.
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";

fn options(ways: &str) -> BucketOptions {
    let set = |value: &str| Some(value.to_owned());
    match ways {
        POLICY => BucketOptions {
            region: set("us-east-1"),
            put: PutOptions {
                sse: set("aws:kms"),
                kms_key_id: set(KEY),
                acl: set("bucket-owner-full-control"),
                storage_class: set("STANDARD_IA"),
            },
            requester_pays: true,
            ..BucketOptions::default()
        },
        ways => BucketOptions { unconditional: ways == UNCONDITIONAL, ..BucketOptions::default() },
    }
}

/// Checks the contract of a store in a separate process, because environment variables point the
/// SDK to a server.
pub(crate) fn contract_in_a_child(bucket: &str, ways: &str, env: impl Fn(&mut Command)) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    env(&mut child);
    child.env("EFS_SCAN_TEST_BUCKET", bucket).env("EFS_SCAN_TEST_WAYS", ways);
    child.args(["--ignored", "--exact", "emulators::the_contract_in_a_child", "--nocapture"]);
    let output = watched(&mut child, Duration::from_secs(300));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{bucket} {ways}: {text}{error}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by contract_in_a_child, which points it to a server"]
fn the_contract_in_a_child() {
    let bucket = std::env::var("EFS_SCAN_TEST_BUCKET").unwrap();
    let ways = std::env::var("EFS_SCAN_TEST_WAYS").unwrap();
    let aws = || Aws::new(Duration::from_secs(60), options(&ways));
    let store =
        |prefix: &str| Destination::S3 { bucket: bucket.clone(), prefix: prefix.to_owned() };
    let first = aws();
    contract::contract(&*store("with/prefix").open(&first).unwrap());
    migrate::everything_is_moved(&*store("earlier").open(&first).unwrap());
    // Headers do not affect the contract; without conditions, part of it is lost.
    if ways != PLAIN {
        return;
    }
    let destination = Destination::S3 { bucket: bucket.clone(), prefix: "state".to_owned() };
    let at: Arc<dyn Opener> = Arc::new(OpenDestination { destination, aws: Arc::new(aws()) });
    state_contract::objects_contract(&at);
    // One client per publisher, because a client has only one thread.
    let publishers: Vec<Aws> = (0..16).map(|_| aws()).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    contract::several_publish(|| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        store("several").open(&publishers[at % publishers.len()]).unwrap()
    });
    contract::several_file_systems(|| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        store("fleet").open(&publishers[at % publishers.len()]).unwrap()
    });
}

/// Homes with 3 MB and 1 MB.
fn homes() -> tempfile::TempDir {
    let root = scratch();
    file(root.path(), "200005/.cache/pip/a", 3_000_000);
    file(root.path(), "200006/b", 1_000_000);
    root
}

#[test]
fn a_run_is_published_and_read_back() {
    for (variable, what) in [(MINISTACK, "publishing to ministack"), (MOTO, "publishing to moto")] {
        let Some(server) = Server::of(variable, what) else { continue };
        let (root, state, bucket) = (homes(), scratch(), token());
        let (tree, state) = (root.path().to_str().unwrap(), state.path().to_str().unwrap());
        let to = format!("s3://{bucket}/efs");
        let args =
            [tree, "--name=prod", "--publish", &to, "--state-dir", state, "--format", "json"];
        let missing = server.run(&args);
        assert_eq!(missing.status.code(), Some(1), "there is no bucket yet");
        let line = String::from_utf8_lossy(&missing.stderr).into_owned();
        assert!(line.lines().count() == 1 && line.contains(&bucket), "{line}");

        server.bucket(&bucket);
        let output = server.run(&args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{what}: {error}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let status = server.run(&["status", "--from", &to, "--format", "json"]);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        assert_eq!(status["run"], report["run"]);
        for name in ["200005", "200006"] {
            let bytes = &home(&report, name)["usage"]["allocated_bytes"];
            assert_eq!(&home(&status, name)["allocated_bytes"], bytes);
        }

        // The beginning of each report shows which runs are comparable.
        let other = homes();
        let root = other.path().to_str().unwrap();
        let second = [root, "--name=prod", "--take-over", "--publish", &to, "--state-dir", state];
        assert_eq!(server.run(&second).status.code(), Some(0), "{what}");
        let history = server.run(&["history", "--from", &to, "--format", "json"]);
        let error = String::from_utf8_lossy(&history.stderr).into_owned();
        assert_eq!(history.status.code(), Some(0), "{what}: {error}");
        let history: Value = serde_json::from_slice(&history.stdout).unwrap();
        assert_eq!(history["not_comparable"], serde_json::json!([report["run"]["id"]]), "{what}");
        assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{what}");
        assert!(home(&history, "200005")["allocated_bytes"][0].is_number(), "{what}");
    }
}

#[test]
fn an_alarm_on_the_highest_quota_fires_and_recovers() {
    let Some(server) = Server::of(MINISTACK, "an alarm that fires in ministack") else { return };
    let id = server.file_system();
    let alarm = token();
    let client = aws_sdk_cloudwatch::Client::new(&server.config);
    let made = client
        .put_metric_alarm()
        .alarm_name(&alarm)
        .namespace("EfsScan")
        .metric_name("MaxQuotaPercent")
        .dimensions(Dimension::builder().name("FileSystemId").value(&id).build())
        .statistic(Statistic::Maximum)
        .period(10)
        .evaluation_periods(1)
        .threshold(100.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .treat_missing_data("ignore")
        .send();
    server.runtime.block_on(made).unwrap();
    let root = homes();
    let state = scratch();
    let scan_until = |quota: &str, wanted: StateValue| {
        let started = Instant::now();
        loop {
            let args = [root.path().to_str().unwrap(), "--cloudwatch", "--file-system-id", &id];
            let state = state.path().to_str().unwrap();
            let state = ["--cloudwatch-users", "--quota", quota, "--state-dir", state];
            let output = server.run(&[&args[..], &state[..]].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{error}");
            let asked = client.describe_alarms().alarm_names(&alarm).send();
            let answer = server.runtime.block_on(asked).unwrap();
            let now = answer.metric_alarms()[0].state_value().cloned();
            if now.as_ref() == Some(&wanted) {
                return;
            }
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(150), "{now:?} instead of {wanted:?}");
            std::thread::sleep(Duration::from_secs(2));
        }
    };
    scan_until("2MiB", StateValue::Alarm);
    scan_until("1GiB", StateValue::Ok);
}

/// Accepts HTTP POSTs and passes their bodies on.
fn listener() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(number) = lower.strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let _ = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            let _ = send.send(String::from_utf8_lossy(&body).into_owned());
        }
    });
    (url, receive)
}

#[test]
fn subscribers_receive_the_homes_over_quota() {
    let Some(server) = Server::of(MINISTACK, "a message through ministack's SNS") else { return };
    let (url, received) = listener();
    let topic = server.topic(&token(), &url, &received);
    let (root, state) = (homes(), scratch());
    let scan = |quota: &str| {
        let args = [root.path().to_str().unwrap(), "--notify-topic", &topic, "--quota", quota];
        let state = ["--state-dir", state.path().to_str().unwrap()];
        let output = server.run(&[&args[..], &state[..]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{error}");
    };
    let next = || -> Option<Value> {
        let until = Instant::now() + Duration::from_secs(10);
        while let Ok(body) = received.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            let message: Value = serde_json::from_str(&body).unwrap_or_default();
            if message["Type"] == "Notification" {
                return Some(message);
            }
        }
        None
    };
    scan("2MiB");
    let message = next().expect("somebody is over");
    assert_eq!(message["Subject"], "efs-scan: 1 home over quota, 1 newly");
    let text = message["Message"].as_str().unwrap();
    assert!(text.contains("200005") && text.contains("NEW"), "{text}");
    assert!(text.contains("200005/.cache/pip"), "{text}");
    scan("2MiB");
    scan("500KiB");
    // The same set of homes sends nothing, so the next message is about the other set.
    let message = next().expect("another one is over");
    assert_eq!(message["Subject"], "efs-scan: 2 homes over quota, 1 newly");
}
