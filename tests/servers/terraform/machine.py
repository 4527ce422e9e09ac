"""Runs a state machine in moto, once for each end that a container may have.

    machine.py URL DEFINITION CODE...

DEFINITION is a file with the state machine. CODE is the container's exit code, or `none` for a task
that never had one. What ECS would answer is put in place of its task, and nothing is waited for.
Prints, for each CODE, the number of scans and the end of the execution, as JSON.
"""

import json
import sys
import time
import urllib.request

import boto3

url, path, *codes = sys.argv[1:]

config = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
request = urllib.request.Request(
    f"{url}/moto-api/config", config, {"Content-Type": "application/json"}
)
urllib.request.urlopen(request).read()

client = boto3.client(
    "stepfunctions",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)


def ended(code):
    """The task as ECS describes it, which Step Functions gives as the error's cause."""
    container = {"Name": "efs-scan", "LastStatus": "STOPPED"}
    if code != "none":
        container["ExitCode"] = int(code)
    another = {"Name": "aws-guardduty-agent", "LastStatus": "STOPPED", "ExitCode": 5}
    return json.dumps({"Containers": [another, container], "LastStatus": "STOPPED"})


def run(code):
    with open(path) as file:
        machine = json.load(file)
    states = machine["States"]
    scan = states["Scan"]
    if code == "0":
        states["Scan"] = {"Type": "Pass", "Next": scan["Next"]}
    else:
        caught = scan["Catch"][0]
        states["Scan"] = {
            "Type": "Pass",
            "Result": {"Error": "States.TaskFailed", "Cause": ended(code)},
            "ResultPath": caught["ResultPath"],
            "Next": caught["Next"],
        }
    states["Wait"]["Seconds"] = 0
    made = client.create_state_machine(
        name=f"scan-{code}-{time.time_ns()}",
        definition=json.dumps(machine),
        roleArn="arn:aws:iam::123456789012:role/schedule",
    )
    started = client.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")
    arn = started["executionArn"]
    while (status := client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
        time.sleep(0.2)
    events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
    return [entered.count("Scan"), status]


print(json.dumps({code: run(code) for code in codes}))
