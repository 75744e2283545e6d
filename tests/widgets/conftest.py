"""JavaScript text run in Node, for the tests of traced code."""

import json
import subprocess

import pytest

PRINT = """
process.stdout.write(JSON.stringify(output, (key, value) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value));
"""


@pytest.fixture(scope="session")
def run_js(node):
    """run_js(program, data) -> what the program returns.

    The program is the body of a function of ``input``, which is ``data``; both are plain JSON,
    except that a NaN or an infinity comes back as its name.
    """

    def run(program, data=None):
        text = 'const input = JSON.parse(require("fs").readFileSync(0));\n'
        text += "const output = (() => {\n" + program + "\n})();\n" + PRINT
        done = subprocess.run(
            [node, "--input-type=commonjs", "--eval", text],
            input=json.dumps(data),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
