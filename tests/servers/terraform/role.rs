//! The monitor's role allows everything that a run needs, and nothing else.
//!
//! Moto enforces the deployed policy on the real program. For services and conditions that moto
//! does not implement (CloudWatch's and SageMaker's protocols), `policy` judges the requests that
//! the program really sent.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::deployed::Deployed;
use super::policy::{Ask, actions, allowed};
use efs_scan_testbed::aws::{ACCOUNT, App, REGION, Request, Sizes, Stub};
use efs_scan_testbed::*;

/// Actions of an instance other than running the program: mounting, and providing shells.
const MOUNTING: [&str; 2] = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess"];
const SHELLS: [&str; 5] = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// A home over its quota, and the values that the module was applied with.
struct Monitor<'a> {
    module: &'a Deployed,
    scratch: tempfile::TempDir,
}

impl<'a> Monitor<'a> {
    fn new(module: &'a Deployed) -> Self {
        let scratch = scratch();
        file(scratch.path(), "efs/200005/.cache/pip/a", 3_000_000);
        Self { module, scratch }
    }

    fn destination(&self) -> String {
        self.module.output("destination").as_str().unwrap().to_owned()
    }

    /// Runs a scan that publishes everywhere.
    fn scan(&self, names: &str, file_system: &str, env: impl Fn(&mut Command)) -> Output {
        let mut command = efs_scan();
        env(&mut command);
        command.arg(self.scratch.path().join("efs")).args(["--publish", &self.destination()]);
        command.args([
            "--cloudwatch",
            "--cloudwatch-users",
            "--cloudwatch-groups",
            "--notify-topic",
            self.module.topic().0,
        ]);
        command.args(["--quota=1MiB", "--file-system-id", file_system, "--names", names]);
        command.args(["--group-tag", "team"]);
        command
            .args(["--notify-always", "--publish-report"])
            .arg("--state-dir")
            .arg(self.scratch.path().join("state"));
        watched(&mut command, Duration::from_secs(120))
    }

    /// Sends reminders with the instance's configuration.
    fn remind(&self, env: impl Fn(&mut Command)) -> Output {
        let mut command = efs_scan();
        env(&mut command);
        let config = self.scratch.path().join("instance.toml");
        std::fs::write(&config, self.module.output("configuration").as_str().unwrap()).unwrap();
        command.args(["remind", "--from", &self.destination(), "--config"]).arg(config);
        command.arg("--state-dir").arg(self.scratch.path().join("state"));
        watched(&mut command, Duration::from_secs(120))
    }

