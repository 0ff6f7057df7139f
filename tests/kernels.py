"""Settings under which this machine stands for another processor.

    env $(python -m tests.kernels) pytest tests/contract

BLAS then adds up products in another order, and NumPy's `exp` and `log` give other last
digits, as they do on a machine without this one's vector instructions.
"""

from __future__ import annotations

import platform

import numpy as np
import threadpoolctl

CORES = {"x86_64": ("Haswell", "Nehalem"), "aarch64": ("NEOVERSEN1", "ARMV8")}
"""OpenBLAS's names of kernels: a common one, and an old one if this machine has that."""


def own_cores() -> set[str]:
    """Name the kernels that OpenBLAS chose in this process, in lower case."""
    found = threadpoolctl.threadpool_info()
    return {each["architecture"].lower() for each in found if each["internal_api"] == "openblas"}


def other_kernels() -> dict[str, str]:
    """Give the variables of the environment; none where it is not known how."""
    cores = [name for name in CORES.get(platform.machine(), ()) if name.lower() not in own_cores()]
    if not cores or not own_cores():
        return {}
    found = np.show_config("dicts")["SIMD Extensions"].get("found", [])
    if cores[0] == "Haswell":  # which has AVX2
        found = [name for name in found if "512" in name or name == "X86_V4"]
    # NumPy takes commas or blanks between names; a blank would end the variable in a shell.
    return {"OPENBLAS_CORETYPE": cores[0], "NPY_DISABLE_CPU_FEATURES": ",".join(found)}


if __name__ == "__main__":
    print(*(f"{name}={value}" for name, value in other_kernels().items()), sep="\n")
