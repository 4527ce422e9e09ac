//! Files of training: model caches, runs, checkpoints and data.

use anyhow::Result;

use super::maker::{Content, Maker};

/// Makes Hugging Face's cache, whose snapshots are symbolic links to blobs, and torch's
/// checkpoints.
pub(super) fn models(m: &mut Maker, round: u64) -> Result<()> {
    let hub = m.dirs("", ".cache/huggingface/hub")?;
    for number in 0..m.rng.range(3, 12) {
        if !m.room() {
            break;
        }
        let model = m.dir(&hub, format_args!("models--org{round}--model-{number}"))?;
        let blobs = m.dir(&model, "blobs")?;
        let revision = m.rng.hex(40);
        let refs = m.dir(&model, "refs")?;
        m.file(&refs, "main", Content::Text(&revision))?;
        let snapshot = m.dirs(&model, &format!("snapshots/{revision}"))?;
        for file in ["config.json", "tokenizer.json", "vocab.txt", "README.md"] {
            let blob = m.rng.hex(40);
            m.small(&blobs, &blob)?;
            m.symlink(&snapshot, file, &format!("../../blobs/{blob}"))?;
        }
        for part in 0..m.rng.range(1, 4) {
            let blob = m.rng.hex(64);
            let size = m.rng.range(1 << 30, 5 << 30);
            m.file(&blobs, &blob, Content::Sparse(size))?;
            let name = format!("model-{part}.safetensors");
            m.symlink(&snapshot, name, &format!("../../blobs/{blob}"))?;
        }
    }
    let torch = m.dirs("", ".cache/torch/hub/checkpoints")?;
    let name = format!("resnet{round}-{}.pth", m.rng.hex(8));
    m.file(&torch, name, Content::Sparse(180 << 20))
}

/// Makes runs recorded by wandb and by mlflow.
pub(super) fn runs(m: &mut Maker, round: u64) -> Result<()> {
    let at = m.dir("", format_args!("experiments-{round}"))?;
    let wandb = m.dir(&at, "wandb")?;
    let mlruns = m.dirs(&at, "mlruns/0")?;
    m.small(&mlruns, "meta.yaml")?;
    let mut latest = String::new();
    for number in 0..m.rng.range(20, 70) {
        if !m.room() {
            break;
        }
        let id = m.rng.hex(8);
        latest = format!("run-20240{}{:02}_101500-{id}", number % 9 + 1, number % 28 + 1);
        let run = m.dir(&wandb, &latest)?;
        m.small(&run, format_args!("run-{id}.wandb"))?;
        let files = m.dir(&run, "files")?;
        for file in ["config.yaml", "output.log", "requirements.txt", "wandb-metadata.json"] {
            m.small(&files, file)?;
        }
        let logs = m.dir(&run, "logs")?;
        m.small(&logs, "debug.log")?;
        m.small(&logs, "debug-internal.log")?;
        mlflow_run(m, &mlruns)?;
    }
    if latest.is_empty() {
        return Ok(());
    }
    m.symlink(&wandb, "latest-run", &latest)
}

fn mlflow_run(m: &mut Maker, mlruns: &str) -> Result<()> {
    let id = m.rng.hex(32);
    let run = m.dir(mlruns, id)?;
    m.small(&run, "meta.yaml")?;
    for (group, names) in [("metrics", 12), ("params", 20), ("tags", 6)] {
        let group = m.dir(&run, group)?;
        for name in 0..names {
            m.small(&group, format_args!("value{name}"))?;
        }
    }
    let artifacts = m.dirs(&run, "artifacts/model")?;
    m.small(&artifacts, "MLmodel")?;
    m.file(&artifacts, "model.pkl", Content::Sparse(20 << 20))
}

/// Makes the checkpoints of one training: few files, most of the bytes.
pub(super) fn checkpoints(m: &mut Maker, round: u64) -> Result<()> {
    let at = m.dirs("", &format!("train-{round}/checkpoints"))?;
    for step in 1..m.rng.range(4, 12) {
        if !m.room() {
            break;
        }
        let step = m.dir(&at, format_args!("checkpoint-{}", step * 500))?;
        let size = m.rng.range(1 << 30, 12 << 30);
        m.file(&step, "model.safetensors", Content::Sparse(size))?;
        m.file(&step, "optimizer.pt", Content::Sparse(size / 2))?;
        m.small(&step, "trainer_state.json")?;
        m.small(&step, "config.json")?;
    }
    let logs = m.dirs("", &format!("train-{round}/logs"))?;
    for number in 0..m.rng.range(5, 40) {
        m.small(&logs, format_args!("worker-{number}.log"))?;
    }
    Ok(())
}

/// Makes an image data set sorted into classes.
pub(super) fn images(m: &mut Maker, round: u64) -> Result<()> {
    let at = m.dirs("", &format!("data/images-{round}"))?;
    for split in ["train", "val"] {
        for class in 0..m.rng.range(20, 80) {
            if !m.room() {
                break;
            }
            let class = m.dirs(&at, &format!("{split}/class-{class:03}"))?;
            for image in 0..m.rng.range(5, 40) {
                m.small(&class, format_args!("img_{image:06}.jpg"))?;
            }
        }
    }
    Ok(())
}

/// Makes `files` files in flat directories of up to 20,000, like tokenised shards: directories that
/// need more than one READDIR.
pub(super) fn shards(m: &mut Maker, mut files: u64) -> Result<()> {
    let mut number = 0;
    while files > 0 {
        let wanted = m.rng.range(500, 20_000).min(files);
        let at = m.dirs("", &format!("data/shards-{number}"))?;
        for shard in 0..wanted {
            m.small(&at, format_args!("shard-{shard:05}.bin"))?;
        }
        files -= wanted;
        number += 1;
    }
    Ok(())
}
