"""Makes moto ask IAM, with one role in force.

    enforce.py URL POLICY BUCKET TOPIC

POLICY is a file with the role's policy. Prints credentials of the role, as JSON, and the id of a
file system and the ARN of the topic, which are made if need be. From then on moto refuses what
the role may not do.
"""

import json
import sys
import urllib.request

import boto3

url, policy, bucket, topic = sys.argv[1:]


def ask_iam_after(count):
    """How many requests are answered without asking IAM."""
    kind = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", count.encode(), kind)
    urllib.request.urlopen(request).read()


def client(service):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


ask_iam_after("inf")
iam = client("iam")
role = "efs-scan"
trust = {"Version": "2012-10-17", "Statement": []}
try:
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
except iam.exceptions.EntityAlreadyExistsException:
    made = iam.get_role(RoleName=role)
with open(policy) as file:
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=file.read())
client("s3").create_bucket(Bucket=bucket)
arn = client("sns").create_topic(Name=topic)["TopicArn"]
systems = client("efs").describe_file_systems()["FileSystems"]
if not systems:
    systems = [client("efs").create_file_system(CreationToken=role)]
system = systems[0]["FileSystemId"]
assumed = client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="monitor")
ask_iam_after("0")

keys = assumed["Credentials"]
print(
    json.dumps(
        {
            "key": keys["AccessKeyId"],
            "secret": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "file_system": system,
            "topic": arn,
        }
    )
)
