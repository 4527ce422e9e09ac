"""moto_server, with two calls of Step Functions that Terraform makes.

One has a definition checked, which moto does not: `fargate` runs it in moto's interpreter instead.
The other lists versions, of which the module makes none.
"""

import sys

from moto.core.responses import ActionResult
from moto.server import main
from moto.stepfunctions.responses import StepFunctionResponse


def validate(self):
    return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})


def versions(self):
    return ActionResult({"stateMachineVersions": []})


StepFunctionResponse.validate_state_machine_definition = validate
StepFunctionResponse.list_state_machine_versions = versions
main(sys.argv[1:])
