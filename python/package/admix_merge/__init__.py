"""admix: merges retriever (embedding) models, scores the merges, and finds the ratio at which a merge is best.

    import admix_merge

    merged = admix_merge.blend({"base": 0.4, "ko-en": 0.6}, "merged")
    print(admix_merge.score([merged.path, "base"], ["sets/ko-ko", "sets/ko-en"], baseline="base"))
    study = admix_merge.sweep(base="base", models=["ko-en"], data=["sets/ko-ko", "sets/ko-en"], store="study")
    study.recommend().merge("picked")

Models are folders, or `SentenceTransformer` objects. What is written is a folder that `SentenceTransformer` loads.
"""

import os as _os

# Gradients are computed by several threads, each on a batch of its own. The threads of each product would wait for each other by
# spinning; the library reads this once, before its first computation.
_os.environ.setdefault("CANDLE_NUM_THREADS", "1")

from ._errors import (  # noqa: E402
    AdmixError,
    AdmixWarning,
    EvaluationError,
    Fault,
    InputError,
    StudyMismatchError,
    UnexpectedError,
    UsageError,
)
from ._learning import Learned, learn  # noqa: E402
from ._merging import Merged, Method, Plan, blend, inspect, merge, methods, plan  # noqa: E402
from ._native import __version__  # noqa: E402
from ._progress import Progress  # noqa: E402
from ._scoring import Score, Scores, score  # noqa: E402
from ._studies import Figure, Recommendation, Study, Trial, sweep, sweep_file  # noqa: E402

__all__ = [
    "AdmixError",
    "AdmixWarning",
    "EvaluationError",
    "Fault",
    "Figure",
    "InputError",
    "Learned",
    "Merged",
    "Method",
    "Plan",
    "Progress",
    "Recommendation",
    "Score",
    "Scores",
    "Study",
    "StudyMismatchError",
    "Trial",
    "UnexpectedError",
    "UsageError",
    "__version__",
    "blend",
    "inspect",
    "learn",
    "merge",
    "methods",
    "plan",
    "score",
    "sweep",
    "sweep_file",
]
