#!/usr/bin/env python3
"""Do the tests bite? Changes one place of the sources at a time, as mutants.toml says, and runs the tests that should
notice.

run.py [--only TEXT]... [--list] [--floor PERCENT]

Works on a copy of the checkout under build/mutate, never on the checkout itself. A mutant is killed when one of its
test programs fails or does not end within its limit. A row whose text stands nowhere, or more than once, or that does
not compile is an error of the list and fails the run: a list that no longer fits the code tests nothing.
Exit status: 0, or 1 when fewer than --floor per cent are killed or the list does not fit, 2 usage.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutate"
SOURCE = WORK / "source"
BUILD = WORK / "build"
JOBS = str(os.cpu_count() or 1)
TEST_SECONDS = 300  # a mutant that makes a test wait for ever is killed


def copy_sources():
    """The tracked files and those that are not ignored, with their times, so that a second run compiles little."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            check=True, capture_output=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    wanted = set(names)
    for name in names:
        source, copy = ROOT / name, SOURCE / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    for path in SOURCE.rglob("*"):
        if path.is_file() and str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()


def ninja(targets):
    return subprocess.run(["ninja", "-C", BUILD, "-j", JOBS, *targets], capture_output=True, text=True)


def failing_test(tests):
    """The first test program that notices; None when none does."""
    for test in tests:
        program, _, filters = test.partition(" ")
        argv = [BUILD / "bin" / program, "--gtest_brief=1", "--gtest_fail_fast"]
        if filters:
            argv.append("--gtest_filter=" + filters)
        try:
            done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                  timeout=TEST_SECONDS, cwd=BUILD)
        except subprocess.TimeoutExpired:
            return program
        if done.returncode != 0:
            return program
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="mutants whose id has this text")
    parser.add_argument("--list", action="store_true", help="the ids, and whether each row fits the sources")
    parser.add_argument("--floor", type=float, default=90.0, help="per cent that must be killed")
    arguments = parser.parse_args()

    with open(pathlib.Path(__file__).with_name("mutants.toml"), "rb") as file:
        mutants = tomllib.load(file)["mutant"]
    ids = [mutant["id"] for mutant in mutants]
    wrong = [f"{name}: the id stands more than once" for name in sorted(set(ids)) if ids.count(name) > 1]
    for mutant in mutants:
        path = ROOT / mutant["file"]
        count = path.read_text().count(mutant["find"]) if path.is_file() else 0
        if count != 1:
            wrong.append(f"{mutant['id']}: its text stands {count} times in {mutant['file']}")
    if arguments.list:
        print("\n".join(ids))
    for line in wrong:
        print("mutants.toml:", line, file=sys.stderr)
    if wrong or arguments.list:
        return 1 if wrong else 0

    chosen = [m for m in mutants if not arguments.only or any(text in m["id"] for text in arguments.only)]
    if not chosen:
        print("no mutant has that text in its id", file=sys.stderr)
        return 2
    copy_sources()
    # Compiled in seconds rather than running fast.
    subprocess.run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
                    "-DCMAKE_CXX_FLAGS=-O0"], check=True, stdout=subprocess.DEVNULL)
    programs = sorted({test.partition(" ")[0] for m in chosen for test in m["tests"]})
    started = time.monotonic()
    built = ninja(programs)
    if built.returncode != 0:
        print(built.stdout[-4000:], file=sys.stderr)
        return 1
    every_test = sorted({test for m in chosen for test in m["tests"]})
    if failed := failing_test(every_test):
        print(f"{failed} fails without any mutant", file=sys.stderr)
        return 1
    print(f"{len(chosen)} mutants; the tests pass without one ({time.monotonic() - started:.0f} s)", flush=True)

    survivors, broken = [], []
    for mutant in chosen:
        path = SOURCE / mutant["file"]
        original = path.read_text()
        path.write_text(original.replace(mutant["find"], mutant["replace"]))
        try:
            built = ninja(sorted({test.partition(" ")[0] for test in mutant["tests"]}))
            if built.returncode != 0:
                broken.append(mutant["id"])
                print(f"BROKEN    {mutant['id']}: does not compile", flush=True)
                continue
            killer = failing_test(mutant["tests"])
        finally:
            path.write_text(original)
        if killer:
            print(f"killed    {mutant['id']}: {killer}", flush=True)
        else:
            survivors.append(mutant)
            print(f"SURVIVED  {mutant['id']}: {mutant.get('survives', 'no test notices')}", flush=True)
    tried = len(chosen) - len(broken)
    rate = 100.0 * (tried - len(survivors)) / tried if tried else 0.0
    print(f"mutants: {tried - len(survivors)} of {tried} killed ({rate:.0f} %), {time.monotonic() - started:.0f} s")
    return 1 if broken or rate < arguments.floor else 0


if __name__ == "__main__":
    sys.exit(main())
