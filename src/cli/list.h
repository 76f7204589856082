/* SPDX-License-Identifier: Apache-2.0 */
/* list.h — the commands, in the order that help shows them. One line each: COMMAND(name) is cmd_<name>.c, which defines
 * `const cli_command cmd_<name>`. No include guard: included once to declare and once to list. */
COMMAND(pull)
COMMAND(info)
COMMAND(doctor)
COMMAND(tokenize)
COMMAND(encode)
COMMAND(score)
COMMAND(rerank)
COMMAND(index)
COMMAND(search)
COMMAND(fuse)
COMMAND(eval)
COMMAND(blend)
COMMAND(export)
COMMAND(bench)
COMMAND(demo)
COMMAND(list)
