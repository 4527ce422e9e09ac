"""Checks manifests against the schema of Kubernetes' API, and prints them as a JSON list.

    manifests.py VERSION FILE

Unknown keys are errors, as they are for an API server that is asked for it.
"""

import json
import sys

import kubernetes_validate
import yaml

version, path = sys.argv[1:]
with open(path) as file:
    manifests = list(yaml.safe_load_all(file))
for manifest in manifests:
    kubernetes_validate.validate(manifest, version, strict=True)
print(json.dumps(manifests))
