//! Monitors of several accounts that publish to one destination. What the real program asks S3 for is
//! judged by the policies that the module makes: that of the account's role, and that of the bucket, which
//! must both allow it if the bucket is another account's.

use std::time::Duration;

use serde_json::Value;

use super::examples::Applied;
use super::policy::{Ask, allowed};
use super::role::asks;
use efs_scan_testbed::aws::{Sizes, Stub};
use efs_scan_testbed::*;

/// A monitor, and what it may do.
struct Account {
    /// Its number.
    number: &'static str,
    /// ARN of its role.
    role: String,
    role_policy: Value,
    file_system: String,
    owns_the_bucket: bool,
}

impl Account {
    /// Returns what the bucket's policy says about this account and its role.
    fn in_bucket(&self, policy: &Value) -> Value {
        let root = format!("arn:aws:iam::{}:root", self.number);
        let concerns = |statement: &&Value| {
            let who = &statement["Principal"]["AWS"];
            let named = who.as_array().cloned().unwrap_or_else(|| vec![who.clone()]);
            named.iter().any(|who| [self.role.as_str(), &root, "*"].iter().any(|it| who == it))
        };
        let statements = policy["Statement"].as_array().unwrap().iter().filter(concerns);
        let without_principal = statements.map(|statement| {
            let mut statement = statement.clone();
            statement.as_object_mut().unwrap().remove("Principal");
            statement
        });
        serde_json::json!({ "Statement": without_principal.collect::<Vec<_>>() })
    }

    /// The policies that must each allow a request.
    fn policies(&self, bucket: &Value) -> Vec<Value> {
        let role = self.role_policy.clone();
        match self.owns_the_bucket {
            true => vec![role],
            false => vec![role, self.in_bucket(bucket)],
        }
    }

    /// Scans and publishes, with pages, and reads the status of all.
    fn publish_and_read(&self, aws: &Stub, destination: &str, work: &std::path::Path) -> String {
        let state = work.join(&self.file_system);
        let scan = ["--publish", destination, "--publish-report", "--file-system-id"];
        let read = ["status", "--by", "file-system", "--from", destination];
        let mut output = None;
        for args in [&[&scan[..], &[&self.file_system]].concat()[..], &read] {
            let mut command = efs_scan();
            aws.env(&mut command);
            command.args(args);
            if args[0] != "status" {
                command.arg(work.join("efs")).arg("--state-dir").arg(&state);
            }
            let done = watched(&mut command, Duration::from_secs(60));
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.code(), Some(0), "{args:?}: {said}");
            output = Some(String::from_utf8(done.stdout).unwrap());
        }
        output.unwrap()
    }
}

/// Judges what the real program asks for in each account: name of its module, number and domain.
pub(super) fn the_real_program_may_publish(
    applied: &Applied,
    accounts: &[(&str, &'static str, &str)],
    policy: &Value,
) {
    let text = |name: &str, part: &str, key: &str| {
        let values = applied.values(&format!("module.{name}.{part}"));
        values[0][key].as_str().unwrap().to_owned()
    };
    let accounts = accounts.iter().map(|(name, number, _)| {
        let role_policy = text(name, "aws_iam_role_policy.monitor", "policy");
        Account {
            number,
            role: text(name, "aws_iam_role.monitor", "arn"),
            role_policy: serde_json::from_str(&role_policy).unwrap(),
            file_system: text(name, "data.aws_efs_file_system.homes", "file_system_id"),
            owns_the_bucket: *name == "platform",
        }
    });
    let bucket = text("platform", "aws_s3_bucket.reports", "bucket");
    each_may_publish_its_own_and_read_all((&bucket, policy), &accounts.collect::<Vec<_>>());
}

/// Each of them publishes twice and reads, and may do no more with what is another's.
fn each_may_publish_its_own_and_read_all((bucket, policy): (&str, &Value), accounts: &[Account]) {
    let (aws, work) = (Stub::start(), scratch());
    aws.create_bucket(bucket);
    file(work.path(), "efs/200005/.cache/pip/a", 3_000_000);
    let sizes = Sizes { value: 1, standard: 1, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    let destination = format!("s3://{bucket}/efs");
    for account in accounts.iter().chain(accounts) {
        aws.file_system(&account.file_system, sizes);
        let before = aws.requests().len();
        account.publish_and_read(&aws, &destination, work.path());
        let requests = aws.requests().split_off(before);
        let asked = requests.iter().filter(|request| request.service == "S3").flat_map(asks);
        for (ask, policy) in asked
            .flat_map(|ask| account.policies(policy).into_iter().map(move |it| (ask.clone(), it)))
        {
            assert!(allowed(std::slice::from_ref(&policy), &ask), "{ask:?} is refused by {policy}");
        }
    }
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
    let status = accounts[0].publish_and_read(&aws, &destination, work.path());
    assert!(accounts.iter().all(|account| status.contains(&account.file_system)), "{status}");

    for (account, other) in accounts.iter().flat_map(|one| accounts.iter().map(move |it| (one, it)))
    {
        if account.role == other.role {
            continue;
        }
        let (own, theirs) = (&account.file_system, &other.file_system);
        for key in [
            format!("latest/{theirs}.json"),
            format!("du/{theirs}.txt"),
            format!("report/{theirs}/latest.html"),
            format!("runs/fs={theirs}/dt=2026-11-29/x.json"),
            format!("homes/parquet/fs={theirs}/dt=2026-11-29/x.parquet"),
            // Athena would read it with the other's table.
            format!("homes/parquet/fs={theirs}/dt=2026-11-29/fs={own}/x.parquet"),
        ] {
            let object = format!("arn:aws:s3:::{bucket}/efs/{key}");
            for policy in account.policies(policy) {
                for action in ["s3:PutObject", "s3:DeleteObject"] {
                    let ask = Ask::new(action, &object);
                    assert!(
                        !allowed(std::slice::from_ref(&policy), &ask),
                        "{ask:?} is allowed by {policy}"
                    );
                }
            }
        }
    }
}
