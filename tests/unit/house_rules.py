#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a program can check, over all tracked sources below the directory given."""
import os
import re
import sys

top = sys.argv[1]
problems = []

# Bottom up: a folder includes only what stands before it (base, api, row, ... as in src/meson.build).
layers = re.findall(r"^subdir\('([a-z]+)'\)", open(f"{top}/src/meson.build").read(), re.M)
LINES_MAX = 500


def sources():
    for folder in ("bpf", "include", "src", "tests", "bench"):
        for path, _, names in os.walk(os.path.join(top, folder)):
            for name in names:
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(path, name), top)


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def check(path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    if "SPDX-License-Identifier: " not in lines[0]:
        problem(path, 1, "no SPDX line")
    is_bpf = path.startswith(("bpf/", "include/")) or path.endswith(".bpf.c")
    licence = "GPL-2.0-only OR BSD-2-Clause" if is_bpf else "Apache-2.0"
    if licence not in lines[0]:
        problem(path, 1, f"the licence here is {licence}")
    if path.startswith(("src/", "bpf/")) and len(lines) > LINES_MAX:
        problem(path, len(lines), f"more than {LINES_MAX} lines: more than one idea?")
    parts = path.split("/")
    layer = parts[1] if parts[0] == "src" else None
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > 100:
            problem(path, number, "longer than 100 columns")
        if line != line.rstrip():
            problem(path, number, "white space at the end")
        if re.match(r" {8}", line):
            problem(path, number, "indented with spaces")
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            problem(path, number, "an unowned to-do")
        if "bpf_printk" in line or "bpf_trace_printk" in line:
            problem(path, number, "no printk in BPF")
        if re.search(r"\b(system|popen|strcpy|strcat|sprintf|gets)\(", line) and layer:
            problem(path, number, "a call that this project does without")
        include = re.match(r'#include [<"]([^>"]+)[>"]', line)
        if not include:
            continue
        if include[1].startswith("grpc/") and layer != "rpc":
            problem(path, number, "only src/rpc includes gRPC")
        used = include[1].split("/")[0]
        if layer and used in layers and "/" in include[1] and layers.index(used) > layers.index(layer):
            problem(path, number, f"{layer} stands below {used} (src/meson.build)")


for source in sorted(sources()):
    check(source)
print("\n".join(problems) or "no problems")
sys.exit(bool(problems))
