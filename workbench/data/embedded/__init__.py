"""Data files that the package contains.

``mnist.h5`` contains 10,000 training and 2,000 test digits of MNIST; ``mnist.LICENSE`` states their
source and licence. ``iris.h5`` contains Fisher's irises; see ``iris.LICENSE``. In the repository,
``tests/support/embedded`` contains the scripts that created both files from the published datasets.
"""
