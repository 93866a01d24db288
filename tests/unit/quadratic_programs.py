"""Simplex problems solved by clarabel, an interior-point solver that shares no code with ours."""

import clarabel
import numpy as np
from scipy import sparse


def on_simplex(square: np.ndarray, linear: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """min 1/2 w'Pw + q'w + 1/2 ||A w - b||^2 over the simplex, with the residuals as variables."""
    t, n = a.shape
    p = sparse.block_diag([sparse.csc_matrix(np.triu(square)), sparse.identity(t)], format="csc")
    rows = sparse.vstack(
        [
            sparse.hstack([sparse.csc_matrix(a), -sparse.identity(t)]),
            sparse.hstack([sparse.csc_matrix(np.ones((1, n))), sparse.csc_matrix((1, t))]),
            sparse.hstack([-sparse.identity(n), sparse.csc_matrix((n, t))]),
        ],
        format="csc",
    )
    return _solved(p, np.append(linear, np.zeros(t)), rows, np.append(b, [1.0, *np.zeros(n)]), t, n)


def least_norm_meeting(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """min ||w||^2 over the simplex with A w = b."""
    t, n = a.shape
    rows = sparse.csc_matrix(np.vstack([a, np.ones((1, n)), -np.eye(n)]))
    right = np.concatenate([b, [1.0], np.zeros(n)])
    return _solved(sparse.identity(n, format="csc"), np.zeros(n), rows, right, t, n)


def on_simplexes(a: np.ndarray, b: np.ndarray, groups: int) -> np.ndarray:
    """min ||A w - b||^2 with weights in groups of one size, each group on a simplex of its own."""
    t, n = a.shape
    sums = sparse.kron(sparse.identity(groups), np.ones((1, n // groups)))
    rows = sparse.vstack(
        [
            sparse.hstack([sparse.csc_matrix(a), -sparse.identity(t)]),
            sparse.hstack([sums, sparse.csc_matrix((groups, t))]),
            sparse.hstack([-sparse.identity(n), sparse.csc_matrix((n, t))]),
        ],
        format="csc",
    )
    p = sparse.block_diag([sparse.csc_matrix((n, n)), sparse.identity(t)], format="csc")
    right = np.concatenate([b, np.ones(groups), np.zeros(n)])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    cones = [clarabel.ZeroConeT(t + groups), clarabel.NonnegativeConeT(n)]
    solver = clarabel.DefaultSolver(p, np.zeros(n + t), rows, right, cones, settings)
    return np.array(solver.solve().x)[:n]


def _solved(p, q, rows, right, t, n):  # type: ignore[no-untyped-def]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    cones = [clarabel.ZeroConeT(t + 1), clarabel.NonnegativeConeT(n)]
    found = np.array(clarabel.DefaultSolver(p, q, rows, right, cones, settings).solve().x)[:n]
    found = np.maximum(found, 0)
    return found / found.sum()
