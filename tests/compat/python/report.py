"""What every program here prints: one JSON object a line for each step, {"step", "saw"} or {"step", "error"}. "saw" is what
the library made of a reply, for the Go test to compare between a server and the proxy before it.
"""
import json
import os
import sys

# Files of the target's authority, and of the program's own certificate and key; None where there are none. Without the first the target
# speaks no TLS.
CA, CERT, KEY = (os.environ.get(f"COMPAT_TLS_{name}") for name in ("CA", "CERT", "KEY"))


def report(**line):
    print(json.dumps(line), flush=True)


def run(connect, steps, version):
    """Connects and hands the client to each step in turn. One that fails does not keep the next from running."""
    report(version=version)
    try:
        c = connect()
    except Exception as e:
        report(step="connect", error=f"{type(e).__name__}: {e}")
        sys.exit(1)  # nothing is tried after it
    report(step="connect", saw="")
    for step, body in steps.items():
        try:
            report(step=step, saw=body(c) or "")
        except Exception as e:
            report(step=step, error=f"{type(e).__name__}: {e}")


def want(expected, got, what):
    if type(got) is not type(expected) or got != expected:
        raise AssertionError(f"{what} = {got!r:.200}; want {expected!r:.200}")
