# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "moto[s3]==5.2.1",
#   "flask>=3", # moto's extra for servers brings what all services of AWS need
#   "flask-cors>=6",
#   "awscli>=1.44", # the command `aws`, of those who put something into it
# ]
# ///
"""Serves a bucket by the protocol of S3, until it is ended; who is not known to it is refused.

uv run --script s3_bucket.py ADDRESS PORT BUCKET

Prints a line of JSON: the access key that may do anything with the bucket, `id` and `secret`.
"""

import json
import signal
import sys
from functools import partial

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

# Calls before anybody is known: for the bucket, a user, its policy and its key.
_UNCHECKED = 4

address, port, bucket = sys.argv[1:]
settings.INITIAL_NO_AUTH_ACTION_COUNT = float(_UNCHECKED)
ThreadedMotoServer(address, int(port), verbose=False).start()
client = partial(
    boto3.client,
    endpoint_url=f"http://{address}:{port}",
    region_name="us-east-1",
    aws_access_key_id="nobody",
    aws_secret_access_key="nothing",
)
client("s3").create_bucket(Bucket=bucket)
iam = client("iam")
iam.create_user(UserName=bucket)
allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
iam.put_user_policy(UserName=bucket, PolicyName=bucket, PolicyDocument=policy)
key = iam.create_access_key(UserName=bucket)["AccessKey"]
sys.stdout.write(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}) + "\n")
sys.stdout.flush()
signal.sigwait({signal.SIGTERM, signal.SIGINT})
