#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""That a manual page names exactly the options that its program prints with --help."""
import re
import subprocess
import sys

program, page = sys.argv[1:]
text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
known = set(re.findall(r"^ +(--[a-z-]+)", text, re.M))
with open(page, encoding="utf-8") as file:
    roff = file.read().replace("\\-", "-")
documented = set(re.findall(r"^\.TP\n\.BI? (--[a-z-]+)", roff, re.M))
problems = [f"{page}: no {option}" for option in sorted(known - documented)]
problems += [f"{program} has no {option}" for option in sorted(documented - known)]
print("\n".join(problems) or f"{len(known)} options")
sys.exit(bool(problems or not known))
