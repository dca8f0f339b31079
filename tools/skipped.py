"""Print the tests that CTest's JUnit file calls skipped, each with its reason: what stands behind "# SKIP", else its last line."""

import sys
import xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    if case.find("skipped") is None and case.get("status") not in ("notrun", "disabled"):
        continue
    lines = [line for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    reasons = [line.split("# SKIP")[1].strip() for line in lines if "# SKIP" in line]
    print(f"  {case.get('name')}: {(reasons or lines or ['says no reason'])[-1]}")
