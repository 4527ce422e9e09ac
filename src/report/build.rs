//! Builds the report of the closed accounts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::groups::{GroupReport, Groups};
use super::home_at::{NO_PATH, fill};
use super::model::*;
use super::owner::{directory_owner, owner};
use super::quota::Quotas;
use super::withheld::{ENDS_IN_NEWLINE, LONGEST_COMMAND, TOO_LONG, look_first, withheld};
use crate::names::{Names, Spelling};
use crate::packed::PackedList;
use crate::text::lossy;
use crate::units::{AllocatedBytes, ApparentBytes};
use crate::usage::{
    self, Amount, Books, Class, Home, HomeKind, Large, RuleTotal, Rules, Tally, is_trash_of_root,
};

/// The facts about a scan that the accounts do not hold.
pub struct Context<'a> {
    /// The run. Its coverage may still become partial.
    pub run: Run,
    /// The root as commands name it: absolute, without symbolic links.
    pub real_root: &'a Path,
    /// Names of owners.
    pub names: &'a Names,
    /// Quotas of homes.
    pub quotas: &'a Quotas,
    /// Number of largest files and directories to name for all homes together.
    pub top: usize,
}

/// Builds the report.
pub fn build(mut totals: usage::Totals, context: Context<'_>) -> Report {
    let homes = std::mem::take(&mut totals.homes);
    let mut builder = Builder {
        rules: totals.ledger.rules(),
        named: &totals.named_findings,
        context,
        tally: Tally::default(),
        by_class: usage::AmountByClass::default(),
        all_rules: BTreeMap::new(),
        files: usage::Top::new(0),
        dirs: usage::Top::new(0),
        top_level: BTreeMap::new(),
        shared: Amount::default(),
        groups: Groups::default(),
    };
    builder.files = usage::Top::new(builder.context.top);
    builder.dirs = usage::Top::new(builder.context.top);
    let homes = builder.homes(homes);
    for (rule, linked) in &totals.links.rules {
        builder.all_rules.entry(*rule).or_default().linked = *linked;
    }
    let orphans = builder.orphans(&homes);
    let errors = &totals.errors;
    let mut run = builder.context.run.clone();
    if run.coverage == Coverage::Complete && errors.count > 0 {
        run.coverage = Coverage::Partial;
    }
    let excluded = totals.ledger.excluded_globs().iter().zip(&errors.excluded);
    Report {
        schema: SCHEMA.to_owned(),
        run,
        totals: usage_of(&builder.tally, &builder.by_class),
        file_system: None,
        money: None,
        nfs: None,
        newest_mtime: builder.tally.newest.map(timestamp),
        rules: rule_reports(builder.rules, &builder.all_rules),
        largest_files: builder.files.items().iter().map(large_file).collect(),
        largest_dirs: builder.dirs.items().iter().map(large_dir).collect(),
        orphans,
        hard_links: HardLinks {
            shared_between_homes: share(builder.shared),
            linked_from_outside: share(totals.links.unseen),
            freed_across_rules: share(totals.links.across_rules),
        },
        top_level: builder.top_level(),
        groups: builder.groups(),
        homes,
        members: builder.members(),
        errors: error_report(errors),
        left_out: LeftOut {
            mounts: errors.mounts,
            above_homes: errors.above_homes,
            excluded: excluded
                .map(|(glob, entries)| Excluded { glob: glob.clone(), entries: *entries })
                .collect(),
        },
        dirs_problem: None,
        growth: None,
    }
}

struct Builder<'a> {
    rules: &'a Rules,
    named: &'a usage::NamedFindings,
    context: Context<'a>,
    /// Sums over all homes.
    tally: Tally,
    by_class: usage::AmountByClass,
    all_rules: BTreeMap<u16, RuleTotal>,
    files: usage::Top,
    dirs: usage::Top,
    top_level: BTreeMap<Vec<u8>, AllocatedBytes>,
    shared: Amount,
    groups: Groups,
}

