"""Hawser beside raw TCP and `ssh -R` over emulated links: `Scripts/bench links`.

The links, the load and the report are those of the emulator's own `measure.py`; this file only
tells it how Hawser is run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HAWSER = os.environ["HAWSER"]
# The target runs beside the client's namespace of the emulator, the users at the server's.
SERVER = (
    HAWSER + " server --address 0.0.0.0 --control 4000 --listen 8000 --public-host {S}"
    " --state {dir}/state --ready-file {dir}/server.json"
)
PROVIDER = (
    "sh -c 'until [ -s {dir}/server.json ]; do sleep .1; done;"
    f" exec {HAWSER} provider --transport tcp --join-file {{dir}}/server.json 9000'"
)


def main():
    parser = argparse.ArgumentParser(prog="Scripts/bench links")
    parser.add_argument("--lab", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default="tcp-bbr,ssh-R,hawser-tcp")
    parser.add_argument("--profiles", default="lte-good,bufferbloat,lte-lossy-2")
    options = parser.parse_args()
    registry = {
        "hawser-tcp": {
            "server": [SERVER], "client": [PROVIDER], "user": "server",
            "host": "127.0.0.1", "port": 8000, "cc": "bbr", "link": "tcp",
        }
    }
    with tempfile.TemporaryDirectory(prefix="hawser-bench-") as folder:
        path = os.path.join(folder, "registry.json")
        raw = os.path.join(folder, "raw.jsonl")
        with open(path, "w") as file:
            json.dump(registry, file)
        measure = [sys.executable, os.path.join(options.lab, "measure.py")]
        subprocess.run(
            measure + ["run", "-T", options.only, "-P", options.profiles, "--reps",
                       str(options.rounds), "--bulk", str(options.seconds),
                       "--registry", path, "--raw", raw],
            check=True,
        )
        subprocess.run(measure + ["report", "--raw", raw, "--out", folder], check=True)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".md"):
                with open(os.path.join(folder, name)) as file:
                    print(file.read())


if __name__ == "__main__":
    main()
