# SPDX-License-Identifier: Apache-2.0
"""oneshot_st.py MODEL TEXT: what a user of sentence-transformers writes to get one vector."""
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
from sentence_transformers import SentenceTransformer  # noqa: E402

model = SentenceTransformer(sys.argv[1], device="cpu")
print(*model.encode(sys.argv[2], prompt_name="query")[:3])
