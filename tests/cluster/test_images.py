"""The images, built by the Dockerfiles of the services."""

from pathlib import Path

from cluster.images import Images


def test_an_image_that_is_built_twice_is_the_same(images: Images, tmp_path: Path) -> None:
    first = images.id_when_built_anew("pca", tmp_path)
    assert first.startswith("sha256:")
    assert images.id_when_built_anew("pca", tmp_path) == first
