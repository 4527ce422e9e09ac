//! Cases of Python's tools.

use super::case::{BASE, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        needs: &["pip"],
        version: "pip --version | cut -d' ' -f1,2",
        finds: ".cache/pip",
        make: "pip install -q --no-index --target installed $DEMO/efsdemo-1.0.tar.gz",
        again: "pip install -q --no-index --target again $DEMO/efsdemo-1.0.tar.gz",
        ..BASE
    },
    Case {
        needs: &["uv", "python"],
        version: "uv --version",
        finds: ".cache/uv",
        make: "uv pip install -q --link-mode copy --target installed --no-index $DEMO/efsdemo-1.0.tar.gz",
        advised: "uv cache clean -q",
        again: "uv pip install -q --target again --no-index $DEMO/efsdemo-1.0.tar.gz",
        ..BASE
    },
    Case {
        needs: &["poetry"],
        version: "poetry --version",
        finds: ".cache/pypoetry/artifacts",
        make: "mkdir p && cd p && poetry init -qn --name p --python '>=3.9'
               poetry add -q efsdemo@$INDEX/simple/efsdemo/efsdemo-1.0-py3-none-any.whl",
        again: "cd p && poetry env remove -q --all && poetry install -q --no-root",
        ..BASE
    },
    Case {
        needs: &["python"],
        version: "python --version | sed 's/$/ -m venv/'",
        finds: "p/.venv",
        make: "mkdir p && python -m venv p/.venv && p/.venv/bin/pip --version",
        advised: "rm -rf p/.venv",
        again: "python -m venv p/.venv && p/.venv/bin/pip --version",
        ..BASE
    },
    Case {
        needs: &["virtualenv"],
        version: "virtualenv --version | cut -d' ' -f1,2",
        finds: "env",
        make: "virtualenv -q env && env/bin/pip --version",
        advised: "rm -rf env",
        again: "virtualenv -q env && env/bin/pip --version",
        ..BASE
    },
    Case {
        needs: &["uv", "python"],
        version: "uv --version",
        finds: "p/.venv",
        make: "mkdir p && cd p && uv venv -q && uv pip install -q --link-mode copy --no-index $DEMO/efsdemo-1.0.tar.gz",
        advised: "rm -rf p/.venv",
        again: "cd p && uv venv -q && uv pip install -q --no-index $DEMO/efsdemo-1.0.tar.gz",
        ..BASE
    },
    Case {
        needs: &["pre-commit", "git"],
        version: "pre-commit --version",
        finds: ".cache/pre-commit",
        make: "mkdir p && cd p && git init -q
               echo \"repos: [{repo: '$DEMO/hooks', rev: v1, hooks: [{id: demo}]}]\" >.pre-commit-config.yaml
               git add -A && pre-commit run -a",
        advised: "rm -rf .cache/pre-commit",
        again: "cd p && pre-commit run -a",
        ..BASE
    },
    Case {
        needs: &["tox"],
        version: "tox --version | sed -n 's/ from.*//; $s/^/tox /p'",
        finds: "p/.tox",
        make: "mkdir p && cd p
               printf '[testenv]\\nskip_install = true\\ncommands = python --version\\n' >tox.ini && tox -q -e py",
        again: "cd p && tox -q -e py",
        ..BASE
    },
    Case {
        needs: &["nox"],
        version: "nox --version 2>&1 | sed 's/^/nox /'",
        finds: "p/.nox",
        make: "mkdir p && cd p
               printf 'import nox\\n@nox.session\\ndef t(session):\\n    session.run(\"python\", \"--version\")\\n' >noxfile.py
               nox --no-error-on-missing-interpreters",
        again: "cd p && nox",
        ..BASE
    },
    Case {
        needs: &["jupyter-server"],
        version: "jupyter-server --version | sed 's/^/jupyter-server /'",
        finds: ".local/share/Trash",
        make: DELETE,
        again: DELETE,
        ..BASE
    },
    Case {
        needs: &["jupyter-server"],
        version: "jupyter-server --version | sed 's/^/jupyter-server /'",
        finds: ".ipynb_checkpoints",
        make: CHECKPOINT,
        again: CHECKPOINT,
        ..BASE
    },
    Case {
        needs: &["pytest"],
        version: "pytest --version",
        finds: "p/.pytest_cache",
        make: "mkdir p && cd p && echo 'def test_it(): pass' >test_it.py && pytest -q",
        again: "cd p && pytest -q",
        ..BASE
    },
    Case {
        needs: &["mypy"],
        version: "mypy --version",
        finds: "p/.mypy_cache",
        make: "mkdir p && cd p && echo 'import re' >it.py && mypy it.py",
        again: "cd p && mypy it.py",
        ..BASE
    },
    Case {
        needs: &["ruff"],
        version: "ruff --version",
        finds: "p/.ruff_cache",
        make: "mkdir p && cd p && echo 'import re as re; re.compile' >it.py && ruff check -q --exit-zero .",
        again: "cd p && ruff check -q --exit-zero .",
        ..BASE
    },
    Case {
        needs: &["python"],
        version: "python --version",
        finds: "p/__pycache__",
        make: "mkdir p && cd p && echo 'x = 1' >it.py && python -c 'import it'",
        again: "cd p && python -c 'import it'",
        ..BASE
    },
    Case {
        needs: &["python", "dask"],
        version: "python -c 'import distributed; print(\"distributed\", distributed.__version__)'",
        finds: "p/dask-scratch-space",
        make: "mkdir p && cd p && printf '%s\\n' 'import os' 'from distributed import Client' \
               'Client(processes=False, dashboard_address=None)' 'os._exit(0)' >it.py
               DASK_TEMPORARY_DIRECTORY=. python it.py",
        advised: "rm -r p/dask-scratch-space",
        again: "cd p && DASK_TEMPORARY_DIRECTORY=. python it.py",
        ..BASE
    },
    Case {
        needs: &["wandb"],
        version: "wandb --version",
        finds: ".cache/wandb/artifacts",
        make: WANDB_CACHE,
        advised: "rm -rf .cache/wandb/artifacts",
        again: WANDB_CACHE,
        ..BASE
    },
    Case {
        needs: &["uv", "python"],
        version: "uv --version",
        finds: ".local/share/uv/tools/efsdemo",
        make: "uv tool install -q --no-index --link-mode copy $DEMO/simple/efsdemo/*.whl",
        advised: "uv tool uninstall -q efsdemo",
        again: "uv tool install -q --no-index --link-mode copy $DEMO/simple/efsdemo/*.whl",
        records: &[".local/bin/efsdemo", ".cache/uv"],
    },
    Case {
        needs: &["pipx", "uv"],
        version: "pipx --version | sed 's/^/pipx /'",
        finds: ".local/share/pipx/venvs/efsdemo",
        make: "PIP_NO_INDEX=1 PIPX_DEFAULT_BACKEND=uv UV_LINK_MODE=copy pipx install $DEMO/simple/efsdemo/*.whl",
        advised: "pipx uninstall efsdemo",
        again: "PIP_NO_INDEX=1 PIPX_DEFAULT_BACKEND=uv UV_LINK_MODE=copy pipx install $DEMO/simple/efsdemo/*.whl",
        records: &[".local/bin/efsdemo", ".local/state/pipx", ".local/share/pipx/venvs/.efsdemo.lock"],
    },
    Case {
        needs: &["pipenv"],
        version: "pipenv --version | sed 's/, version//'",
        finds: ".local/share/virtualenvs/p-*",
        make: "mkdir p && cd p && touch Pipfile && pipenv run python --version",
        advised: "cd p && pipenv --rm",
        again: "cd p && pipenv run python --version",
        ..BASE
    },
    Case {
        needs: &["poetry"],
        version: "poetry --version",
        finds: ".cache/pypoetry/virtualenvs/p-*",
        make: "mkdir p && cd p && poetry init -qn --name p --python '>=3.9' && poetry install -q --no-root",
        advised: "cd p && poetry env remove -q $(poetry env list | cut -d' ' -f1)",
        again: "cd p && poetry install -q --no-root",
        ..BASE
    },
    Case {
        needs: &["hf"],
        version: "hf version | sed -n 's/.*version: /hf /p'",
        finds: ".cache/huggingface/hub",
        make: DOWNLOAD,
        advised: "hf cache rm -y model/efs/demo",
        again: DOWNLOAD,
        records: &[
            ".cache/huggingface/.check_for_update_done",
            ".cache/huggingface/.check_for_skill_update_done",
        ],
    },
    Case {
        needs: &["dvc", "git"],
        version: "dvc --version | sed 's/^/dvc /'",
        finds: "p/.dvc/cache",
        make: "export DVC_SITE_CACHE_DIR=$HOME/site DVC_NO_ANALYTICS=1
               mkdir p && cd p && git init -q && dvc init -q && cp $DEMO/hooks/data.bin . && dvc add -q data.bin
               rm data.bin data.bin.dvc",
        advised: "cd p && DVC_SITE_CACHE_DIR=$HOME/site DVC_NO_ANALYTICS=1 dvc gc -q --workspace --force",
        again: "cd p && cp $DEMO/hooks/data.bin . && DVC_SITE_CACHE_DIR=$HOME/site DVC_NO_ANALYTICS=1 dvc add -q data.bin",
        records: &["p/.dvc/tmp", "site"],
    },
];

