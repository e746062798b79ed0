"""The same with one guard removed at a time: a suite that cannot fail proves nothing.

`python -m faults.controls [GUARD...]`. Each guard is taken out of the running services by guards/sitecustomize.py, the
misfortunes that it stands against are played, and the oracle judges. Then the project's own tests run without it.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from faults.run import RECORDS, Run, played, tell
from faults.stage import ROOT, new_folder

GUARDS = Path(__file__).parent / "guards"
AGAINST: dict[str, tuple[str, ...]] = {
    "majority write": ("mongod killed",),
    "acknowledgement": ("Kafka killed", "service killed"),
    "one transaction": ("service killed", "killed at a point", "mongod killed"),
    "retry in place": ("mongod killed", "commit cut off", "all connections to MongoDB cut"),
    "lock": ("burst",),
    "sequence check": ("killed at a point", "produce's answer lost", "service killed"),
    "position condition": ("service frozen past its session", "commit's answer lost"),
    "unique index": ("service frozen past its session", "killed at a point"),
    "lane check": ("service killed", "killed at a point"),
    "retry in place,position condition": ("mongod killed", "commit cut off", "all connections to MongoDB cut"),
}
OWN_TESTS = ("tests/eventing", "tests/clockhours/test_races.py", "tests/enrollment/test_races.py")


def without(guard: str) -> dict[str, str]:
    return {"PYTHONPATH": str(GUARDS), "WEA_FAULTS_WITHOUT": guard}


def own_tests(guard: str) -> list[str]:
    """The names of the project's tests that fail without the guard. Raises RuntimeError where they did not run."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--maxfail=6", *OWN_TESTS, "-p", "no:cacheprovider"]
    command += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # the guards are taken out before pytest begins
    environment = {**os.environ, **without(guard), "WEA_TEST_PATIENCE": "15"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the project's own tests did not run: {done.stdout[-500:]}{done.stderr[-500:]}")
    failed = [line.split("::")[-1].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return sorted(set(failed))


def control(guard: str, seconds: float, seed: int) -> bool:
    """Play without it. Answers whether anything noticed."""
    run = Run(seed, seconds, rate=5.0, pause=(0.5, 1.5), only=AGAINST[guard], environment=without(guard), patience=25)
    folder = new_folder()
    found, _ = asyncio.run(played(run, folder))
    shutil.rmtree(folder, ignore_errors=True)
    tests = own_tests(guard)
    about = {"without": guard, "misfortunes": AGAINST[guard], "seed": seed, "events": found["events"], "tests": tests}
    RECORDS.mkdir(exist_ok=True)
    name = guard.replace(" ", "-").replace(",", "-and-")
    kept = {**about, "kills": sum(found["kills"].values()), "findings": found["findings"][:10]}
    (RECORDS / f"control-{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    tell(f"without {guard}: {len(found['findings'])} findings, {len(tests)} of the project's own tests fail")
    for finding in found["findings"][:5]:
        print(f"  {finding}")
    return bool(found["findings"] or tests)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guards", nargs="*", metavar="GUARD", help=f"all unless told: {'; '.join(AGAINST)}")
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    if unknown := sorted(set(given.guards) - set(AGAINST)):
        parser.error(f"there is no guard of this name: {', '.join(unknown)}")
    unnoticed = [guard for guard in given.guards or AGAINST if not control(guard, given.seconds, given.seed)]
    for guard in unnoticed:
        print(f"nothing noticed that {guard} was gone")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
