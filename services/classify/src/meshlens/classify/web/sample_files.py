"""Pictures to try, by the model that knows what they show; samples/README.md says where from."""

from collections.abc import Mapping

# What each shows, and its file. The page opens with the first one of the model that it offers.
SAMPLES: Mapping[str, Mapping[str, str]] = {
    "objects": {"coffee": "coffee.jpg", "cameraman": "camera.jpg", "cat": "chelsea.jpg"},
    "digits": {f"digit {digit}": f"digit-{digit}.png" for digit in (7, 2, 3, 5, 8)},
}
