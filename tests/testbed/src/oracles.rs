//! `du` and `find`, which tests compare efs-scan with.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Returns the allocated bytes of a tree, each inode once, as `du -s` counts them.
pub fn du(path: &Path) -> u64 {
    let output = Command::new("du").args(["-s", "--block-size=1"]).arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.split('\t').next().unwrap().parse().unwrap()
}

/// Lists a tree with `find -printf`, each inode once: (kind, st_size, allocated bytes, mtime in
/// seconds) by (device, inode).
pub fn find(path: &Path) -> BTreeMap<(u64, u64), (char, u64, u64, i64)> {
    let mut command = Command::new("find");
    let output = command.arg(path).args(["-printf", "%D %i %y %s %b %T@\\n"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut number = || words.next().unwrap().parse::<u64>().unwrap();
            let inode = (number(), number());
            let kind = words.next().unwrap().chars().next().unwrap();
            let size = words.next().unwrap().parse().unwrap();
            let blocks: u64 = words.next().unwrap().parse().unwrap();
            let mtime = words.next().unwrap().split('.').next().unwrap().parse().unwrap();
            (inode, (kind, size, blocks * 512, mtime))
        })
        .collect()
}
