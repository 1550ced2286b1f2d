#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the parts of docs/ that repeat include/mizar/*.h, between "generated" marks.

    docs/reference.py          rewrites them
    docs/reference.py --check  fails if any differs: the headers are the only source
"""
import difflib
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
HEADERS = DOCS.parent / "include" / "mizar"


def header(name):
    return (HEADERS / name).read_text()


def rows(text, macro):
    """The argument lists of X(...) in one #define, strings without their quotes."""
    body = re.search(r"#define %s\(X\)(.*?)(?<!\\)\n" % macro, text, re.S).group(1)
    body = body.replace("\\\n", "\n")
    for args in re.findall(r"X\(((?:[^()\"]|\"[^\"]*\")*)\)", body):
        parts = re.findall(r'"[^"]*"|[^,"]+', args)
        yield [part.strip().strip('"') for part in parts if part.strip()]


def table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(out + ["| " + " | ".join(line) + " |" for line in lines])


def struct(text, name):
    """A struct's definition with the comment above it, as it stands in the header."""
    found = re.search(r"(/\*(?:(?!\*/).)*\*/\n)?(struct %s \{.*?\n\};)" % name, text, re.S)
    return ((found.group(1) or "") + found.group(2)).expandtabs(8)


def define(text, name):
    return re.search(r"#define %s (\S+)" % name, text).group(1)


def drops():
    lines = ([code, f"`{name}`", doc] for code, name, doc in rows(header("counters.h"), "MZ_DROPS"))
    return table(["code", "name", "meaning"], lines)


def counters():
    lines = ([f"`{name}`", doc] for name, doc in rows(header("counters.h"), "MZ_COUNTERS"))
    return table(["name", "packets"], lines)


def tables():
    text = header("tables.h")
    lines = []
    for macro, user in (("MZ_BPF_TABLES", "programs"), ("MZ_USER_TABLES", "user space")):
        for name, kind, key, value, size, doc in rows(text, macro):
            kind = {"HASH": "hash", "LPM_TRIE": "longest prefix"}[kind]
            lines.append([f"`{name}`", kind, f"`{key}`", f"`{value}`", size, user, doc])
    return table(["table", "kind", "key", "value", "rows at first", "read by", "holds"], lines)


def layouts():
    text = header("tables.h")
    names = []
    for macro in ("MZ_BPF_TABLES", "MZ_USER_TABLES"):
        for _, _, key, value, _, _ in rows(text, macro):
            names += [t[7:] for t in (key, value) if t.startswith("struct ")]
    names = ["mz_addr", "mz_replicas", "mz_way"] + names + ["mz_count", "mz_config"]
    parts = [struct(text, name) for name in dict.fromkeys(names)]
    version = define(text, "MZ_LAYOUT_VERSION")
    return f"Layout version {version}.\n\n```c\n" + "\n\n".join(parts) + "\n```"


def constants():
    text = header("wire.h")
    names = ["MZ_GENEVE_PORT", "MZ_OPT_CLASS", "MZ_OPTS_MAX", "MZ_OPT_BUDGET",
             "MZ_ENCAP_SIZE_IPV4", "MZ_ENCAP_SIZE_IPV6", "MZ_OUTER_TTL"]
    return table(["constant", "value"], ([f"`{n}`", define(text, n)] for n in names))


def mtus():
    text = header("wire.h")
    budget = int(define(text, "MZ_OPT_BUDGET"))
    sizes = [int(define(text, f"MZ_ENCAP_SIZE_IPV{v}")) for v in (4, 6)]
    lines = ([str(mtu)] + [str(mtu - size - budget) for size in sizes] for mtu in (1500, 1600, 9000))
    return table(["MTU of the underlay", "of endpoints, over IPv4", "over IPv6"], lines)


BLOCKS = {
    "drop-reasons.md": [drops, counters],
    "tables.md": [tables, layouts],
    "wire-format.md": [constants, mtus],
}


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    stale = False
    for name, blocks in BLOCKS.items():
        page = DOCS / name
        old = new = page.read_text()
        for block in blocks:
            mark = rf"(<!-- generated: {block.__name__} -->\n).*?(<!-- end -->)"
            new, n = re.subn(mark, lambda m: m[1] + block() + "\n" + m[2], new, flags=re.S)
            if n != 1:
                sys.exit(f"{name}: {n} marks of {block.__name__}, not 1")
        if check and old != new:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(
                old.splitlines(True), new.splitlines(True), name, "as the headers say"))
        elif not check:
            page.write_text(new)
    if stale:
        sys.exit("stale; run docs/reference.py")


if __name__ == "__main__":
    main()
