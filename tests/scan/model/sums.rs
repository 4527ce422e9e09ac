//! Sums up a tree in the simplest way: lists every link first, then adds them one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Dir, Entry, Sizes, Tree};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) inodes: u64,
    pub(crate) allocated: u64,
}

impl Share {
    fn add(&mut self, sizes: Sizes) {
        self.inodes += 1;
        self.allocated += sizes.allocated;
    }
}

/// A home, as the report should have it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Home {
    /// Files, directories, symlinks, apparent and allocated bytes.
    pub(crate) counts: [u64; 5],
    pub(crate) classes: BTreeMap<String, Share>,
    pub(crate) shared: Share,
    pub(crate) charged_elsewhere: Share,
    /// Usage, bytes that deleting frees, and bytes that it frees together with others, by path and
    /// rule.
    pub(crate) findings: BTreeMap<(String, String), [Share; 3]>,
    /// The rules of those others.
    pub(crate) with: BTreeMap<(String, String), BTreeSet<String>>,
    /// Share that deleting all trash and caches frees.
    pub(crate) reclaimable: Share,
    /// Number of places, usage, and share that deleting all of them frees.
    pub(crate) rules: BTreeMap<String, (u64, Share, Share)>,
    pub(crate) files: BTreeSet<(String, u64)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) homes: BTreeMap<String, Home>,
    pub(crate) shared: Share,
    pub(crate) from_outside: Share,
    pub(crate) reclaimable: Share,
    pub(crate) top_level: BTreeMap<String, u64>,
    pub(crate) excluded: Vec<u64>,
    pub(crate) above_homes: u64,
}

pub(super) const OUTSIDE: &str = "(outside homes)";

/// The rules of `RULES`, in order, with their classes.
pub(super) const RULES: [(&str, &str); 7] = [
    ("venv", "environment"),
    ("pip", "cache"),
    ("mods", "cache"),
    ("pyc", "trash"),
    ("core", "log"),
    ("rest", "cache"),
    ("tag", "rest"),
];
const CORE: usize = 4;

/// Classes, from the most to the least readily deleted.
pub(super) const CLASSES: [&str; 6] = ["trash", "cache", "environment", "output", "log", "rest"];

/// A rule and the path of its finding.
pub(super) type Finding = (usize, String);

/// One name of one inode.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: String,
    pub(super) home: String,
    pub(super) finding: Option<Finding>,
}

impl Link {
    pub(super) fn class(&self) -> usize {
        let name = self.finding.as_ref().map_or("rest", |(rule, _)| RULES[*rule].1);
        CLASSES.iter().position(|class| *class == name).unwrap()
    }

    /// Returns the order in which homes are charged: `(outside homes)` is last.
    pub(super) fn order(&self) -> (bool, &str) {
        (self.home == OUTSIDE, &self.home)
    }

    fn top_level(&self) -> Option<&str> {
        self.path.split_once('/').map(|(top, _)| top)
    }
}

/// An inode and the names seen of it.
pub(super) struct Inode {
    pub(super) links: Vec<Link>,
    pub(super) all_links: u64,
    pub(super) sizes: Sizes,
    /// Index in [`Home::counts`].
    pub(super) kind: usize,
}

/// Lists the tree.
struct Lister<'a> {
    tree: &'a Tree,
    depth: usize,
    excludes: &'a [&'static str],
    files: BTreeMap<usize, Inode>,
    others: Vec<Inode>,
    homes: BTreeSet<String>,
    excluded: Vec<u64>,
    above_homes: u64,
}

/// Lists every inode of the tree with homes at `depth`.
pub(super) fn inodes(tree: &Tree, depth: usize, excludes: &[&'static str]) -> Vec<Inode> {
    let lister = list(tree, depth, excludes);
    lister.files.into_values().chain(lister.others).collect()
}

fn list<'a>(tree: &'a Tree, depth: usize, excludes: &'a [&'static str]) -> Lister<'a> {
    let mut lister = Lister {
        tree,
        depth,
        excludes,
        files: BTreeMap::new(),
        others: Vec::new(),
        homes: BTreeSet::new(),
        excluded: vec![0; excludes.len()],
        above_homes: 0,
    };
    lister.dir(&tree.root, &[], None, &BTreeSet::new());
    lister
}

