//! Checks of the server of the engine without a mount.

use super::line::Line;
use crate::scan::{BatchAnswer, Grants, ServerProbe};
use crate::text::plural;

const CHECK: &str = "server";

/// Attributes that a scan can do without, and the effect of each missing one.
const DISPENSABLE: [(&str, &str); 3] = [
    ("mode", "no command to clean up is shown"),
    ("mounted_on_fileid", "a directory of the same file system that is mounted twice counts twice"),
    ("rdattr_error", "an entry that cannot be read makes its whole directory unreadable"),
];

pub(super) fn lines(probe: &ServerProbe) -> Vec<Line> {
    let mut lines = vec![sessions(probe)];
    lines.extend(handles(probe));
    lines.extend(attributes(&probe.lacking));
    lines.extend(probe.batch.as_ref().map(batch));
    lines
}

/// Reports the sessions, as many as a scan opens at most.
fn sessions(probe: &ServerProbe) -> Line {
    let ServerProbe { connections, partitions, grants, .. } = probe;
    let Grants { requests, operations, reply } = grants;
    let opened: usize = partitions.iter().sum();
    let mut text = match &probe.problem {
        None => format!("{}: {connections} connections lead to ", probe.reached),
        Some(_) => format!("{}: {opened} of {connections} connections lead to ", probe.reached),
    };
    let count = partitions.len();
    text += &match (count, probe.fewest_servers) {
        (1, _) => "one server".to_owned(),
        (_, fewest) if fewest < count => format!(
            "{fewest} to {count} servers (state partitions, which identify themselves alike)"
        ),
        _ => {
            let each: Vec<String> = partitions.iter().map(usize::to_string).collect();
            format!("{count} servers (state partitions; {} of them)", each.join(", "))
        }
    };
    text += &format!(
        "; each takes {requests} {} in flight, of {operations} operations, and replies of up to {} KiB",
        plural(u64::from(*requests), "request", "requests"),
        reply / 1024
    );
    if let Some(times) = probe.round_trips {
        let [least, middle, most] = times.map(|time| time.as_secs_f64() * 1e3);
        text += &format!("; {middle:.2} ms a round trip ({least:.2} to {most:.2})");
    }
    match &probe.problem {
        None => Line::ok(CHECK, text),
        Some(problem) => Line::warn(
            CHECK,
            format!("{text}; the others: {problem}. A scan has fewer requests in flight"),
        ),
    }
}

/// Checks that handles of one server are valid on the others.
fn handles(probe: &ServerProbe) -> Option<Line> {
    const CHECK: &str = "handles";
    let why = probe.foreign_handle.as_ref()?;
    let text = match probe.partitions.len() {
        0 | 1 => format!("a connection does not answer for the root: {why}"),
        _ => format!(
            "the root's file handle is not known to every server: {why}. A scan without a mount \
             would lack parts of the tree: scan a mount, and report this"
        ),
    };
    Some(Line::fail(CHECK, text))
}

fn attributes(lacking: &[&str]) -> Option<Line> {
    const CHECK: &str = "attributes";
    if lacking.is_empty() {
        return None;
    }
    let known = |name: &&str| DISPENSABLE.iter().find(|(known, _)| known == name);
    let (names, effects): (Vec<&str>, Vec<&str>) =
        lacking.iter().filter_map(known).copied().unzip();
    let needed: Vec<&str> = lacking.iter().filter(|name| known(name).is_none()).copied().collect();
    Some(match needed.is_empty() {
        true => Line::warn(
            CHECK,
            format!("the server does not have {}: {}", names.join(", "), effects.join("; ")),
        ),
        false => Line::fail(
            CHECK,
            format!(
                "the server does not have {}: a scan without a mount needs it; scan a mount",
                needed.join(", ")
            ),
        ),
    })
}

/// Reports the answer to a request with two directories, which `--nfs-batch` needs.
fn batch(answer: &BatchAnswer) -> Line {
    const CHECK: &str = "batches";
    match answer {
        BatchAnswer::Right => Line::ok(
            CHECK,
            "a request with two directories is answered correctly: --nfs-batch can be used",
        ),
        BatchAnswer::Wrong(why) => Line::fail(
            CHECK,
            format!(
                "a request with two directories is answered incorrectly ({why}): leave \
                 out --nfs-batch, and report this"
            ),
        ),
        BatchAnswer::MayBeLinux => Line::warn(
            CHECK,
            "not tried: the server may be Linux, which several directories in one request can crash; \
             a scan uses --nfs-batch 1 there",
        ),
        BatchAnswer::Unknown(why) => {
            Line::warn(CHECK, format!("not tried, because {why}; leave out --nfs-batch"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_answer_of_a_server_is_a_line() {
        let grants = Grants { requests: 64, operations: 100, reply: 1 << 20 };
        let times = [1, 2, 9].map(Duration::from_millis);
        let probe = ServerProbe {
            connections: 8,
            partitions: vec![8],
            fewest_servers: 1,
            grants,
            round_trips: Some(times),
            ..ServerProbe::default()
        };
        let said = |probe: &ServerProbe| {
            let lines: Vec<String> = lines(probe)
                .iter()
                .map(|line| serde_json::to_string(line).unwrap_or_default())
                .collect();
            lines.join("\n")
        };
        let healthy = said(&probe);
        assert!(
            healthy.contains("8 connections lead to one server; each takes 64 requests in flight")
        );
        assert!(healthy.contains("2.00 ms a round trip (1.00 to 9.00)"), "{healthy}");
        assert!(!healthy.contains("warn") && !healthy.contains("fail"), "{healthy}");
        for (probe, level, words) in [
            (
                ServerProbe { partitions: vec![4, 3, 1], fewest_servers: 3, ..probe.clone() },
                "ok",
                "3 servers (state partitions; 4, 3, 1 of them)",
            ),
            (
                ServerProbe { partitions: vec![4, 2, 1, 1], fewest_servers: 2, ..probe.clone() },
                "ok",
                "2 to 4 servers",
            ),
            (
                ServerProbe {
                    partitions: vec![5],
                    problem: Some("refused".into()),
                    ..probe.clone()
                },
                "warn",
                "5 of 8 connections lead to one server",
            ),
            (
                ServerProbe {
                    partitions: vec![4, 4],
                    foreign_handle: Some("NFS4ERR_STALE".into()),
                    ..probe.clone()
                },
                "fail",
                "not known to every server: NFS4ERR_STALE",
            ),
            (
                ServerProbe { lacking: vec!["mode", "space_used"], ..probe.clone() },
                "fail",
                "does not have space_used",
            ),
            (
                ServerProbe { batch: Some(BatchAnswer::Wrong("cut".into())), ..probe.clone() },
                "fail",
                "(cut): leave out --nfs-batch",
            ),
        ] {
            let said = said(&probe);
            let line = said.lines().find(|line| line.contains(words));
            let line = line.unwrap_or_else(|| panic!("{words}: {said}"));
            assert!(line.contains(&format!("\"level\":\"{level}\"")), "{line}");
        }
    }
}
