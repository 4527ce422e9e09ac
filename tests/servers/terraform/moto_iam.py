"""moto_server, with an IAM that can be asked about more than S3.

As it is, moto checks signatures over a body that it has put together anew, which no SDK but boto3
signs, and asks IAM about `*` instead of the topic or file system. Who somebody is is not what the
tests are about, but what they may do is.
"""

import sys

from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import IAMRequest, IAMRequestBase
from moto.server import main


def authorize(self, resource="*"):
    def value(key):
        return (self.querystring.get(key) or [None])[0]

    if value("TopicArn"):
        resource = value("TopicArn")
    elif value("FileSystemId"):
        account = f"{self.region}:{self.current_account}"
        resource = f"arn:aws:elasticfilesystem:{account}:file-system/{value('FileSystemId')}"
    self._authenticate_and_authorize_action(IAMRequest, resource)


IAMRequestBase.check_signature = lambda self: None
ActionAuthenticatorMixin._authenticate_and_authorize_normal_action = authorize
main(sys.argv[1:])
