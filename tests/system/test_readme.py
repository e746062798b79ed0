"""The README's commands do what it says, as they stand."""

import re
import subprocess

from tests.system.conftest import ROOT, System
from tests.wea.conftest import wea


def test_the_examples_of_the_readme_run_as_they_stand(system: System) -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) >= 4
    script = "set -euo pipefail\n" + "\n".join(blocks)
    script = script.replace("wea env", f"wea env --state {system.state}")
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"educator_id"' in done.stdout


def test_every_command_that_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^ +make ([a-z-]+)", readme, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for verb in set(re.findall(r"\bwea ([a-z]+(?: (?:list|retry|advance|create|revoke))?)", readme)):
        assert wea(*verb.split(), "--help").returncode == 0, verb


def test_the_figures_of_the_readme_are_those_of_the_report() -> None:
    readme, report = (" ".join((ROOT / name).read_text().split()) for name in ("README.md", "docs/reliability.md"))
    said = re.search(r"([\d,]+) events and ([\d,]+) kills, nothing lost, nothing twice", readme)
    assert said is not None
    assert f"| events accepted (2xx, or acknowledged by Kafka) | {said[1]} |" in report
    assert f"| of them processes killed (SIGKILL) | {said[2]} |" in report
    assert "| **lost** | **0** | | **twice** | **0** |" in report