impl Builder<'_> {
    /// Members of all domains; empty if the scan is of some users.
    fn members(&self) -> Vec<StudioMember> {
        if !self.context.run.users.is_empty() {
            return Vec::new();
        }
        let all = self.context.names.members();
        all.map(|(source, member)| StudioMember::new(source, member)).collect()
    }

    /// Groups; empty if the scan is of some users, whose groups would lack other people's homes.
    fn groups(&mut self) -> Vec<GroupReport> {
        let groups = std::mem::take(&mut self.groups);
        match self.context.run.users.is_empty() {
            true => groups.finish(self.context.quotas),
            false => Vec::new(),
        }
    }

    /// Makes the reports of the homes, and drops each home's account.
    fn homes(&mut self, mut homes: Vec<Arc<Home>>) -> PackedList<HomeReport> {
        // The accounts outside of homes are merged into one, so they come last and in order of
        // their names. The order of the others does not matter.
        homes.sort_by_cached_key(|home| match home.kind {
            HomeKind::Uid | HomeKind::Named => (false, home.closing_order()),
            HomeKind::Outside => (true, (0, 0)),
        });
        let mut reports = PackedList::default();
        // There is an account outside of homes for each top-level directory, and one in the report.
        let mut outside: Option<HomeReport> = None;
        let mut outside_files = usage::Top::new(self.context.top);
        for home in homes {
            let report = home.read_books(|books| {
                if home.kind == HomeKind::Outside {
                    books.files.items().iter().for_each(|file| outside_files.offer(file.clone()));
                }
                self.home(&home, books)
            });
            self.groups.add(&report);
            match (&mut outside, home.kind) {
                (_, HomeKind::Uid | HomeKind::Named) => reports.push(&report),
                (None, HomeKind::Outside) => outside = Some(report),
                (Some(first), HomeKind::Outside) => merge_outside(first, report),
            }
        }
        if let Some(outside) = &mut outside {
            outside.largest_files = outside_files.items().iter().map(large_file).collect();
        }
        // A scan of some homes does not look outside of homes.
        let outside = outside.filter(|_| self.context.run.users.is_empty());
        outside.iter().for_each(|outside| reports.push(outside));
        reports
    }

    fn home(&mut self, home: &Home, books: &Books) -> HomeReport {
        self.tally.merge(&books.tally);
        self.by_class.merge(&books.by_class);
        for (rule, total) in &books.rules {
            let all = self.all_rules.entry(*rule).or_default();
            all.places += total.places;
            all.single.merge(total.single);
        }
        books.files.items().iter().for_each(|file| self.files.offer(file.clone()));
        books.dirs.items().iter().for_each(|dir| self.dirs.offer(dir.clone()));
        if !home.path.is_empty() {
            let top = home.path.split(|byte| *byte == b'/').next().unwrap_or_default();
            *self.top_level.entry(top.to_vec()).or_default() += books.tally.allocated;
        }
        // Counted at the home that is charged, so that each inode counts once.
        let here = books.shared.inodes - books.charged_elsewhere.inodes;
        self.shared.merge(Amount {
            inodes: here,
            allocated: AllocatedBytes(
                books.shared.allocated.0 - books.charged_elsewhere.allocated.0,
            ),
        });
        let name = match home.kind {
            HomeKind::Outside => OUTSIDE_HOMES.as_bytes(),
            _ if home.path.is_empty() => b".",
            _ => &home.path,
        };
        let (name, name_base64) = lossy(name);
        let owner = owner(self.context.names, home);
        let quota = match home.kind {
            HomeKind::Outside => None,
            // A quota is for a home, and a trash at the root is none.
            HomeKind::Named if is_trash_of_root(&home.path) => None,
            _ => {
                let last = name.rsplit('/').next().unwrap_or_default();
                let names: Vec<&str> = owner.name.as_deref().into_iter().chain([last]).collect();
                let spelling = Spelling::of_person(owner.has_namesake);
                self.context.quotas.of(home.uid, &names, books.tally.allocated, spelling)
            }
        };
        HomeReport {
            name,
            name_base64,
            kind: home.kind,
            uid: home.uid,
            owner,
            directory_owner: directory_owner(self.context.names, home),
            coverage: match (self.context.run.coverage, books.errors) {
                (Coverage::Interrupted, _) => Coverage::Interrupted,
                (_, 0) => Coverage::Complete,
                _ => Coverage::Partial,
            },
            errors: books.errors,
            vanished: books.vanished,
            newest_mtime: books.tally.newest.map(timestamp),
            usage: usage_of(&books.tally, &books.by_class),
            foreign: share(books.tally.foreign),
            shared: share(books.shared),
            charged_elsewhere: share(books.charged_elsewhere),
            rules: rule_reports(self.rules, &books.rules),
            freed_across_rules: share(books.across_rules),
            findings: largest_first(books.findings.iter().map(|found| self.finding(found))),
            largest_files: books.files.items().iter().map(large_file).collect(),
            largest_dirs: books.dirs.items().iter().map(large_dir).collect(),
            quota,
            cost_month: None,
            reclaimable: None,
        }
    }

    fn orphans(&self, homes: &PackedList<HomeReport>) -> Option<Orphans> {
        let orphan = |home: &HomeReport| home.owner.status == OwnerStatus::Orphan;
        self.context.names.know_everybody().then(|| {
            let mut orphans = Orphans { homes: 0, usage: Share::default(), cost_month: None };
            for home in homes.iter().filter(orphan) {
                orphans.homes += 1;
                orphans.usage.add(home.usage.share());
            }
            orphans
        })
    }

    fn finding(&self, found: &usage::FoundPlace) -> Finding {
        let rule = self.rules.get(found.finding.rule);
        let sums = found.finding.sums();
        let (path, path_base64) = lossy(&found.path);
        let absolute = [self.context.real_root.as_os_str().as_bytes(), b"/", &found.path].concat();
        let has_path = self.context.real_root.is_absolute();
        let filled = rule.command.as_ref().map(|text| fill(text, &absolute));
        let unusable = filled.as_ref().and_then(|command| match command.len() {
            // Wherever the owner sees the home.
            _ if rule.of_files && found.path.ends_with(b"\n") => Some(ENDS_IN_NEWLINE),
            _ if !has_path => Some(NO_PATH),
            ..=LONGEST_COMMAND => None,
            _ => Some(TOO_LONG),
        });
        let (command, advice) = match withheld(rule, &found.finding).or(unusable) {
            Some(why) => (None, Some(why.to_owned())),
            None => {
                let advice = rule.advice.clone();
                let first = look_first(rule, &found.finding);
                let both = |text: String| match first {
                    Some(why) => format!("{why}; then: {text}"),
                    None => text,
                };
                (filled, advice.map(both))
            }
        };
        Finding {
            rule: rule.id.clone(),
            class: rule.class,
            hint: rule.hint,
            path,
            path_base64,
            usage: share(sums.whole()),
            frees: share(sums.frees()),
            together: sums.together.as_deref().map(|more| self.together(more)),
            across: sums.across.as_deref().map(|more| self.together(more)),
            cost_month: None,
            command,
            advice,
        }
    }

    fn together(&self, together: &usage::Together) -> Together {
        let with = together.with.iter().map(|rule| self.rules.get(*rule).id.clone()).collect();
        let places = together.places(self.named).into_iter().flatten();
        let places = places.map(|path| lossy(path).0).collect();
        Together { with, places, frees: share(together.amount) }
    }

    fn top_level(&mut self) -> PackedList<TopLevel> {
        let line = |(name, allocated_bytes): (Vec<u8>, AllocatedBytes)| {
            let (name, name_base64) = lossy(&name);
            TopLevel { name, name_base64, allocated_bytes }
        };
        std::mem::take(&mut self.top_level).into_iter().map(line).collect()
    }
}

