//! Files of daily work: repositories, notebooks, node modules and the trash.

use anyhow::Result;

use super::maker::{Content, Maker};

/// Makes a git repository with loose objects, a pack, and sources.
pub(super) fn repository(m: &mut Maker, round: u64) -> Result<()> {
    let repo = m.dir("", format_args!("repo-{round}"))?;
    let git = m.dir(&repo, ".git")?;
    m.file(&git, "HEAD", Content::Text("ref: refs/heads/main\n"))?;
    for file in ["config", "description", "index", "packed-refs"] {
        m.small(&git, file)?;
    }
    let hooks = m.dir(&git, "hooks")?;
    for hook in ["pre-commit", "pre-push", "commit-msg", "update"] {
        m.small(&hooks, format_args!("{hook}.sample"))?;
    }
    let heads = m.dirs(&git, "refs/heads")?;
    m.small(&heads, "main")?;
    m.dirs(&git, "refs/tags")?;
    let logs = m.dir(&git, "logs")?;
    m.small(&logs, "HEAD")?;
    let objects = m.dir(&git, "objects")?;
    let pack = m.dir(&objects, "pack")?;
    let id = m.rng.hex(40);
    m.small(&pack, format_args!("pack-{id}.idx"))?;
    m.file(&pack, format_args!("pack-{id}.pack"), Content::Sparse(30 << 20))?;
    for _ in 0..m.rng.range(200, 1500) {
        if !m.room() {
            break;
        }
        let id = m.rng.hex(40);
        let fan = m.dir(&objects, &id[..2])?;
        m.small(&fan, &id[2..])?;
    }
    sources(m, &repo)
}

fn sources(m: &mut Maker, repo: &str) -> Result<()> {
    m.small(repo, "README.md")?;
    for module in 0..m.rng.range(3, 20) {
        if !m.room() {
            break;
        }
        let module = m.dirs(repo, &format!("src/module{module}"))?;
        for file in 0..m.rng.range(3, 20) {
            m.small(&module, format_args!("file{file}.py"))?;
        }
    }
    Ok(())
}

/// Makes notebooks with Jupyter's checkpoints beside them.
pub(super) fn notebooks(m: &mut Maker, round: u64) -> Result<()> {
    let at = m.dir("", format_args!("notebooks-{round}"))?;
    for topic in 0..m.rng.range(5, 25) {
        if !m.room() {
            break;
        }
        let topic = m.dir(&at, format_args!("topic {topic}"))?;
        let saved = m.dir(&topic, ".ipynb_checkpoints")?;
        for number in 0..m.rng.range(1, 12) {
            m.small(&topic, format_args!("Untitled{number}.ipynb"))?;
            m.small(&saved, format_args!("Untitled{number}-checkpoint.ipynb"))?;
        }
    }
    Ok(())
}

/// Makes a web front end with its `node_modules`.
pub(super) fn node_app(m: &mut Maker, round: u64) -> Result<()> {
    let app = m.dir("", format_args!("app-{round}"))?;
    m.file(&app, "package.json", Content::Text("{\"name\":\"app\"}\n"))?;
    m.small(&app, "package-lock.json")?;
    let modules = m.dir(&app, "node_modules")?;
    m.small(&modules, ".package-lock.json")?;
    let bin = m.dir(&modules, ".bin")?;
    for number in 0..m.rng.range(60, 250) {
        if !m.room() {
            break;
        }
        let name = match number % 7 {
            0 => format!("@scope{}/lib{number}", number % 5),
            _ => format!("lib{number}"),
        };
        let module = m.dirs(&modules, &name)?;
        for file in ["package.json", "README.md", "LICENSE", "index.js", "index.d.ts"] {
            m.small(&module, file)?;
        }
        if m.rng.chance(20) {
            let target = format!("../{name}/index.js");
            m.symlink(&bin, format_args!("tool{number}"), &target)?;
        }
        for part in ["lib", "dist/cjs", "dist/esm"] {
            if m.rng.chance(60) {
                let part = m.dirs(&module, part)?;
                for file in 0..m.rng.range(2, 25) {
                    m.small(&part, format_args!("chunk{file}.js"))?;
                }
            }
        }
    }
    Ok(())
}

/// Makes a trash directory (freedesktop.org trash specification): deleted files, and a .trashinfo
/// for each.
pub(super) fn trash(m: &mut Maker, round: u64) -> Result<()> {
    let trash = m.dirs("", ".local/share/Trash")?;
    let files = m.dir(&trash, "files")?;
    let info = m.dir(&trash, "info")?;
    for number in 0..m.rng.range(10, 60) {
        if !m.room() {
            break;
        }
        let name = format!("old-{round}-{number}");
        let note = format!("[Trash Info]\nPath=work/{name}\nDeletionDate=2024-05-01T10:15:00\n");
        m.file(&info, format_args!("{name}.trashinfo"), Content::Text(&note))?;
        if m.rng.chance(40) {
            let dir = m.dir(&files, &name)?;
            for file in 0..m.rng.range(1, 30) {
                m.small(&dir, format_args!("file{file}.csv"))?;
            }
        } else {
            m.small(&files, &name)?;
        }
    }
    if round == 0 {
        m.file(&files, "huge.parquet", Content::Sparse(8 << 30))?;
        let note = "[Trash Info]\nPath=huge.parquet\nDeletionDate=2024-05-01T10:15:00\n";
        m.file(&info, "huge.parquet.trashinfo", Content::Text(note))?;
    }
    Ok(())
}
