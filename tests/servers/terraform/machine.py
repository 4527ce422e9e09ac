"""Runs a state machine in moto, with some of its states replaced.

    machine.py URL DEFINITION CASE...

DEFINITION is a file with the state machine. CASE is a JSON object of states by name, which are put in
place of the definition's. Prints, for each CASE, the execution's name, the states that it entered, its end
and its output, as JSON.
"""

import json
import sys
import time
import urllib.request

import boto3

url, path, *cases = sys.argv[1:]

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


def run(replaced):
    with open(path) as file:
        machine = json.load(file)
    machine["States"].update(replaced)
    made = client.create_state_machine(
        name=f"scan-{time.time_ns()}",
        definition=json.dumps(machine),
        roleArn="arn:aws:iam::123456789012:role/schedule",
    )
    # Step Functions would make a name, and moto does not.
    name = f"execution-{time.time_ns()}"
    machine = made["stateMachineArn"]
    started = client.start_execution(stateMachineArn=machine, name=name, input="{}")
    arn = started["executionArn"]
    while (ended := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.2)
    events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
    output = ended.get("output")
    return {
        "name": name,
        "entered": [name for name in entered if name],
        "status": ended["status"],
        "output": json.loads(output) if output else None,
    }


print(json.dumps([run(json.loads(case)) for case in cases]))
