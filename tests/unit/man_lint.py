#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""That mandoc has nothing to say about the manual pages, and that every page of ours that they refer to is among them."""
import os
import re
import subprocess
import sys

pages = sys.argv[1:]
lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning"] + pages, capture_output=True, text=True, check=False)
problems = [line for line in (lint.stdout + lint.stderr).splitlines() if "missing date" not in line]
names = {os.path.basename(page) for page in pages}
for page in pages:
    with open(page, encoding="utf-8") as file:
        roff = file.read().replace("\\-", "-")
    for name, section in re.findall(r"^\.BR (mizar[a-z.-]*) \((\d)\)", roff, re.M):
        if f"{name}.{section}" not in names:
            problems.append(f"{page}: there is no {name}({section})")
print("\n".join(problems) or f"{len(pages)} pages")
sys.exit(bool(problems))
