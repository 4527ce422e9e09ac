//! Files of Python: virtual environments, conda, and the package caches that fill them, with the
//! hard links of uv and conda.

use anyhow::Result;

use super::maker::{Content, Maker};

const PACKAGES: [&str; 32] = [
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "torch",
    "torchvision",
    "transformers",
    "tokenizers",
    "datasets",
    "boto3",
    "botocore",
    "s3fs",
    "fsspec",
    "pyarrow",
    "matplotlib",
    "seaborn",
    "plotly",
    "jupyterlab",
    "ipykernel",
    "notebook",
    "requests",
    "urllib3",
    "aiohttp",
    "yaml",
    "sagemaker",
    "mlflow",
    "wandb",
    "tensorboard",
    "lightning",
    "sympy",
    "networkx",
    "pip",
];
const SITE: &str = "lib/python3.11/site-packages";

/// Layout of a package in site-packages, to be made in one place and linked in another.
struct Package {
    dirs: Vec<String>,
    files: Vec<String>,
}

impl Package {
    fn invent(m: &mut Maker, number: u64) -> Self {
        let base = PACKAGES[number as usize % PACKAGES.len()];
        let name = match number / PACKAGES.len() as u64 {
            0 => base.to_owned(),
            again => format!("{base}_ext{again}"),
        };
        let mut dirs = vec![name.clone()];
        for part in 0..m.rng.range(0, 5) {
            let parent = m.rng.pick(&dirs).clone();
            dirs.push(format!("{parent}/part{part}"));
        }
        let mut files = Vec::new();
        for dir in &dirs {
            files.push(format!("{dir}/__init__.py"));
            for module in 0..m.rng.range(3, 15) {
                files.push(format!("{dir}/module{module}.py"));
            }
        }
        let info = format!("{name}-{}.{}.0.dist-info", number % 5, number % 11);
        for file in ["METADATA", "RECORD", "WHEEL", "INSTALLER", "top_level.txt"] {
            files.push(format!("{info}/{file}"));
        }
        dirs.push(info);
        Self { dirs, files }
    }

    /// Writes the package into `site`.
    fn install(&self, m: &mut Maker, site: &str) -> Result<()> {
        for dir in &self.dirs {
            m.dir(site, dir)?;
        }
        self.files.iter().try_for_each(|file| m.small(site, file))
    }

    /// Links the package in `cache` into `site`.
    fn link(&self, m: &mut Maker, cache: &str, site: &str) -> Result<()> {
        for dir in &self.dirs {
            m.dir(site, dir)?;
        }
        self.files.iter().try_for_each(|file| m.link(None, &format!("{cache}/{file}"), site, file))
    }

    /// Writes the byte code that a first import would write beside the sources.
    fn compile(&self, m: &mut Maker, site: &str) -> Result<()> {
        for file in &self.files {
            let Some(stem) = file.strip_suffix(".py") else {
                continue;
            };
            let (dir, module) = stem.rsplit_once('/').unwrap_or(("", stem));
            let cache = m.dir(site, format_args!("{dir}/__pycache__"))?;
            m.small(&cache, format_args!("{module}.cpython-311.pyc"))?;
        }
        Ok(())
    }
}

/// Makes a project with a `.venv`. Every second one is linked from a cache, as uv does.
pub(super) fn project(m: &mut Maker, round: u64) -> Result<()> {
    let project = m.dir("", format_args!("project-{round}"))?;
    m.file(&project, "pyproject.toml", Content::Text("[project]\n"))?;
    m.small(&project, "main.py")?;
    let venv = m.dir(&project, ".venv")?;
    let config = "home = /usr/bin\nversion = 3.11.9\n";
    m.file(&venv, "pyvenv.cfg", Content::Text(config))?;
    let bin = m.dir(&venv, "bin")?;
    m.symlink(&bin, "python", "/usr/bin/python3.11")?;
    for script in ["activate", "activate.csh", "activate.fish", "pip", "pip3"] {
        m.small(&bin, script)?;
    }
    let site = m.dirs(&venv, SITE)?;
    m.symlink(&venv, "lib64", "lib")?;
    for number in 0..m.rng.range(30, 90) {
        if !m.room() {
            break;
        }
        let package = Package::invent(m, number);
        if round % 2 == 1 {
            let archive = format!(".cache/uv/archive-v0/{}", m.rng.hex(20));
            let cache = m.dirs("", &archive)?;
            package.install(m, &cache)?;
            package.link(m, &cache, &site)?;
        } else {
            package.install(m, &site)?;
        }
        package.compile(m, &site)?;
    }
    if round == 1 {
        let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
        let uv = m.dirs("", ".cache/uv")?;
        m.file(&uv, "CACHEDIR.TAG", Content::Text(tag))?;
    }
    Ok(())
}

/// Makes a conda root: packages unpacked below `pkgs` and linked into environments.
pub(super) fn conda(m: &mut Maker, round: u64) -> Result<()> {
    let root = match round {
        0 => m.dir("", "miniconda3")?,
        _ => m.dir("", format_args!("miniconda3-{round}"))?,
    };
    let bin = m.dir(&root, "bin")?;
    m.small(&bin, "conda")?;
    let meta = m.dir(&root, "conda-meta")?;
    m.file(&meta, "history", Content::Text("==> create <==\n"))?;
    let pkgs = m.dir(&root, "pkgs")?;
    m.small(&pkgs, "urls.txt")?;
    let mut envs = Vec::new();
    for name in ["py311", "train"] {
        let env = m.dirs(&root, &format!("envs/{name}"))?;
        envs.push((m.dirs(&env, SITE)?, m.dir(&env, "conda-meta")?));
    }
    for number in 0..m.rng.range(20, 60) {
        if !m.room() {
            break;
        }
        let name = PACKAGES[number as usize % PACKAGES.len()];
        let dist = format!("{name}-{number}.1.0-py311_0");
        m.file(&pkgs, format_args!("{dist}.conda"), Content::Sparse(3 << 20))?;
        let unpacked = m.dir(&pkgs, &dist)?;
        let info = m.dir(&unpacked, "info")?;
        for file in ["index.json", "paths.json", "files", "about.json"] {
            m.small(&info, file)?;
        }
        let cache = m.dirs(&unpacked, SITE)?;
        let package = Package::invent(m, number);
        package.install(m, &cache)?;
        for (site, meta) in &envs {
            if m.rng.chance(70) {
                package.link(m, &cache, site)?;
                package.compile(m, site)?;
                m.small(meta, format_args!("{dist}.json"))?;
            }
        }
    }
    Ok(())
}

/// Makes pip's cache of downloads: five levels of one-letter directories, with two files at the
/// end.
pub(super) fn pip_cache(m: &mut Maker, _round: u64) -> Result<()> {
    let cache = m.dirs("", ".cache/pip")?;
    for _ in 0..m.rng.range(40, 120) {
        if !m.room() {
            break;
        }
        let key = m.rng.hex(56);
        let letters: Vec<_> = key[..5].split("").filter(|s| !s.is_empty()).collect();
        let leaf = m.dirs(&cache, &format!("http-v2/{}", letters.join("/")))?;
        m.small(&leaf, &key)?;
        let size = m.rng.range(100 << 10, 40 << 20);
        m.file(&leaf, format_args!("{key}.body"), Content::Sparse(size))?;
    }
    Ok(())
}
