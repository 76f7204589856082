/* SPDX-License-Identifier: Apache-2.0 */
/* html_out.h — text from outside inside a page: nothing of it is ever markup. */
#ifndef TRI_CLI_HTML_OUT_H
#define TRI_CLI_HTML_OUT_H

#include "base/buf.h"

/* Escaped for elements and quoted attributes; control characters and invalid UTF-8 become U+FFFD. NULL gives nothing. */
tri_status html_out_text(buf *b, const char *text, size_t len);
tri_status html_out_str(buf *b, const char *text);
/* At most `most` characters, then an ellipsis; inside <bdi>, so that writing from right to left stays in its place. */
tri_status html_out_short(buf *b, const char *text, size_t len, size_t most);

#endif