/// Adds the account of one more top-level directory outside of homes.
fn merge_outside(all: &mut HomeReport, more: HomeReport) {
    all.usage.add(&more.usage);
    all.errors += more.errors;
    all.vanished += more.vanished;
    if all.coverage == Coverage::Complete {
        all.coverage = more.coverage;
    }
    all.newest_mtime = all.newest_mtime.max(more.newest_mtime);
    all.shared.add(more.shared);
    all.charged_elsewhere.add(more.charged_elsewhere);
    all.freed_across_rules.add(more.freed_across_rules);
    for rule in more.rules {
        match all.rules.iter_mut().find(|other| other.rule == rule.rule) {
            Some(other) => {
                other.places += rule.places;
                other.usage.add(rule.usage);
                other.frees.add(rule.frees);
            }
            None => all.rules.push(rule),
        }
    }
    all.rules.sort_by_key(|rule| Reverse(rule.usage.allocated_bytes));
    let findings = std::mem::take(&mut all.findings);
    all.findings = largest_first(findings.into_iter().chain(more.findings));
}

fn largest_first(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut findings: Vec<_> = findings.collect();
    findings.sort_by(|a, b| {
        (b.usage.allocated_bytes, &a.path).cmp(&(a.usage.allocated_bytes, &b.path))
    });
    findings
}

