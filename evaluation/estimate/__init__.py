"""Estimators and their inference: effects under the real and many placebo assignments."""
