"""Asks for the chopstick of 10 cm again and again, by the stub of tensorflow-serving-api.

predict.py TIMES prints a JSON list for each answer: its three numbers, in 12 digits.
"""

import json
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

request = predict_pb2.PredictRequest()
request.model_spec.name = "chopstick"
request.inputs["chopstick_length"].CopyFrom(tf.make_tensor_proto([[10.0]], dtype=tf.float32))
metadata = (("dapr-app-id", "classify"),)
with grpc.insecure_channel("localhost:50001") as channel:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    for _ in range(int(sys.argv[1])):
        answer = stub.Predict(request, 30.0, metadata=metadata)
        print(json.dumps([f"{it:.12g}" for it in answer.outputs["classes_prob"].float_val]))
