"""Studies: a protocol meets a panel, and what comes out is written as results."""

from evaluation.study.run import StudyRun, run_study

__all__ = ["StudyRun", "run_study"]
