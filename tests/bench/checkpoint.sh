# shellcheck shell=bash
# kcheck restore on a process with 1,000 mapped programs and 2 GB of pages, of which none is read: the images are those of
# a checkpoint in the tree with a page map and files of our own in place of its. Part of run.sh.
mkdir "$work/checkpoint" "$work/mapped"
tar -C "$work/checkpoint" --strip-components=1 -xf tests/unit/checkpoint/fixtures/criu-4.2.1.tar.gz
python3 - "$work/checkpoint" "$work/mapped" << 'END'
import glob, os, shutil, struct, sys
images, mapped = sys.argv[1:]
def varint(n):
    out = b""
    while n > 127: out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
def number(field, n): return varint(field << 3) + varint(n)
def text(field, b): return varint(field << 3 | 2) + varint(len(b)) + b
def records(head, all): return head + b"".join(struct.pack("<I", len(one)) + one for one in all)
# Files: copies of a small program, each with size, mode and build-id.
program = open("tests/unit/checkpoint/fixtures/task", "rb").read()
at = program.index(b"GNU\0") + 4
words = struct.unpack("<5I", program[at:at + 20])
files, maps = open(images + "/files.img", "rb").read(), []
for i in range(1000):
    path = f"{mapped}/{i}"
    open(path, "wb").write(program)
    os.chmod(path, 0o755)
    owner = b"".join(number(field, 0) for field in range(1, 6))
    entry = number(1, 1000 + i) + number(2, 0) + number(3, 0) + text(5, owner) + text(6, path.encode()) + number(8, len(program)) + \
        number(10, 0o100755) + b"".join(number(11, word) for word in words)
    files += records(b"", [number(1, 1) + number(2, 1000 + i) + text(3, entry)])
    begin = 0x10000000 + i * 0x10000
    maps.append(number(1, begin) + number(2, begin + 4096) + number(3, 0) + number(4, 1000 + i) + number(5, 1) + number(6, 2) + number(7, 65) + number(8, 1))
open(images + "/files.img", "wb").write(files)
name = sorted(glob.glob(images + "/mm-*.img"))[0]
mm = open(name, "rb").read()
body = mm[12:] + b"".join(text(14, one) for one in maps)
open(name, "wb").write(records(mm[:8], [body]))
# 2 GB of pages in pieces of 8, as a heap that is used here and there.
name = sorted(glob.glob(images + "/pagemap-*.img"))[0]
head = open(name, "rb").read()[:8]
pages = 2 * 10**9 // 4096
open(name, "wb").write(records(head, [number(1, 1)] + [number(1, 0x7000000000 + i * 65536) + number(2, 8) + number(4, 4) for i in range(pages // 8)]))
os.truncate(images + "/pages-1.img", pages * 4096)
END
# Files of the fixture itself are not here: the answer is no, and the figure is what counts.
restored() { "$BIN/kcheck" restore "$work/checkpoint" --criu 4.2.1 --format json > "$work/answer" || [ $? = 1 ]; }
row "kcheck restore, 1,000 mapped files, 2 GB" "$(repeat restored)" s 0.3 "$(grep -o '[0-9]* compared with what the dump saw' "$work/answer")"
/usr/bin/time -f %M -o "$work/memory" "$BIN/kcheck" restore "$work/checkpoint" --criu 4.2.1 > "$work/last" 2>&1 || true
row "its memory" "$(awk 'END { printf "%.1f", $1 / 1000 }' "$work/memory")" MB 50
