"""Makes the virtual environment that the Makefile works in, mends a half-made one, and installs anypool into it.

    python3 .ci/setup_venv.py FOLDER STAMP [EXTRA,EXTRA]

Written for any Python, also one that is too old for anypool: then it says so in one line and stops.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
BUILDING = "half-made"  # a file in the folder for as long as it cannot be trusted


def run(command, problem, quiet=False):
    """Run a command, with what it prints if it is not to be quiet; stop with one line if it fails."""
    try:
        with open(os.devnull, "w") as silence:
            status = subprocess.call(command, stdout=silence if quiet else None)
    except OSError as error:
        sys.exit("anypool: %s: %s" % (problem, error))
    if status:
        sys.exit("anypool: %s (exit status %d)" % (problem, status))


def usable(python):
    """Tell whether the environment's interpreter starts, is not too old and has a pip that works."""
    probe = "import sys, pip._internal; sys.exit(sys.version_info < %r)" % (OLDEST,)
    try:
        with open(os.devnull, "w") as silence:
            return subprocess.call([python, "-c", probe], stdout=silence, stderr=silence) == 0
    except OSError:  # no such file, or a link to an interpreter that was removed
        return False


def main(folder, stamp, extras=""):
    """Make ``folder`` ready and touch ``stamp`` in it."""
    if sys.version_info[:2] < OLDEST:
        sys.exit(
            "anypool needs Python %d.%d or newer and %s is %d.%d; name another one: make PYTHON=python3.13"
            % (OLDEST + (sys.executable,) + sys.version_info[:2])
        )
    python = os.path.join(folder, "bin", "python")
    marker = os.path.join(folder, BUILDING)
    if os.path.exists(marker) or not usable(python):
        hint = "%s cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" % sys.executable
        # In two steps, so that the marker is there whenever pip may be half unpacked.
        run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], hint)
        open(marker, "w").close()
        run([python, "-m", "ensurepip", "--upgrade", "--default-pip"], hint, quiet=True)
        os.remove(marker)
    target = "." + ("[%s]" % extras if extras else "")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--editable", target]
    constraints = os.environ.get("CONSTRAINTS", "constraints.txt")
    if constraints:
        pip += ["--constraint", constraints]
    run(pip, "pip could not install %s; CONSTRAINTS= (empty) takes the newest versions instead of the tested" % target)
    with open(os.path.join(folder, stamp), "w") as file:
        file.write("pyproject.toml, as it was when this file was written, is installed here\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
