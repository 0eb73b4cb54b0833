"""Which of the pinned versions have known weaknesses: fails for them, and only says so where no index could tell."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
AWAY = ("requests.exceptions", "your network may be blocking")
"""What pip-audit says where it does not reach an index, or gets no sense from it."""

with tempfile.TemporaryDirectory() as folder:
    report = Path(folder, "report.json")
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner=off"]
    command += ["--timeout=15", "--format=json", f"--output={report}", f"--requirement={ROOT / 'constraints.txt'}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    told = report.read_text() if report.is_file() else ""

if not told:
    if not any(sign in ended.stderr for sign in AWAY):
        sys.exit(f"Nothing was audited: {ended.stderr}")
    print(f"No index of advisories can be reached, so nothing was audited: {ended.stderr.strip().splitlines()[-1]}")
    sys.exit(0)
packages = json.loads(told)["dependencies"]
unknown = [package["name"] for package in packages if "skip_reason" in package]
found = [(package, weakness) for package in packages for weakness in package.get("vulns", [])]
for package, weakness in found:
    mended = weakness["fix_versions"] or "no version"
    print(f"{package['name']} {package['version']}: {weakness['id']}, mended in {mended}")
audited = len(packages) - len(unknown)
print(f"{audited} of {len(packages)} pinned versions were audited, {len(found)} weaknesses are known.")
if unknown:
    # An index that only hands out files answers like one that knows no weakness.
    print(f"The index of advisories tells nothing of: {', '.join(unknown)}")
sys.exit(bool(found))
