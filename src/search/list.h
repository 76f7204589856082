/* SPDX-License-Identifier: Apache-2.0 */
/* list.h — every way of fusing there is, one fuse_<name>.c each. No include guard: included to declare and to list. */
FUSE(weighted)
FUSE(rrf)
FUSE(combsum)
FUSE(combmnz)
FUSE(dbsf)
