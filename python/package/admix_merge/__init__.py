"""admix: merges retriever (embedding) models, scores the merges, and finds the ratio at which a merge is best.

    import admix_merge

    merged = admix_merge.blend({"base": 0.4, "ko-en": 0.6}, "merged")
    print(admix_merge.score([merged.path, "base"], ["sets/ko-ko", "sets/ko-en"], baseline="base"))
    study = admix_merge.sweep(base="base", models=["ko-en"], data=["sets/ko-ko", "sets/ko-en"], store="study")
    study.recommend().merge("picked")

Models are folders, or `SentenceTransformer` objects. What is written is a folder that `SentenceTransformer` loads.
"""

from ._errors import (
    AdmixError,
    AdmixWarning,
    EvaluationError,
    Fault,
    InputError,
    StudyMismatchError,
    UnexpectedError,
    UsageError,
)
from ._learning import Learned, learn
from ._merging import Merged, Method, Plan, blend, inspect, merge, methods, plan
from ._native import __version__
from ._progress import Progress
from ._scoring import Score, Scores, score
from ._studies import Figure, Recommendation, Study, Trial, sweep, sweep_file

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
