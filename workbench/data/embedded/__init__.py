"""Data that come with the package.

``mnist.h5`` holds 10,000 training and 2,000 test digits of MNIST; ``mnist.LICENSE`` says where they
come from and under which licence. ``iris.h5`` holds Fisher's irises; see ``iris.LICENSE``. In a
checkout, ``tests/support/embedded`` has the scripts that made both from the published sets.
"""
