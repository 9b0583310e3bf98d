"""Trains a model that predicts from the cadence whether someone walks, jogs or runs.

    python train.py --rows 20 cadence.csv models/gait/1

It writes a SavedModel: input `cadence` (n, 1) in steps per minute, output `probabilities` (n, 3) of
walk, jog and run.
"""

import argparse
import csv
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no warnings about the processor

import tensorflow as tf

GAITS = ("walk", "jog", "run")
STEPS = 100


def main(table: Path, folder: Path, rows: int | None) -> None:
    """Train on the first `rows` of the table and write the model into `folder`."""
    with table.open() as file:
        people = list(csv.DictReader(file))
    known, unseen = people[:rows], people[rows or 0 :]
    model = train(known)
    save(model, folder)
    summary = f"learned from {len(known)} people"
    if rows and unseen:
        summary += f", right about {share_right(model, unseen):.0%} of {len(unseen)} others"
    print(summary)


def train(people: list[dict[str, str]]) -> tf.keras.Model:
    """Return a softmax regression on the cadence; deterministic, so every reader gets the same."""
    cadence, gait = arrays(people)
    scale = tf.keras.layers.Normalization(axis=None)
    scale.adapt(cadence)
    classes = tf.keras.layers.Dense(
        len(GAITS), activation="softmax", kernel_initializer="zeros", bias_initializer="zeros"
    )
    model = tf.keras.Sequential([tf.keras.Input((1,)), scale, classes])
    model.compile(tf.keras.optimizers.Adam(0.2), "sparse_categorical_crossentropy")
    model.fit(cadence, gait, batch_size=len(people), epochs=STEPS, verbose=0)
    return model


def share_right(model: tf.keras.Model, people: list[dict[str, str]]) -> float:
    """Return the share of people whose most likely gait is the true one."""
    cadence, gait = arrays(people)
    return float(tf.reduce_mean(tf.cast(tf.argmax(model(cadence), 1) == gait, tf.float32)))


def arrays(people: list[dict[str, str]]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the cadences (n, 1) and the indices of the gaits (n,)."""
    cadence = tf.constant([[float(person["cadence"])] for person in people])
    gait = tf.constant([GAITS.index(person["gait"]) for person in people], tf.int64)
    return cadence, gait


def save(model: tf.keras.Model, folder: Path) -> None:
    """Write a SavedModel whose input and output have proper names for callers."""

    def answer(cadence: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model(cadence)}

    archive = tf.keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, 1), tf.float32, name="cadence")]
    archive.add_endpoint("serving_default", answer, input_signature=signature)
    archive.write_out(str(folder), verbose=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the tutorial's model.")
    parser.add_argument("table", type=Path, help="CSV with the columns cadence and gait")
    parser.add_argument("folder", type=Path, help="folder for the SavedModel")
    parser.add_argument("--rows", type=int, help="number of rows to learn from (default: all)")
    options = parser.parse_args()
    main(options.table, options.folder, options.rows)