const DOWNLOAD: &str = "HF_ENDPOINT=$INDEX/hub python -c '
from huggingface_hub import hf_hub_download
print(hf_hub_download(\"efs/demo\", \"data.bin\"))'";

const DELETE: &str = "python - <<'E'
import os
from jupyter_server.services.contents.filemanager import FileContentsManager
manager = FileContentsManager(root_dir='.')
manager.save({'type': 'file', 'format': 'text', 'content': 'x' * (1 << 20)}, 'a.txt')
manager.delete_file('a.txt')
assert not os.path.exists('a.txt')
E";

const CHECKPOINT: &str = "python - <<'E'
from jupyter_server.services.contents.filemanager import FileContentsManager
manager = FileContentsManager(root_dir='.')
manager.save({'type': 'file', 'format': 'text', 'content': 'x' * (1 << 20)}, 'a.txt')
manager.create_checkpoint('a.txt')
assert manager.list_checkpoints('a.txt')
E";

const WANDB_CACHE: &str = "python - <<'E'
import os
from wandb.sdk.artifacts.artifact_file_cache import get_artifact_file_cache
cache = get_artifact_file_cache()
path, hit, opener = cache.check_etag_obj_path('https://example.com', 'demo', 2 << 20)
assert not hit
with opener('wb') as file:
    file.write(b'x' * (2 << 20))
E
WANDB_MODE=offline WANDB_SILENT=true python -c 'import wandb; wandb.init(project=\"p\").finish()'";
