#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""That a manual page names exactly the options that its program prints with --help, with the same numbers as defaults, and that
its configuration file, with the examples in it, has no others."""
import re
import subprocess
import sys

program, page, configuration = sys.argv[1:]
text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
known = set(re.findall(r"^ +(--[a-z-]+)", text, re.M))
with open(page, encoding="utf-8") as file:
    roff = file.read().replace("\\-", "-")
documented = set(re.findall(r"^\.TP\n\.BI? (--[a-z-]+)", roff, re.M))
problems = [f"{page}: no {option}" for option in sorted(known - documented)]
problems += [f"{program} has no {option}" for option in sorted(documented - known)]
for option, default in re.findall(r"^ +(--[a-z-]+) .*\((\d+)\)$", text, re.M):
    paragraph = re.search(rf"^\.TP\n\.BI {option} .*?(?=^\.TP|^\.SH|\Z)", roff, re.M | re.S)
    if paragraph and not re.search(rf"[Dd]efault[^.;]*\b{default}\b", paragraph[0]):
        problems.append(f"{page}: {option}: its default is not {default}")
with open(configuration, encoding="utf-8") as file:
    configured = set(re.findall(r"^#?([a-z-]+) = ", file.read(), re.M))
problems += [f"{configuration}: {program} has no --{name}" for name in sorted(configured) if f"--{name}" not in known]
problems += [] if configured else [f"{configuration}: no options"]
print("\n".join(problems) or f"{len(known)} options")
sys.exit(bool(problems or not known))
