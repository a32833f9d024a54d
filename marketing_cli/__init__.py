"""mmsg: decide which lifecycle message each behavioural event asks for, once, and explain it."""

__version__ = "0.1.0"