/// Adds up the tree with homes at `depth`.
pub(crate) fn add_up(tree: &Tree, depth: usize, excludes: &[&'static str]) -> Expected {
    let lister = list(tree, depth, excludes);
    let mut expected = Expected {
        excluded: lister.excluded,
        above_homes: lister.above_homes,
        ..Expected::default()
    };
    for home in lister.homes {
        expected.homes.insert(home, Home::default());
    }
    for top in lister.others.iter().filter(|inode| inode.kind == 1) {
        let path = &top.links[0].path;
        // A single home has no lines of `du -d1`.
        if depth > 0 && !path.is_empty() && !path.contains('/') {
            expected.top_level.insert(path.clone(), 0);
        }
    }
    for inode in lister.files.into_values().chain(lister.others) {
        expected.count(&inode);
    }
    expected
}

impl Lister<'_> {
    fn home(&self, path: &[&str]) -> String {
        match (self.depth, path.len() >= self.depth) {
            (0, _) => ".".to_owned(),
            (depth, true) => path[..depth].join("/"),
            _ => OUTSIDE.to_owned(),
        }
    }

    fn dir(
        &mut self,
        dir: &Dir,
        path: &[&'static str],
        above: Option<&Finding>,
        beside: &BTreeSet<&str>,
    ) {
        let names: BTreeSet<&str> = dir.entries.keys().copied().collect();
        let home = self.home(path);
        self.homes.insert(home.clone());
        let finding = match self.rule(path, beside, &names) {
            Some(rule) if above.is_none_or(|(before, _)| rule < *before) => {
                Some((rule, path.join("/")))
            }
            _ => above.cloned(),
        };
        self.others.push(Inode {
            links: vec![Link {
                path: path.join("/"),
                home: home.clone(),
                finding: finding.clone(),
            }],
            all_links: 1,
            sizes: dir.sizes,
            kind: 1,
        });
        for (name, entry) in &dir.entries {
            let path = [path, &[*name]].concat();
            if let Some(glob) = self.excludes.iter().position(|glob| matches(glob, &path)) {
                self.excluded[glob] += 1;
                self.above_homes += u64::from(home == OUTSIDE);
                continue;
            }
            let mut link =
                Link { path: path.join("/"), home: home.clone(), finding: finding.clone() };
            match entry {
                Entry::Dir(dir) => self.dir(dir, &path, finding.as_ref(), &names),
                Entry::Symlink => self.others.push(Inode {
                    links: vec![link],
                    all_links: 1,
                    sizes: self.tree.symlink,
                    kind: 2,
                }),
                Entry::File(file) => {
                    let known = &self.tree.files[*file];
                    let core = *name == "core" && known.sizes.apparent >= 4096;
                    if core && finding.as_ref().is_none_or(|(rule, _)| CORE < *rule) {
                        link.finding = Some((CORE, link.path.clone()));
                    }
                    let inode = self.files.entry(*file).or_insert_with(|| Inode {
                        links: Vec::new(),
                        all_links: known.links,
                        sizes: known.sizes,
                        kind: 0,
                    });
                    inode.links.push(link);
                }
            }
        }
    }

    /// Returns the first rule that a directory matches by itself.
    fn rule(
        &self,
        path: &[&str],
        beside: &BTreeSet<&str>,
        names: &BTreeSet<&str>,
    ) -> Option<usize> {
        let in_home = path.get(self.depth..).unwrap_or_default();
        let name = in_home.last().copied();
        let holds = [
            names.contains("venv.cfg") && !names.contains("keep"),
            in_home == [".cache", "pip"],
            name == Some("mods") && beside.contains("package"),
            name == Some("pyc"),
            false,
            in_home == [".cache"],
            names.contains("TAG"),
        ];
        holds.iter().position(|holds| *holds)
    }
}

/// Returns true if a glob of whole components, with `**` only at its start, matches.
fn matches(glob: &str, path: &[&str]) -> bool {
    let (glob, path) = match glob.strip_prefix("**/") {
        Some(tail) => {
            let length = tail.split('/').count();
            (tail, &path[path.len().saturating_sub(length)..])
        }
        None => (glob, path),
    };
    let glob: Vec<_> = glob.split('/').collect();
    let mut both = glob.iter().zip(path);
    glob.len() == path.len() && both.all(|(glob, name)| *glob == "*" || glob == name)
}

impl Expected {
    fn count(&mut self, inode: &Inode) {
        let payer = inode.links.iter().min_by_key(|link| link.order()).unwrap();
        let of_payer = inode.links.iter().filter(|link| link.home == payer.home);
        let class = of_payer.map(Link::class).max().unwrap();
        let home = self.homes.get_mut(&payer.home).unwrap();
        home.counts[inode.kind] += 1;
        home.counts[3] += inode.sizes.apparent;
        home.counts[4] += inode.sizes.allocated;
        home.classes.entry(CLASSES[class].to_owned()).or_default().add(inode.sizes);
        self.count_top_level(inode, &payer.home);

        let homes: BTreeSet<&str> = inode.links.iter().map(|link| &*link.home).collect();
        let real = homes.iter().filter(|name| **name != OUTSIDE);
        if real.count() > 1 {
            self.shared.add(inode.sizes);
        }
        if (inode.links.len() as u64) < inode.all_links {
            self.from_outside.add(inode.sizes);
        }
        for name in &homes {
            let home = self.homes.get_mut(*name).unwrap();
            if homes.iter().any(|other| other != name && *other != OUTSIDE) {
                home.shared.add(inode.sizes);
                if *name != payer.home {
                    home.charged_elsewhere.add(inode.sizes);
                }
            }
            let here = inode.links.iter().filter(|link| link.home == *name);
            let smallest = here.map(|link| &link.path).min().unwrap();
            if inode.kind != 1 && inode.sizes.allocated > 0 {
                home.files.insert((smallest.clone(), inode.sizes.allocated));
            }
        }
        self.count_findings(inode);
        self.count_freed(inode);
    }

    fn count_top_level(&mut self, inode: &Inode, payer: &str) {
        // Each directory of the root has its own line.
        let top = |link: &Link| match inode.kind {
            1 if !link.path.is_empty() => link.path.split('/').next().map(str::to_owned),
            _ => link.top_level().map(str::to_owned),
        };
        let links = inode.links.iter().filter(|link| link.home == payer);
        // Outside homes, the first directory by name is charged; the root itself precedes them.
        let top = links.map(top).min().flatten();
        if let Some(line) = top.and_then(|top| self.top_level.get_mut(&top)) {
            *line += inode.sizes.allocated;
        }
    }

    fn count_findings(&mut self, inode: &Inode) {
        let mut by_finding: BTreeMap<(&str, &Finding), u64> = BTreeMap::new();
        let mut by_rule: BTreeMap<(&str, usize), u64> = BTreeMap::new();
        for link in &inode.links {
            if let Some(finding) = &link.finding {
                *by_finding.entry((&link.home, finding)).or_default() += 1;
                *by_rule.entry((&link.home, finding.0)).or_default() += 1;
            }
        }
        for ((home, (rule, path)), links) in by_finding {
            let home = self.homes.get_mut(home).unwrap();
            let id = RULES[*rule].0.to_owned();
            let places = &mut home.rules.entry(id.clone()).or_default().0;
            let [whole, frees, _] = home.findings.entry((path.clone(), id)).or_insert_with(|| {
                *places += 1;
                Default::default()
            });
            whole.add(inode.sizes);
            if links == inode.all_links {
                frees.add(inode.sizes);
            }
        }
        for ((home, rule), links) in by_rule {
            let rules = &mut self.homes.get_mut(home).unwrap().rules;
            let (_, whole, frees) = rules.get_mut(RULES[rule].0).unwrap();
            whole.add(inode.sizes);
            if links == inode.all_links {
                frees.add(inode.sizes);
            }
        }
    }

    /// Deletes whole sets of findings, and counts the inode if that removes its last link.
    fn count_freed(&mut self, inode: &Inode) {
        let is_gone = |deleted: &dyn Fn(&Link) -> bool| {
            inode.links.iter().filter(|link| deleted(link)).count() as u64 == inode.all_links
        };
        let expendable = |link: &Link| link.finding.is_some() && link.class() < 2;
        if is_gone(&expendable) {
            self.reclaimable.add(inode.sizes);
        }
        for (name, home) in &mut self.homes {
            let here = |link: &Link| link.home == *name;
            if is_gone(&|link| here(link) && expendable(link)) {
                home.reclaimable.add(inode.sizes);
            }
            // Everything that the owner could delete. A hint is not a finding to delete.
            let named = |link: &Link| link.finding.is_some() && link.class() < 5;
            let all: BTreeSet<_> =
                inode.links.iter().filter_map(|link| link.finding.as_ref()).collect();
            if all.len() < 2 || !is_gone(&|link| here(link) && named(link)) {
                continue;
            }
            let key = |(rule, path): &Finding| (path.clone(), RULES[*rule].0.to_owned());
            for finding in &all {
                home.findings.get_mut(&key(finding)).unwrap()[2].add(inode.sizes);
                let others = all.iter().filter(|other| *other != finding);
                let others = others.map(|(rule, _)| RULES[*rule].0.to_owned());
                home.with.entry(key(finding)).or_default().extend(others);
            }
        }
    }
}
