"""Put byte code and native libraries into a package that aapt2 made; signing it aligns what is stored.

python assemble.py BASE.apk OUT.apk DEX_FOLDER ARCHIVES_FOLDER
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

ABI = "arm64-v8a"


def main(base: Path, out: Path, dex: Path, archives: Path) -> None:
    """Write `out`: byte code deflated, libraries stored, so that phones map them from where they are."""
    shutil.copyfile(base, out)
    with zipfile.ZipFile(out, "a") as package:
        for file in sorted(dex.glob("*.dex")):
            package.write(file, file.name, zipfile.ZIP_DEFLATED)
        for file in sorted(archives.glob(f"*/jni/{ABI}/*.so")):
            package.write(file, f"lib/{ABI}/{file.name}", zipfile.ZIP_STORED)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
