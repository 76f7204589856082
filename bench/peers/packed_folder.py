# SPDX-License-Identifier: Apache-2.0
"""packed_folder.py: a model folder with Trident's packed file in it, made of links so that the user's own folder stays as it is.

`trident export packed` leaves a file alone that is up to date; int8 is calibrated on the comparison's texts, once."""
import hashlib
import pathlib
import subprocess


def find_packed(trident, model, cache, precision, calibration):
    """The folder; raises RuntimeError with the program's word where it cannot pack."""
    source = pathlib.Path(model).resolve()
    folder = pathlib.Path(cache) / f"packed-{source.name}"
    folder.mkdir(parents=True, exist_ok=True)
    for item in source.iterdir():
        link = folder / item.name
        if not link.exists():
            link.unlink(missing_ok=True)  # one that points nowhere
            link.symlink_to(item)
    maker, stamp = hashlib.sha256((pathlib.Path(trident).parent / "libtrident.so").read_bytes()).hexdigest(), folder / "made-by"
    if not stamp.exists() or stamp.read_text() != maker:  # another build may pack differently
        for packed in folder.glob("*.packed"):
            packed.unlink()
        stamp.write_text(maker)
    if precision == "int8" and (folder / "trident-int8.packed").exists():
        return folder  # calibrating again would give the same
    words = [trident, "export", "packed", folder, "--precision", precision]
    words += ["--calibrate", calibration] if precision == "int8" else []
    done = subprocess.run(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("trident export packed: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
    return folder
