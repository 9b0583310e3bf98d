# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "model-signing==1.1.1",
#   "pyopenssl>=25.3", # model-signing imports it and does not require it
# ]
# ///
"""Signs a model by the tool of OpenSSF Model Signing, as it is, and prints what it has verified.

uv run --script model_signing_cli.py MODEL PRIVATE_KEY PUBLIC_KEY SIGNATURE
"""

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(sys.executable).with_name("model_signing")
model, private, public, signature = sys.argv[1:]
for command in (
    ["sign", "key", "--private_key", private],
    ["verify", "key", "--public_key", public],
):
    done = subprocess.run(
        [TOOL, *command, "--signature", signature, model],
        check=True,
        capture_output=True,
        text=True,
    )
sys.stdout.write(json.dumps(done.stdout.strip()))
