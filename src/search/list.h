/* SPDX-License-Identifier: Apache-2.0 */
/* list.h — every way of fusing there is, one fuse_<name>.c each. */
FUSE(weighted)
FUSE(rrf)
FUSE(combsum)
FUSE(combmnz)
FUSE(dbsf)
