#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_gelu_table.py: writes src/compute/cpu/gelu_table.h, the cubic pieces of Phi(-t) that bf16 outputs use.

    python3 tools/make_gelu_table.py > src/compute/cpu/gelu_table.h

Piece n serves t = (n + r) / 6 with |r| <= 1/2. Each is the cubic through the function at the four Chebyshev nodes of its
interval; the greatest error over all pieces, before rounding, is measured and printed into the header."""
import math

PIECES, PER_UNIT = 32, 6


def phi(t):
    return 0.5 * math.erfc(t / math.sqrt(2))


def cubic(n):
    """Coefficients of 1, r, r^2, r^3: Newton's divided differences, expanded."""
    nodes = [0.5 * math.cos(math.pi * (2 * i + 1) / 8) for i in range(4)]
    d = [phi((n + r) / PER_UNIT) for r in nodes]
    for j in range(1, 4):
        for i in range(3, j - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (nodes[i] - nodes[i - j])
    out = [d[3], 0.0, 0.0, 0.0]
    for i in (2, 1, 0):
        out = [d[i] - nodes[i] * out[0]] + [out[k - 1] - nodes[i] * out[k] for k in range(1, 4)]
    return out


def main():
    pieces = [cubic(n) for n in range(PIECES)]
    worst = 0.0
    for n, c in enumerate(pieces):
        for i in range(1001):
            r = i / 1000 - 0.5
            worst = max(worst, abs(c[0] + r * (c[1] + r * (c[2] + r * c[3])) - phi((n + r) / PER_UNIT)))
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* gelu_table.h — written by tools/make_gelu_table.py: Phi(-t) as %d cubics in r, t = (n + r) / %d, |r| <= 1/2." % (PIECES, PER_UNIT))
    print(" *")
    print(" * Error before rounding: 2^%.1f. Row j holds the coefficients of r^j. */" % math.log2(worst))
    print("#ifndef TRI_COMPUTE_GELU_TABLE_H\n#define TRI_COMPUTE_GELU_TABLE_H\n")
    print("enum { GELU_PIECES = %d, GELU_PIECES_PER_UNIT = %d };\n" % (PIECES, PER_UNIT))
    print("static const float gelu_table[4][GELU_PIECES] = {")
    for j in range(4):
        print("    {")
        for n in range(0, PIECES, 4):
            print("        " + " ".join("%.9ef," % pieces[n + i][j] for i in range(4)))
        print("    },")
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
