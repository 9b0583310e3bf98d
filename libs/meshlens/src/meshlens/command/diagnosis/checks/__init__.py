"""The checks, each as data beside the function that looks: one module for each kind of thing."""
