# SPDX-License-Identifier: Apache-2.0
"""Is docs/cli what the program says today?"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
trident = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")) / "trident"
sys.exit(subprocess.run([sys.executable, str(ROOT / "tools/cli_pages.py"), str(trident), "--check"]).returncode)