    fn status(&self, more: &[&str], env: impl Fn(&mut Command)) -> Output {
        let mut command = efs_scan();
        env(&mut command);
        let config = self.scratch.path().join("readers.toml");
        let names = format!("names = [\"sagemaker:{}\"]\n", self.module.domain());
        std::fs::write(&config, names).unwrap();
        command.args(["status", "--from", &self.destination(), "--config"]).arg(config).args(more);
        watched(&mut command, Duration::from_secs(120))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the actions and resources that IAM checks for a request (Service Authorization
/// Reference).
pub(crate) fn asks(request: &Request) -> Vec<Ask> {
    let Request { service, operation, parent, target, .. } = request;
    let of_domain =
        |kind: &str| format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{parent}/{target}");
    let (object, bucket) =
        (format!("arn:aws:s3:::{parent}/{target}"), format!("arn:aws:s3:::{parent}"));
    let action = format!(
        "{}:{operation}",
        match *service {
            "S3" => "s3",
            "CloudWatch" => "cloudwatch",
            "SNS" => "sns",
            "EFS" => "elasticfilesystem",
            "SageMaker" => "sagemaker",
            "SES" => "ses",
            other => panic!("{other}"),
        }
    );
    match action.as_str() {
        "s3:PutObject" => vec![Ask::new(&action, &object)],
        // For a missing object: S3 says so only to callers who may list, with no prefix to match a
        // condition.
        "s3:GetObject" => vec![Ask::new(&action, &object), Ask::new("s3:ListBucket", &bucket)],
        "s3:ListObjectsV2" => vec![Ask::new("s3:ListBucket", &bucket).with("s3:prefix", target)],
        "cloudwatch:PutMetricData" => {
            vec![Ask::new(&action, "*").with("cloudwatch:namespace", target)]
        }
        // It has neither resources nor conditions.
        "cloudwatch:GetMetricData" => vec![Ask::new(&action, "*")],
        "sns:Publish" => vec![Ask::new(&action, target)],
        "ses:GetAccount" => vec![Ask::new(&action, "*")],
        // The domain is verified, not each of its addresses.
        "ses:SendEmail" => {
            let identity = format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com");
            vec![Ask::new(&action, &identity).with("ses:FromAddress", parent)]
        }
        "elasticfilesystem:DescribeFileSystems"
        | "elasticfilesystem:DescribeLifecycleConfiguration" => {
            let arn = format!("arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{target}");
            vec![Ask::new(&action, &arn)]
        }
        // These actions have no resource.
        "sagemaker:ListUserProfiles" | "sagemaker:ListSpaces" | "sagemaker:ListApps" => {
            vec![Ask::new(&action, "*")]
        }
        "sagemaker:DescribeUserProfile" | "sagemaker:ListTags" => {
            vec![Ask::new(&action, &of_domain("user-profile"))]
        }
        "sagemaker:DescribeSpace" => vec![Ask::new(&action, &of_domain("space"))],
        _ => panic!("which action is {action}?"),
    }
}

/// Does everything that the program does for a monitor, against a stand-in that checks no
/// permissions.
fn everything(monitor: &Monitor<'_>) -> Vec<Request> {
    let (module, aws) = (monitor.module, Stub::start());
    let sizes =
        Sizes { value: 1 << 30, standard: 1 << 30, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    aws.create_bucket(module.bucket_and_prefix().0);
    aws.file_system(module.file_system(), sizes);
    assert_eq!(aws.topic(module.topic().1), module.topic().0);
    let domain = &module.domain();
    aws.domain(domain, "studio");
    aws.profile(domain, "alice", Some(200_005));
    aws.space(domain, "shared", Some(200_006));
    aws.app(domain, App::of("alice", "JupyterLab", "ml.t3.medium"));
    let names = format!("sagemaker:{domain}");
    for _ in 0..2 {
        let scanned = monitor.scan(&names, module.file_system(), |command| aws.env(command));
        assert_eq!(scanned.status.code(), Some(0), "{}", said(&scanned));
    }
    let status = monitor.status(&["--apps"], |command| aws.env(command));
    assert_eq!(status.status.code(), Some(0), "{}", said(&status));
    let reminded = monitor.remind(|command| aws.env(command));
    assert_eq!(reminded.status.code(), Some(0), "{}", said(&reminded));
    assert_eq!(aws.mails()[0].to, "alice@example.com");
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
    aws.requests()
}

#[test]
fn the_role_allows_what_the_program_asks_for_and_no_more() {
    let Some(module) = Deployed::get() else { return };
    let policies = module.role_policies();
    let monitor = Monitor::new(module);
    let asked: BTreeSet<Ask> = everything(&monitor).iter().flat_map(asks).collect();
    for ask in &asked {
        assert!(allowed(&policies, ask), "the role lacks {ask:?}");
    }
    // Every action is needed by a request, and none is a wildcard.
    let asked_for = asked.iter().map(|ask| ask.action.as_str());
    let used: BTreeSet<&str> = asked_for.chain(MOUNTING).chain(SHELLS).collect();
    let granted = actions(&policies);
    assert_eq!(granted.iter().map(String::as_str).collect::<BTreeSet<_>>(), used);

    let system =
        |id: &str| format!("arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{id}");
    for action in MOUNTING {
        assert!(allowed(&policies, &Ask::new(action, &system(module.file_system()))), "{action}");
    }
    let (bucket, prefix) = module.bucket_and_prefix();
    let object = |bucket: &str, key: &str| format!("arn:aws:s3:::{bucket}/{key}");
    let below_another =
        format!("{prefix}/homes/parquet/fs=fs-00000000/fs={}/x", module.file_system());
    let member = |kind: &str, domain: &str| {
        format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{domain}/alice")
    };
    let refused = [
        Ask::new("elasticfilesystem:ClientWrite", &system(module.file_system())),
        Ask::new("elasticfilesystem:ClientMount", &system("fs-00000000")),
        Ask::new("elasticfilesystem:DescribeFileSystems", &system("fs-00000000")),
        Ask::new("s3:DeleteObject", &object(bucket, &format!("{prefix}/latest/prod.json"))),
        Ask::new("s3:PutObject", &object(bucket, "packages/efs-scan.rpm")),
        Ask::new("s3:PutObject", &object("another", &format!("{prefix}/latest/prod.json"))),
        Ask::new("s3:PutObject", &object(bucket, &below_another)),
        Ask::new("s3:GetObject", &object("another", &format!("{prefix}/latest/prod.json"))),
        Ask::new("s3:ListBucket", "arn:aws:s3:::another"),
        Ask::new("cloudwatch:PutMetricData", "*"),
        Ask::new("cloudwatch:PutMetricData", "*").with("cloudwatch:namespace", "AWS/EFS"),
        Ask::new("ses:SendEmail", &format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"))
            .with("ses:FromAddress", "boss@example.com"),
        Ask::new("sns:Publish", &format!("arn:aws:sns:{REGION}:{ACCOUNT}:another")),
        Ask::new("sagemaker:DescribeUserProfile", &member("user-profile", "d-000000000000")),
        Ask::new("sagemaker:DescribeSpace", &member("space", "d-000000000000")),
        Ask::new("sagemaker:ListTags", &member("user-profile", "d-000000000000")),
        Ask::new("sagemaker:ListTags", &member("app", &module.domain())),
        Ask::new("sagemaker:DeleteUserProfile", &member("user-profile", &module.domain())),
        Ask::new("iam:PassRole", "*"),
        Ask::new("ssm:GetParameter", "*"),
    ];
    for ask in refused {
        assert!(!allowed(&policies, &ask), "the role needs no {ask:?}");
    }
}

/// Returns the part of the role's policy that moto understands. Moto evaluates it without context,
/// so statements with a condition would always deny, and moto's file system has another id.
fn for_moto(policies: &[Value], ids: Option<(&str, &str)>) -> Value {
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let statements: Vec<Value> = statements
        .map(|statement| {
            let text = statement.to_string();
            let text = ids.map_or(text.clone(), |(ours, there)| text.replace(ours, there));
            let mut statement: Value = serde_json::from_str(&text).unwrap();
            statement.as_object_mut().unwrap().remove("Condition");
            statement
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        match &mut statement["Action"] {
            Value::Array(actions) => actions.retain(|it| it != action),
            // An action that does not exist, because a statement without any is malformed.
            one if one == action => *one = json!("efs-scan:Nothing"),
            _ => {}
        }
    }
    policy
}

/// Makes moto enforce the policy. Returns credentials of the role.
fn enforce(module: &Deployed, policy: &Value, scratch: &Path) -> Option<Value> {
    let server = std::env::var("EFS_SCAN_TEST_MOTO_IAM").ok();
    let python = std::env::var("EFS_SCAN_TEST_PYTHON").ok();
    let why = "tests/aws-servers starts the server for it";
    if !skip_unless(server.is_some() && python.is_some(), "the role's policy in moto", why) {
        return None;
    }
    let file = scratch.join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/terraform/enforce.py");
    let mut command = Command::new(python.unwrap());
    command.arg(script).arg(server.unwrap()).arg(file).arg(module.bucket_and_prefix().0);
    command.arg(module.topic().1);
    let output = watched(&mut command, Duration::from_secs(60));
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn moto_lets_the_role_publish_and_do_nothing_else() {
    let Some(module) = Deployed::get() else { return };
    let monitor = Monitor::new(module);
    let policies = module.role_policies();
    let scratch = monitor.scratch.path();
    // Only for its own file system.
    let Some(there) = enforce(module, &for_moto(&policies, None), scratch) else { return };
    let system = there["file_system"].as_str().unwrap();
    assert_eq!(there["topic"], module.topic().0);
    let policy = for_moto(&policies, Some((module.file_system(), system)));

    // Moto implements neither CloudWatch's protocol nor SageMaker's.
    let aws = Stub::start();
    let moto = std::env::var("EFS_SCAN_TEST_MOTO_IAM").unwrap();
    let scan = |policy: &Value| {
        let keys = enforce(module, policy, scratch).unwrap();
        monitor.scan("passwd", system, |command| {
            aws.env(command);
            command.env("AWS_ENDPOINT_URL", &moto).env("AWS_ENDPOINT_URL_CLOUDWATCH", aws.url());
            for (name, key) in [
                ("AWS_ACCESS_KEY_ID", "key"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_SESSION_TOKEN", "token"),
            ] {
                command.env(name, keys[key].as_str().unwrap());
            }
        })
    };
    let whole = scan(&policy);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    // Moto refuses this action although the policy allows it;
    // `the_role_allows_what_the_program_asks_for_and_no_more` checks it.
    let refused = |line: &&str| line.contains("DescribeLifecycleConfiguration");
    let lines = said(&whole);
    let lines: Vec<&str> = lines.lines().filter(|line| !refused(line)).collect();
    assert_eq!(lines.len(), 1, "{}", said(&whole));
    // Each action is needed, and moto does enforce it.
    for (action, code) in [
        ("s3:PutObject", 1),
        ("s3:GetObject", 1),
        ("sns:Publish", 5),
        // This causes a warning, and a report without EFS's size.
        ("elasticfilesystem:DescribeFileSystems", 0),
    ] {
        let output = scan(&without(&policy, action));
        assert_eq!(output.status.code(), Some(code), "without {action}: {}", said(&output));
        assert!(said(&output).contains(&format!("it needs {action}")), "{}", said(&output));
    }
    // One more action, with the role's own keys.
    let keys = enforce(module, &policy, scratch).unwrap();
    let more = refusals(&keys, module, (&moto, system));
    let wanted = [
        ("PutObject", 200),
        ("DeleteObject", 403),
        ("PutObject of another file system", 403),
        ("PutObject elsewhere", 403),
    ];
    assert_eq!(more, wanted);
}

/// Returns the statuses of S3's replies to the role.
fn refusals(keys: &Value, module: &Deployed, (url, of): (&str, &str)) -> [(&'static str, u16); 4] {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let text = |key: &str| keys[key].as_str().unwrap().to_owned();
    let credentials =
        Credentials::new(text("key"), text("secret"), Some(text("token")), None, "role");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .force_path_style(true)
        .credentials_provider(credentials)
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bucket, prefix) = module.bucket_and_prefix();
    let mine = format!("{prefix}/report/{of}/mine");
    runtime.block_on(async {
        let put = client.put_object().bucket(bucket).key(&mine).send().await;
        let delete = client.delete_object().bucket(bucket).key(&mine).send().await;
        let another = format!("{prefix}/latest/another.json");
        let another = client.put_object().bucket(bucket).key(another).send().await;
        let elsewhere = client.put_object().bucket(bucket).key("packages/mine").send().await;
        [
            (
                "PutObject",
                put.map_or_else(|e| e.raw_response().unwrap().status().as_u16(), |_| 200),
            ),
            (
                "DeleteObject",
                delete.map_or_else(|e| e.raw_response().unwrap().status().as_u16(), |_| 200),
            ),
            (
                "PutObject of another file system",
                another.map_or_else(|e| e.raw_response().unwrap().status().as_u16(), |_| 200),
            ),
            (
                "PutObject elsewhere",
                elsewhere.map_or_else(|e| e.raw_response().unwrap().status().as_u16(), |_| 200),
            ),
        ]
    })
}
