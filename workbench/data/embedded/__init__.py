"""Data that come with the package, and the scripts that made them.

``mnist.h5`` holds 10,000 training and 2,000 test digits of MNIST; ``mnist.LICENSE`` says where they
come from and under which licence. ``python -m workbench.data.embedded.make_mnist`` makes the file
anew from the full set. ``iris.h5`` holds Fisher's irises, of which ``iris.LICENSE`` tells;
``python -m workbench.data.embedded.make_iris`` makes it anew.
"""
