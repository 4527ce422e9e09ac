//! Checks of AWS and of the destination.

use jiff::Timestamp;

use super::line::Line;
use super::scan::root;
use crate::aws::{Aws, EfsDescription, Identity, MemberKind, ThroughputMode};
use crate::config::Config;
#[cfg(target_os = "linux")]
use crate::config::NfsServer;
use crate::names::{Names, SourceSpec};
use crate::outbox::{self, OtherRoot};
use crate::remind::Reminding;
use crate::report::{self, FileSystemKey, METRIC_PERIOD, Root};
use crate::service_error::{ServiceResult, Trouble};
use crate::store::Destination;
use crate::text::plural;

/// How much a run depends on AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AwsUse {
    Nothing,
    /// For EFS's size only, which reports can do without.
    Figure,
    Needed,
}

pub(super) fn aws_use(config: &Config, reminds: bool) -> AwsUse {
    match (needs_aws(config, reminds), &config.settings.file_system_id) {
        (true, _) => AwsUse::Needed,
        (false, Some(_)) => AwsUse::Figure,
        (false, None) => AwsUse::Nothing,
    }
}

fn needs_aws(config: &Config, reminds: bool) -> bool {
    let publishing = &config.publishing;
    #[cfg(target_os = "linux")]
    let finds_target = config.nfs.as_ref().is_some_and(|nfs| nfs.server != NfsServer::Url);
    #[cfg(not(target_os = "linux"))]
    let finds_target = false;
    config.names.iter().any(|name| matches!(name, SourceSpec::SageMaker(_)))
        || publishing.to.as_ref().is_some_and(|to| !matches!(to, Destination::Directory(_)))
        || publishing.namespace.is_some()
        || publishing.notify.is_some()
        || finds_target
        || config.settings.iam == Some(true)
        || reminds
}

/// Reports the AWS identity of this machine. `None` if AWS is not needed.
pub(super) fn credentials(aws: &Aws, uses: AwsUse) -> Option<Line> {
    const CHECK: &str = "credentials";
    let fail = match uses {
        AwsUse::Nothing => return None,
        AwsUse::Figure => Line::warn,
        AwsUse::Needed => Line::fail,
    };
    Some(match aws.identity() {
        Ok(Identity { provider, region, caller: Ok(arn) }) => {
            Line::ok(CHECK, format!("{arn} by {provider}, region {region}"))
        }
        Ok(Identity { provider, region, caller: Err(error) }) => {
            let text = format!("from {provider}, region {region}, but {}", error.text);
            match error.trouble {
                Trouble::Credentials => fail(CHECK, text),
                _ => Line::warn(CHECK, text),
            }
        }
        Err(error) => fail(CHECK, error.text),
    })
}

/// Opens the sources of names, without reading or writing cached answers.
pub(super) fn names(config: &Config, aws: &Aws) -> (Option<Names>, Vec<Line>) {
    const CHECK: &str = "names";
    if config.names.is_empty() {
        let text = "no source of names: homes have uids only, and none is called an orphan";
        return (None, vec![Line::ok(CHECK, text)]);
    }
    let names = match Names::open(&config.names, &config.groups, aws, None) {
        Ok(names) => names,
        Err(error) => return (None, vec![Line::fail(CHECK, error.to_string())]),
    };
    let mut lines: Vec<Line> = names
        .problems()
        .map(|problem| {
            Line::warn(
                CHECK,
                format!("{problem}: no names from it, and no home is called an orphan"),
            )
        })
        .collect();
    lines.extend(names.groups_problems().map(|problem| Line::warn("groups", problem)));
    for source in &config.names {
        let source = source.to_string();
        let count = |kind| {
            let of =
                names.members().filter(|(from, member)| *from == source && member.kind == kind);
            of.count() as u64
        };
        let (profiles, spaces) = (count(MemberKind::Profile), count(MemberKind::Space));
        if profiles + spaces > 0 || !source.starts_with("sagemaker:") {
            let members = format!(
                ": {profiles} user {}, {spaces} {}",
                plural(profiles, "profile", "profiles"),
                plural(spaces, "space", "spaces"),
            );
            let members = if profiles + spaces > 0 { members } else { String::new() };
            lines.push(Line::ok(CHECK, source + &members));
        }
    }
    (Some(names), lines)
}

/// Reports EFS's size, lifecycle configuration and throughput mode.
pub(super) fn file_system(id: &str, region: Option<&str>, aws: &Aws) -> Vec<Line> {
    let described = aws.file_system(id, region);
    let known = described.as_ref().ok().and_then(|described| described.throughput);
    let throughput = known.map(|known| throughput(known.mode, id, region, aws));
    let size = metered(id, described);
    let lifecycle = match aws.lifecycle(id, region) {
        Ok(lifecycle) if lifecycle.is_off() => {
            Line::ok("lifecycle", format!("off for {id}: the report estimates what it would save"))
        }
        Ok(_) => Line::ok("lifecycle", format!("on for {id}")),
        // The line about the size reports this error.
        Err(error) if error.trouble == Trouble::Missing => return vec![size],
        Err(error) => Line::warn("lifecycle", format!("{}; reports lack advice on it", error.text)),
    };
    [size, lifecycle].into_iter().chain(throughput).collect()
}

