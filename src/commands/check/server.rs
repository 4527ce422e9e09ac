//! Checks of the server of the engine without a mount.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::line::Line;
use crate::scan::{BatchAnswer, Grants, ServerProbe, TlsProbe};
use crate::text::plural;

const CHECK: &str = "server";

/// Remaining validity of the server's certificate from which its end is a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Attributes that a scan can do without, and the effect of each missing one.
const DISPENSABLE: [(&str, &str); 3] = [
    ("mode", "no command to clean up is shown"),
    ("mounted_on_fileid", "a directory of the same file system that is mounted twice counts twice"),
    ("rdattr_error", "an entry that cannot be read makes its whole directory unreadable"),
];

pub(super) fn lines(probe: &ServerProbe) -> Vec<Line> {
    let mut lines = vec![sessions(probe)];
    lines.extend(probe.tls.as_ref().map(|probe| tls(probe, SystemTime::now())));
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

/// Reports what TLS has agreed on, and warns of the end of the server's certificate.
fn tls(probe: &TlsProbe, now: SystemTime) -> Line {
    const CHECK: &str = "tls";
    let shown = |at: SystemTime| {
        Timestamp::try_from(at)
            .map_or("?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
    };
    let TlsProbe { protocol, cipher, server_until, client_until } = probe;
    let mut text = format!("{protocol}, {cipher}");
    if let Some(until) = client_until {
        text += &format!(
            "; this client's certificate is valid until {}, and a run makes new ones",
            shown(*until)
        );
    }
    let Some(until) = *server_until else { return Line::ok(CHECK, text) };
    text += &format!("; the server's is valid until {}", shown(until));
    let left = until.duration_since(now).unwrap_or_default();
    if left > SOON {
        return Line::ok(CHECK, text);
    }
    let days = left.as_secs() / (24 * 60 * 60);
    let left = match days {
        0 => "less than a day".to_owned(),
        _ => format!("{days} {}", plural(days, "day", "days")),
    };
    Line::warn(CHECK, format!("{text}, {left} from now: no scan with --tls works after that"))
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

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        // 2026-11-29 12:00 UTC
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_953_600);
        let in_days = |days: u64| Some(now + Duration::from_secs(days * 24 * 60 * 60 + 60));
        let said = |server_until, client_until| {
            let (protocol, cipher) = ("TLS 1.3".to_owned(), "TLS_AES_256_GCM_SHA384".to_owned());
            let probe = TlsProbe { protocol, cipher, server_until, client_until };
            serde_json::to_string(&tls(&probe, now)).unwrap_or_default()
        };
        for (days, level, words) in [
            (15, "ok", "the server's is valid until 2026-12-14 12:01 UTC\""),
            (13, "warn", "2026-12-12 12:01 UTC, 13 days from now: no scan with --tls works"),
            (1, "warn", "1 day from now"),
            (0, "warn", "less than a day from now"),
        ] {
            let line = said(in_days(days), None);
            assert!(line.contains(&format!("\"level\":\"{level}\"")), "{line}");
            assert!(
                line.contains("TLS 1.3, TLS_AES_256_GCM_SHA384; ") && line.contains(words),
                "{line}"
            );
        }
        let line = said(None, in_days(0));
        assert!(
            line.contains("this client's certificate is valid until 2026-11-29 12:01"),
            "{line}"
        );
    }
}
