"""The Open Inference Protocol, version 2: what its calls do, whichever way they came.

`server.InferenceServer` answers them in terms of `tensors`; each encoding has its own package.
"""
