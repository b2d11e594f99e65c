"""Install the services that tests need: a Kafka broker, PostgreSQL, Chromium and kcat.

Docker, where an engine answers, carries the first two. Else Kafka's jars come from Maven into
`.tools/kafka`, and everything else from Debian's packages: by apt when root, otherwise the script
ends with the command to run. It does nothing when all is there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services.broker import JARS
from tests.services.broker import VARIABLE as KAFKA
from tests.services.chromium import NAMES as CHROMIUM_NAMES
from tests.services.chromium import VARIABLE as CHROMIUM
from tests.services.database import VARIABLE as POSTGRES
from tests.services.database import find_programs
from tests.services.docker_engine import docker_answers

POM = Path(__file__).with_name("kafka") / "pom.xml"


def missing_packages() -> list[str]:
    """Return the Debian packages that would bring what is not there."""
    own_broker = not (KAFKA in os.environ or docker_answers())
    own_database = not (POSTGRES in os.environ or docker_answers())
    needs = {
        "default-jre-headless": own_broker and not shutil.which("java"),
        "maven": own_broker and not _jars_are_current() and not shutil.which("mvn"),
        "postgresql": own_database and find_programs() is None,
        "chromium": CHROMIUM not in os.environ and not any(map(shutil.which, CHROMIUM_NAMES)),
        "kcat": not shutil.which("kcat"),
    }
    return [package for package, missing in needs.items() if missing]


def install_packages(packages: list[str]) -> None:
    """Install Debian packages; exits with the command to run where that is not ours to do."""
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"the tests need: {' '.join(packages)}\non Debian or Ubuntu: sudo apt install {' '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=env)
    subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], check=True, env=env)


def install_jars() -> None:
    """Fetch the broker's jars into an empty directory, and move it into place when complete."""
    if KAFKA in os.environ or docker_answers() or _jars_are_current():
        return
    fresh = JARS.with_name("kafka.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    subprocess.run(fetch, check=True)
    shutil.copy(POM, fresh)
    shutil.rmtree(JARS, ignore_errors=True)
    fresh.rename(JARS)


def _jars_are_current() -> bool:
    fetched_by = JARS / POM.name
    return fetched_by.is_file() and fetched_by.read_bytes() == POM.read_bytes()


if __name__ == "__main__":
    install_packages(missing_packages())
    install_jars()
