"""Print the tests that CTest's JUnit file calls skipped, each with the last line that it wrote."""

import sys
import xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    if case.find("skipped") is None and case.get("status") not in ("notrun", "disabled"):
        continue
    lines = [line for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    print(f"  {case.get('name')}: {lines[-1] if lines else 'says no reason'}")