fn share(part: Amount) -> Share {
    Share { inodes: part.inodes, allocated_bytes: part.allocated, metered_bytes: part.metered() }
}

fn usage_of(tally: &Tally, by_class: &usage::AmountByClass) -> Usage {
    let class = |class| share(by_class.get(class));
    let [days_7, days_30, days_90, year_1, older] = tally.by_age.map(share);
    let whole = share(tally.amount());
    Usage {
        files: tally.files,
        dirs: tally.dirs,
        symlinks: tally.symlinks,
        other: tally.other,
        apparent_bytes: tally.apparent,
        allocated_bytes: whole.allocated_bytes,
        metered_bytes: whole.metered_bytes,
        by_class: ByClass {
            trash: class(Class::Trash),
            cache: class(Class::Cache),
            environment: class(Class::Environment),
            output: class(Class::Output),
            log: class(Class::Log),
            rest: class(Class::Rest),
        },
        by_age: ByAge { days_7, days_30, days_90, year_1, older, future: share(tally.future) },
    }
}

fn rule_reports(rules: &Rules, totals: &BTreeMap<u16, RuleTotal>) -> Vec<RuleReport> {
    let mut reports: Vec<RuleReport> = totals
        .iter()
        .map(|(index, total)| {
            let rule = rules.get(*index);
            RuleReport {
                rule: rule.id.clone(),
                class: rule.class,
                hint: rule.hint,
                places: total.places,
                usage: share(total.whole()),
                frees: share(total.frees()),
                cost_month: None,
                command: rule.command.clone(),
                advice: rule.advice.clone(),
                note: rule.note.clone(),
            }
        })
        .collect();
    // The sort is stable: rules of equal size keep their order.
    reports.sort_by_key(|report| Reverse(report.usage.allocated_bytes));
    reports
}

fn large_file(file: &Large) -> LargeFile {
    let (path, path_base64) = lossy(&file.path);
    LargeFile {
        path,
        path_base64,
        allocated_bytes: AllocatedBytes(file.allocated),
        apparent_bytes: ApparentBytes(file.apparent),
        mtime: timestamp(file.mtime),
        links: file.nlink,
    }
}

fn large_dir(dir: &Large) -> LargeDir {
    let (path, path_base64) = lossy(&dir.path);
    LargeDir { path, path_base64, allocated_bytes: AllocatedBytes(dir.allocated) }
}

fn error_report(errors: &usage::Errors) -> ErrorReport {
    ErrorReport {
        count: errors.count,
        by_kind: errors
            .by_kind
            .iter()
            .map(|(kind, count)| (kind.name().to_owned(), *count))
            .collect(),
        samples: errors
            .samples
            .iter()
            .map(|problem| {
                let (path, path_base64) = lossy(&problem.path);
                ErrorSample {
                    path,
                    path_base64,
                    op: problem.op.name().to_owned(),
                    kind: problem.kind.name().to_owned(),
                    message: problem.message.clone(),
                }
            })
            .collect(),
        vanished: errors.vanished,
    }
}

/// Converts seconds since 1970 to a time. A file may claim a time beyond the calendar, which is
/// clamped.
fn timestamp(seconds: i64) -> Timestamp {
    let clamped = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(clamped).unwrap_or(Timestamp::UNIX_EPOCH)
}
