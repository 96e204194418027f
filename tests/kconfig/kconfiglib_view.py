#!/usr/bin/env python3
"""What kconfiglib says about configurations: kconfiglib_view.py [--no-shell] CONFIG... writes CONFIG.kconfiglib
beside each. With --no-shell macros that ask the compiler get the answer n, which makes reading the tree faster.

One line a symbol: name, visibility, direct dependency, select and imply (0: n, 1: m, 2: y), and 1 when kconfiglib
gives the symbol, or one that these hang on, another value than the configuration says, else 0. The environment is
the one that the kernel's conf gets (srctree, SRCARCH, CC, ...). A line "seconds N" ends the first file: how long
reading the tree took.
"""
import io
import sys
import time

import kconfiglib


class Tree(kconfiglib.Kconfig):
    def _open(self, filename, mode):
        # kconfiglib 14.1 knows "option modules" only; Linux 6.12 writes "modules".
        file = super()._open(filename, mode)
        if "r" not in mode or "Kconfig" not in filename:
            return file
        text = file.read().replace("\n\tmodules\n", "\n\toption modules\n")
        file.close()
        return io.StringIO(text)


def value(expression):
    return kconfiglib.expr_value(expression)


def changed_symbols(name):
    written = {}
    with open(name) as config:
        for line in config:
            if line.startswith("CONFIG_"):
                symbol, _, text = line[7:].rstrip("\n").partition("=")
                written[symbol] = text
    return {symbol for symbol in tree.unique_defined_syms
            if symbol.orig_type in (kconfiglib.BOOL, kconfiglib.TRISTATE)
            and symbol.str_value != written.get(symbol.name, "n")}


def hangs_on(symbol, changed):
    if symbol in changed:
        return True
    items = set(kconfiglib.expr_items(symbol.rev_dep)) | set(kconfiglib.expr_items(symbol.weak_rev_dep))
    for node in symbol.nodes:
        items |= node.referenced
    return not changed.isdisjoint(items)


names = sys.argv[1:]
if names[0] == "--no-shell":
    names.pop(0)
    kconfiglib._shell_fn = lambda kconf, function, command: "n"

begin = time.monotonic()
tree = Tree("Kconfig", warn=False)
seconds = time.monotonic() - begin
for name in names:
    tree.load_config(name)
    changed = changed_symbols(name)
    with open(name + ".kconfiglib", "w") as out:
        for symbol in tree.unique_defined_syms:
            out.write(f"{symbol.name} {symbol.visibility} {value(symbol.direct_dep)} {value(symbol.rev_dep)} "
                      f"{value(symbol.weak_rev_dep)} {int(hangs_on(symbol, changed))}\n")
        out.write(f"seconds {seconds:.3f}\n")
