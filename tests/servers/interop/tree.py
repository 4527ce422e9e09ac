"""Makes the tree that is scanned over NFS and beside it: `tree.py DIR`, as root. With `going` behind
it, another one: 200 directories in a home, every other one empty.

In the guest too, whose Python is the smallest that Debian has: no modules beside the built-in ones.
"""

import os
import sys
import time

DAY = 86_400
NOW = int(time.time())
ODD = b"a\xff\n,<b>\""
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"


def write(path, data=b"", age=0):
    """A file with its directories, so many days old."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as it:
        it.write(data)
    # Hours off the boundaries between ages, and a fraction of a second.
    when = (NOW - age * DAY - 3600) * 10**9 + 123_456_789
    os.utime(path, ns=(when, when))


def sparse(path, *pieces):
    """Holes of a mebibyte, each followed by a piece."""
    write(path)
    with open(path, "r+b") as it:
        for piece in pieces:
            it.seek(1 << 20, os.SEEK_CUR)
            it.write(piece)
        it.truncate(it.tell() + (1 << 20))


def caches(home):
    write(home + b"/marked/CACHEDIR.TAG", SIGNATURE + b"\n# more\n")
    write(home + b"/marked/deep/er/file", b"x" * 30_000)
    write(home + b"/unmarked/CACHEDIR.TAG", b"Signature: none\n")
    write(home + b"/unmarked/file", b"x" * 30_000)
    write(home + b"/short/CACHEDIR.TAG", SIGNATURE[:10])
    write(home + b"/both/CACHEDIR.TAG", SIGNATURE)
    write(home + b"/both/pyvenv.cfg", b"home = /usr/bin\n")
    write(home + b"/both/lib/file", b"x" * 20_000)
    write(home + b"/venv/pyvenv.cfg", b"home = /usr/bin\n")
    write(home + b"/venv/lib/file", b"x" * 50_000)
    write(home + b"/app/package.json", b"{}")
    write(home + b"/app/node_modules/left-pad/index.js", b"x" * 9_000)
    write(home + b"/no-app/node_modules/index.js", b"x" * 9_000)
    write(home + b"/.local/share/Trash/files/gone", b"x" * 70_000, age=40)
    write(home + b"/.cache/pip/http/a", b"x" * 40_000, age=100)
    os.symlink(b"CACHEDIR.TAG", home + b"/.cache/CACHEDIR.TAG")
    # A name that is asked for, but no file.
    os.makedirs(home + b"/strange/CACHEDIR.TAG")


def odd(home):
    write(home + b"/" + ODD + b"/" + ODD, b"x" * 5_000)
    write(home + b"/two\nlines", b"x")
    write(home + b"/" + b"n" * 255, b"x")
    write(home + "/näme".encode(), b"x")
    sparse(home + b"/holes", b"x" * 5_000, b"y")
    sparse(home + b"/only-a-hole")
    os.mkfifo(home + b"/fifo")
    os.mknod(home + b"/socket", 0o140755)
    os.mknod(home + b"/null", 0o020666, os.makedev(1, 3))
    os.symlink(b"/nowhere", home + b"/broken")
    os.symlink(b"x" * 4_000, home + b"/long")
    os.makedirs(home + b"/closed/to/everybody")
    write(home + b"/closed/file", b"x" * 100)


def links(top):
    write(top + b"/200005/linked", b"x" * 10_000)
    os.link(top + b"/200005/linked", top + b"/200005/again")
    os.makedirs(top + b"/200006/dir", exist_ok=True)
    os.link(top + b"/200005/linked", top + b"/200006/dir/of-200005")
    write(top + b"/outside", b"x" * 20_000)
    os.link(top + b"/outside", top + b"/200006/of-outside")


def large(home):
    """30,000 names in one directory, some of them directories."""
    os.makedirs(home + b"/large")
    where = os.open(home + b"/large", os.O_RDONLY)
    for number in range(29_500):
        os.mknod(f"file-{number:07}", 0o100644, dir_fd=where)
    for number in range(500):
        os.mkdir(f"directory-{number:05}", dir_fd=where)
    os.close(where)
    write(home + b"/large/directory-00007/file", b"x" * 6_000)


def deep(home):
    """300 levels, with a file at each tenth."""
    path = home
    for level in range(300):
        path += b"/d%d" % level
        os.mkdir(path)
        if level % 10 == 0:
            write(path + b"/file", b"x" * level)


def owners(top):
    """Homes are their owners' and closed to everybody else; two have files of others."""
    for name in os.listdir(top):
        if not name.isdigit():
            continue
        uid = int(name)
        for where, dirs, files in os.walk(top + b"/" + name):
            for it in [where] + [where + b"/" + file for file in files]:
                os.chown(it, uid, 0, follow_symlinks=False)
            for it in dirs:
                os.chown(where + b"/" + it, uid, 0, follow_symlinks=False)
        os.chmod(top + b"/" + name, 0o700)
    # Some of whom servers know by name, and some not.
    for uid in 0, 1, 2, 1_234_567, 65_534:
        path = top + b"/200009/of-%d" % uid
        write(path, b"x" * (1_000 + uid % 1_000))
        os.chown(path, uid, uid)
    os.chmod(top + b"/200006/closed", 0)


def going(home):
    os.makedirs(home)
    for number in range(1_000, 1_200):
        os.mkdir(home + b"/%d" % number)
        for file in range(5 * (number % 2)):
            os.mknod(home + b"/%d/%d" % (number, file), 0o100644)


def main():
    os.umask(0o022)
    top = os.fsencode(sys.argv[1])
    if sys.argv[2:]:
        going(top + b"/200005")
        return
    os.mkdir(top)
    for home in 200_005, 200_006, 200_007, 200_008, 200_009:
        os.mkdir(top + b"/%d" % home)
    # Homes of users that have a name.
    write(top + b"/1/file", b"x" * 3_000)
    write(top + b"/shared/file", b"x" * 123_456, age=400)
    links(top)
    caches(top + b"/200005")
    odd(top + b"/200006")
    large(top + b"/200007")
    deep(top + b"/200008")
    owners(top)


main()
