/* SPDX-License-Identifier: Apache-2.0 */
/* list.h — the backends, best first; "ref" is the last. Included with BACKEND(isa) defined, and BACKEND_REF(isa) for the judge,
 * which has no kernels; ISA-suffixed ones exist only where their processor does (cmake/rooms.cmake builds them by suffix). */
#if defined(__x86_64__)
BACKEND(amx)
BACKEND(avx512bf16)
BACKEND(avx512vnni)
BACKEND(avx512)
BACKEND(avxvnni)
BACKEND(avx2)
#endif
#if defined(__aarch64__)
BACKEND(i8mm)
BACKEND(dotprod)
BACKEND(neon)
#endif
BACKEND(generic)
BACKEND_REF(ref)
