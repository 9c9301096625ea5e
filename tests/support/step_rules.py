"""Oracles of step rules, in NumPy and double precision, from the formulas of the papers.

Each oracle takes lists of gradients and parameters, and a dictionary for its state; it returns the
list of steps.
"""

import numpy as np


def scale(rate):
    def run(gradients, parameters, memory):
        return [rate * g for g in gradients]

    return run


def momentum(rate, mu):
    def run(gradients, parameters, memory):
        old = memory.get("velocity", [0.0] * len(gradients))
        memory["velocity"] = [mu * v + rate * g for v, g in zip(old, gradients, strict=True)]
        return memory["velocity"]

    return run


def lion(rate=0.0001, beta1=0.9, beta2=0.99, decay=0.0):
    def run(gradients, parameters, memory):
        old = memory.get("m", [0.0] * len(gradients))
        memory["m"] = [beta2 * m + (1 - beta2) * g for m, g in zip(old, gradients, strict=True)]
        return [
            rate * (np.sign(beta1 * m + (1 - beta1) * g) + decay * p)
            for m, g, p in zip(old, gradients, parameters, strict=True)
        ]

    return run


def adam(rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=1.0):
    def run(gradients, parameters, memory):
        t = memory["t"] = memory.get("t", 0) + 1
        means = memory.get("m", [0.0] * len(gradients))
        squares = memory.get("v", [0.0] * len(gradients))
        b = beta1 * decay ** (t - 1)
        means = memory["m"] = [b * m + (1 - b) * g for m, g in zip(means, gradients, strict=True)]
        squares = memory["v"] = [
            beta2 * v + (1 - beta2) * g * g for v, g in zip(squares, gradients, strict=True)
        ]
        corrected = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        return [corrected * m / (np.sqrt(v) + epsilon) for m, v in zip(means, squares, strict=True)]

    return run


def adagrad(rate=0.002, epsilon=1e-6):
    def run(gradients, parameters, memory):
        old = memory.get("sum", [0.0] * len(gradients))
        memory["sum"] = [s + g**2 for s, g in zip(old, gradients, strict=True)]
        return [
            rate * g / (np.sqrt(s) + epsilon) for s, g in zip(memory["sum"], gradients, strict=True)
        ]

    return run


def adadelta(rho=0.95, epsilon=1e-6):
    def run(gradients, parameters, memory):
        steps = []
        for i, g in enumerate(gradients):
            square, moved = memory.get(i, (0.0, 0.0))
            square = rho * square + (1 - rho) * g**2
            step = np.sqrt(moved + epsilon) / np.sqrt(square + epsilon) * g
            memory[i] = square, rho * moved + (1 - rho) * step**2
            steps.append(step)
        return steps

    return run


def rmsprop(rate=1.0, rho=0.9, max_scaling=1e5):
    def run(gradients, parameters, memory):
        old = memory.get("v", [0.0] * len(gradients))
        memory["v"] = [rho * v + (1 - rho) * g**2 for v, g in zip(old, gradients, strict=True)]
        return [
            rate * g / np.maximum(np.sqrt(v), 1 / max_scaling)
            for v, g in zip(memory["v"], gradients, strict=True)
        ]

    return run


def clipping(threshold):
    def run(gradients, parameters, memory):
        norm = np.linalg.norm(np.concatenate([np.ravel(g) for g in gradients]))
        return [g * min(1.0, threshold / norm) for g in gradients]

    return run


def variable_clipping(threshold, axis=None):
    def run(gradients, parameters, memory):
        steps = []
        for p, g in zip(parameters, gradients, strict=True):
            new = p - g
            norm = np.sqrt((new**2).sum(axis=axis, keepdims=True))
            steps.append(p - new * np.minimum(1.0, threshold / norm))
        return steps

    return run


def remove_not_finite(scaler=1.0):
    def run(gradients, parameters, memory):
        return [
            g if np.isfinite(g).all() else (1 - scaler) * p
            for p, g in zip(parameters, gradients, strict=True)
        ]

    return run


def unchanged(gradients, parameters, memory):
    return gradients


def chain(*oracles):
    def run(gradients, parameters, memory):
        for i, oracle in enumerate(oracles):
            gradients = oracle(gradients, parameters, memory.setdefault(("of rule", i), {}))
        return gradients

    return run


def only(oracle, index):
    def run(gradients, parameters, memory):
        (step,) = oracle([gradients[index]], [parameters[index]], memory)
        return [step if i == index else g for i, g in enumerate(gradients)]

    return run


def follow(oracle, parameters, gradients_of, batches):
    """Return the parameters after training on `batches` with the steps of `oracle`."""
    parameters = [np.asarray(p, dtype="float64") for p in parameters]
    memory = {}
    for batch in batches:
        steps = oracle(gradients_of(parameters, batch), parameters, memory)
        parameters = [p - s for p, s in zip(parameters, steps, strict=True)]
    return parameters
