//! Checks of this machine and of the configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat, statvfs};

use super::line::Line;
use crate::commands::scan::{chosen_state, needs_state_dir};
use crate::commands::state_place::Chosen;
use crate::config::Config;
use crate::guard;
use crate::names::{Names, alike};
use crate::state;
use crate::text::{is_uid, plural};
use crate::units::human;

/// Free bytes below which a state directory counts as nearly full: until it is published, a run of
/// 5,000 homes takes some 20 MiB there.
const SCARCE: u64 = 256 << 20;

/// Reports the program and the machine.
pub(super) fn program() -> Line {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let uid = rustix::process::geteuid().as_raw();
    let (version, system) = (
        env!("CARGO_PKG_VERSION"),
        [system.sysname(), system.release(), system.machine()].map(text),
    );
    Line::ok("program", format!("efs-scan {version}, {}, uid {uid}", system.join(" ")))
}

/// Reports the settings that decide what a run does.
pub(super) fn configuration(config: &Config) -> Line {
    let settings = &config.settings;
    let mut parts = vec![format!("homes at depth {}", settings.home_depth)];
    if !config.exclude.globs().is_empty() {
        parts.push(format!("--exclude {}", config.exclude.globs().join(" ")));
    }
    if !settings.users.is_empty() {
        parts.push(format!("--user {}", settings.users.join(" ")));
    }
    if settings.cross_mounts {
        parts.push("--cross-mounts".to_owned());
    }
    if config.publishing.is_empty() {
        parts.push("publishes nothing".to_owned());
    }
    Line::ok("configuration", parts.join(", "))
}

/// Checks the state directory, if a run needs it.
pub(super) fn state(config: &Config) -> Vec<Line> {
    let settings = &config.settings;
    if !needs_state_dir(config) {
        return Vec::new();
    }
    if let Chosen::Destination(why) = chosen_state(config) {
        let text = format!("kept at the destination, where no run waits to be sent: {why}");
        return vec![Line::ok("state", text)];
    }
    let own = settings.state_dir_shared.then(|| settings.state_dir.join(state::own_name()));
    let directory = own.as_deref().unwrap_or(&settings.state_dir);
    let mut lines = vec![state_directory(directory)];
    let waiting = fs::read_dir(directory.join("spool")).map(|spool| {
        let runs = spool
            .flatten()
            .filter(|entry| entry.file_name().as_encoded_bytes().ends_with(b".json"));
        runs.count() as u64
    });
    if let Ok(waiting @ 1..) = waiting {
        let wait = plural(waiting, "run waits", "runs wait");
        let text = format!("{waiting} {wait} to be published: `efs-scan publish` sends what waits");
        lines.push(Line::warn("spool", text));
    }
    lines
}

fn state_directory(directory: &Path) -> Line {
    const CHECK: &str = "state";
    let shown = directory.display();
    let metadata = match fs::metadata(directory) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = directory.ancestors().skip(1).find(|above| above.is_dir());
            return match above.filter(|above| is_writable(above)) {
                Some(_) => Line::ok(CHECK, format!("{shown} is made by the first run")),
                None => Line::fail(
                    CHECK,
                    format!("{shown} cannot be made here: give another --state-dir"),
                ),
            };
        }
        Err(error) => return Line::fail(CHECK, format!("{shown}: {error}")),
    };
    if let Err(error) = guard::refuse_shared(directory, &metadata) {
        return Line::fail(CHECK, format!("{shown}: {error}"));
    }
    if !is_writable(directory) {
        return Line::fail(
            CHECK,
            format!("{shown} cannot be written: a run that cannot be published is lost"),
        );
    }
    match free(directory) {
        Ok(bytes) if bytes < SCARCE => {
            Line::warn(CHECK, format!("{shown} has only {} free: runs wait there", human(bytes)))
        }
        Ok(bytes) => Line::ok(CHECK, format!("{shown}, {} free", human(bytes))),
        Err(error) => Line::warn(CHECK, format!("{shown}: free space: {error}")),
    }
}

/// True if this user may write to the directory. For root, only a read-only mount prevents that.
fn is_writable(directory: &Path) -> bool {
    accessat(CWD, directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

fn free(directory: &Path) -> std::io::Result<u64> {
    let space = statvfs(directory)?;
    // A file system without free inodes has no room, either.
    let no_inodes = space.f_files > 0 && space.f_favail == 0;
    Ok(if no_inodes { 0 } else { space.f_bavail.saturating_mul(space.f_frsize) })
}

/// Checks the directory of the result, if the result is a file.
pub(super) fn output(config: &Config) -> Option<Line> {
    let path = config.settings.output.as_deref().filter(|path| *path != Path::new("-"))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let shown = path.display();
    Some(match is_writable(directory) {
        true => Line::ok("output", shown.to_string()),
        false => Line::fail("output", format!("{shown}: its directory cannot be written")),
    })
}

/// Checks the quotas of groups for names that no group has. `groups` are the groups of the homes.
pub(super) fn group_quotas(config: &Config, groups: &BTreeSet<String>) -> Option<Line> {
    const CHECK: &str = "quotas";
    let all: Vec<&str> = config.quotas.groups.names().collect();
    let nobodys: Vec<&&str> = all.iter().filter(|name| !groups.contains(&alike(name))).collect();
    let count = all.len() as u64;
    let text = format!("{count} of {}", plural(count, "a group", "groups"));
    match nobodys.first() {
        _ if count == 0 => None,
        None => Some(Line::ok(CHECK, text)),
        Some(_) if groups.is_empty() => Some(Line::warn(
            CHECK,
            format!(
                "{text}, but nobody here is in a group: names have a column `group`, group_tag or \
                 passwd_groups"
            ),
        )),
        Some(first) => Some(Line::warn(
            CHECK,
            format!("{text}; `{first}`: no group has this name, so it limits nobody"),
        )),
    }
}

/// Checks the quotas for names that no owner has. `owners` are the names and uids of the homes. If
/// names are missing (`names_are_whole`), a name without an owner is not reported.
pub(super) fn quotas(
    config: &Config,
    owners: &BTreeSet<String>,
    names: &Names,
    names_are_whole: bool,
) -> Option<Line> {
    const CHECK: &str = "quotas";
    let quotas = &config.quotas;
    let members: BTreeSet<String> =
        names.members().map(|(_, member)| alike(&member.name)).collect();
    let is_nobodys = |name: &&str| {
        (names_are_whole || is_uid(name))
            && !owners.contains(&alike(name))
            && !members.contains(&alike(name))
    };
    let nobodys: Vec<&str> = quotas.users.names().filter(is_nobodys).collect();
    let of_users = quotas.users.names().count();
    if of_users == 0 && quotas.default.is_none() {
        return None;
    }
    let default = quotas
        .default
        .map_or("none by default".to_owned(), |quota| format!("{} by default", human(quota.0)));
    let text = format!("{default}, {of_users} of users");
    Some(match nobodys.as_slice() {
        // Without homes, nothing is known about owners.
        [] => Line::ok(CHECK, text),
        _ if owners.is_empty() => Line::ok(CHECK, text),
        [first, ..] => {
            let others = match nobodys.len() {
                1 => String::new(),
                more => format!(" and {} more", more - 1),
            };
            let kind = if is_uid(first) { "uid of no home" } else { "name of no owner" };
            Line::warn(
                CHECK,
                format!("{text}; `{first}`{others}: {kind} here, so it limits nobody"),
            )
        }
    })
}