/// Reports if CloudWatch's metrics can be read. They are optional: the permission cannot be limited to
/// EFS's.
fn throughput(mode: ThroughputMode, id: &str, region: Option<&str>, aws: &Aws) -> Line {
    let mode = match mode {
        ThroughputMode::Elastic => "Elastic",
        ThroughputMode::Bursting => "Bursting",
        ThroughputMode::Provisioned => "Provisioned",
    };
    let now = Timestamp::now().as_second();
    let text = match aws.traffic(id, region, now - 3600, now, METRIC_PERIOD as i32) {
        Ok(_) => "the report estimates what each mode would cost".to_owned(),
        Err(error) => format!("no advice on it in the report: {}", error.text),
    };
    Line::ok("throughput", format!("{mode} for {id}: {text}"))
}

fn metered(id: &str, described: ServiceResult<EfsDescription>) -> Line {
    const CHECK: &str = "EFS";
    match described {
        Ok(EfsDescription { size, .. }) => {
            Line::ok(CHECK, format!("{id} is metered at {}", size.value.human()))
        }
        Err(error) if error.trouble == Trouble::Missing => Line::warn(
            CHECK,
            format!(
                "{}; normal for another account or region: reports lack EFS's figure",
                error.text.trim_end_matches('.')
            ),
        ),
        Err(error) => Line::warn(CHECK, format!("{}; reports lack EFS's figure", error.text)),
    }
}

/// Checks the destination as a scan does before it begins.
pub(super) fn destination(
    config: &Config,
    of: Option<&report::Identity>,
    aws: &Aws,
) -> Option<Line> {
    const CHECK: &str = "destination";
    let to = config.publishing.to.as_ref()?;
    // If the root does not answer, its path identifies it.
    let of_root = || FileSystemKey::of_root(config.root.as_os_str().as_encoded_bytes());
    let key = of.map_or_else(of_root, |identity| identity.key.clone());
    let root = root(config);
    let root = Root { path: root.as_os_str().as_encoded_bytes().into(), identity: of };
    let store =
        to.open(aws).and_then(|store| outbox::check(&*store, &key, &root, OtherRoot::Refuse));
    Some(match store {
        Ok(Some(newest)) => {
            let newest = newest.strftime("%Y-%m-%d %H:%M UTC");
            Line::ok(CHECK, format!("{to} can be written; the newest run of {key} is of {newest}"))
        }
        Ok(None) => Line::ok(CHECK, format!("{to} can be written, and has no run of {key} yet")),
        Err(error) if error.trouble.passes() => {
            Line::fail(CHECK, format!("{}; runs wait in the state directory meanwhile", error.text))
        }
        Err(error) => Line::fail(CHECK, error.text),
    })
}

/// Reports the metrics. CloudWatch has no call that checks the permission without sending metrics.
pub(super) fn metrics(config: &Config, id: Option<&str>) -> Option<Line> {
    const CHECK: &str = "CloudWatch";
    let namespace = config.publishing.namespace.as_ref()?;
    Some(match id {
        Some(id) => Line::ok(
            CHECK,
            format!(
                "namespace {namespace}, FileSystemId {id}; not tried: whether cloudwatch:PutMetricData is allowed"
            ),
        ),
        None => Line::fail(
            CHECK,
            "--cloudwatch needs --file-system-id: the root does not name an EFS file system",
        ),
    })
}

/// Checks the topic of notices without sending one.
pub(super) fn topic(config: &Config, aws: &Aws) -> Option<Line> {
    const CHECK: &str = "SNS";
    let topic = &config.publishing.notify.as_ref()?.topic;
    Some(match aws.topic(topic) {
        Ok(()) => {
            Line::ok(CHECK, format!("{topic} exists; not tried: whether sns:Publish is allowed"))
        }
        Err(error) if error.trouble == Trouble::Denied => Line::ok(
            CHECK,
            format!(
                "{topic}; not tried: whether it exists and sns:Publish is allowed (this role may not ask)"
            ),
        ),
        Err(error) => Line::fail(CHECK, error.text),
    })
}

/// Checks SES, for reminders.
pub(super) fn mail(reminding: &Reminding, aws: &Aws) -> Line {
    const CHECK: &str = "SES";
    if let Err(problem) = reminding.addresses.open() {
        return Line::fail(CHECK, problem);
    }
    match aws.mailer().and_then(|mailer| mailer.rate()) {
        Ok(Some(rate)) => {
            Line::ok(CHECK, format!("takes {rate} messages a second from this account"))
        }
        Ok(None) => Line::ok(CHECK, "answers; not tried: whether ses:SendEmail is allowed"),
        Err(error) => Line::fail(CHECK, error.text),
    }
}
