import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import inference.GRPCInferenceServiceGrpc;
import inference.Inference.InferParameter;
import inference.Inference.InferTensorContents;
import inference.Inference.ModelInferRequest;
import io.dapr.client.DaprClient;
import io.dapr.client.DaprClientBuilder;
import io.dapr.client.DaprHttp.HttpMethods;
import io.dapr.client.domain.HttpExtension;
import io.dapr.client.domain.InvokeMethodRequest;
import io.dapr.exceptions.DaprException;
import io.dapr.utils.TypeRef;
import io.grpc.StatusRuntimeException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tensorflow.Tensorflow.DataType;
import tensorflow.Tensorflow.TensorProto;
import tensorflow.Tensorflow.TensorShapeProto;
import tensorflow.serving.PredictionServiceGrpc;
import tensorflow.serving.Tfserving.ModelSpec;
import tensorflow.serving.Tfserving.PredictRequest;

/**
 * Makes the calls of standard input, all at once, by Dapr's SDK, by generated stubs and by java.net.http, and prints
 * what came of each.
 *
 * <p>It reads a JSON array of calls, each with `protocol`, `app` or `url` and `headers`, `model` and `picture`
 * (base64), and prints one of answers, in their order: `label`, the best one; or `exception`, `status` and `text`. An
 * answer by HTTP that is no result has a status and a body. The sidecar is that of DAPR_HTTP_PORT and DAPR_GRPC_PORT.
 */
public class Caller {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private static final DaprClient SIDECAR = new DaprClientBuilder().build();

  record Call(String protocol, String app, String url, Map<String, String> headers, String model, String picture) {
    byte[] bytes() {
      return Base64.getDecoder().decode(picture);
    }
  }

  /** An answer by HTTP with another status than 200. */
  static class Refused extends Exception {
    final int status;

    Refused(int status, String body) {
      super(body);
      this.status = status;
    }
  }

  public static void main(String[] arguments) throws Exception {
    Call[] calls = JSON.readValue(System.in, Call[].class);
    var threads = Executors.newFixedThreadPool(calls.length);
    try (SIDECAR) {
      List<Future<Map<String, String>>> answers = new ArrayList<>();
      for (Call call : calls) {
        answers.add(threads.submit(() -> answer(call)));
      }
      List<Map<String, String>> all = new ArrayList<>();
      for (var each : answers) {
        all.add(each.get());
      }
      System.out.println(JSON.writeValueAsString(all));
    } finally {
      threads.shutdownNow();
    }
    // Threads of the SDK go on after it has sent a request by HTTP.
    System.exit(0);
  }

  private static Map<String, String> answer(Call call) throws Exception {
    try {
      return Map.of("label", send(call));
    } catch (Refused error) {
      return Map.of("status", "" + error.status, "text", error.getMessage());
    } catch (StatusRuntimeException error) {
      var status = error.getStatus();
      return of(error, status.getCode().name(), status.getDescription());
    } catch (DaprException error) {
      return of(error, "" + error.getHttpStatusCode(), error.getMessage());
    }
  }

  private static Map<String, String> of(Exception error, String status, String text) {
    return Map.of("exception", error.getClass().getName(), "status", status, "text", text);
  }

  private static String send(Call call) throws Exception {
    return switch (call.protocol()) {
      case "invoke" -> invoke(call);
      case "v2 gRPC" -> inferByGrpc(call);
      case "v2 REST" -> inferByRest(call);
      case "tfs gRPC" -> predictByGrpc(call);
      case "tfs REST" -> predictByRest(call);
      default -> throw new IllegalArgumentException(call.protocol());
    };
  }

  private static String invoke(Call call) throws Exception {
    // A query in the name of the method is refused by the sidecar.
    var options = new HttpExtension(HttpMethods.POST, Map.of("model", List.of(call.model())), Map.of());
    var request =
        new InvokeMethodRequest(call.app(), "classify")
            .setHttpExtension(options)
            .setContentType("image/png")
            .setBody(call.bytes());
    byte[] body = SIDECAR.invokeMethod(request, TypeRef.BYTE_ARRAY).block();
    return JSON.readTree(body).at("/labels/0/label").asText();
  }

  private static String inferByGrpc(Call call) {
    var request =
        ModelInferRequest.newBuilder()
            .setModelName(call.model())
            .addInputs(
                ModelInferRequest.InferInputTensor.newBuilder()
                    .setName("picture")
                    .setDatatype("BYTES")
                    .addShape(1)
                    .setContents(
                        InferTensorContents.newBuilder().addBytesContents(ByteString.copyFrom(call.bytes()))))
            .addOutputs(
                ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                    .setName("Identity")
                    .putParameters("classification", InferParameter.newBuilder().setInt64Param(1).build()))
            .build();
    var stub = SIDECAR.newGrpcStub(call.app(), GRPCInferenceServiceGrpc::newBlockingStub);
    // Four bytes say how long the first string is.
    return lastPart(stub.modelInfer(request).getRawOutputContents(0).substring(4).toStringUtf8());
  }

  private static String predictByGrpc(Call call) {
    var picture =
        TensorProto.newBuilder()
            .setDtype(DataType.DT_STRING)
            .setTensorShape(TensorShapeProto.newBuilder().addDim(TensorShapeProto.Dim.newBuilder().setSize(1)))
            .addStringVal(ByteString.copyFrom(call.bytes()))
            .build();
    var request =
        PredictRequest.newBuilder()
            .setModelSpec(ModelSpec.newBuilder().setName(call.model()))
            .putInputs("picture", picture)
            .build();
    var stub = SIDECAR.newGrpcStub(call.app(), PredictionServiceGrpc::newBlockingStub);
    return best(stub.predict(request).getOutputsOrThrow("Identity").getFloatValList());
  }

  private static String inferByRest(Call call) throws Exception {
    var picture =
        Map.of(
            "name", "picture",
            "datatype", "BYTES",
            "shape", List.of(1),
            "data", List.of(call.picture()),
            "parameters", Map.of("content_type", "base64"));
    var output = Map.of("name", "Identity", "parameters", Map.of("classification", 1));
    var request = Map.of("inputs", List.of(picture), "outputs", List.of(output));
    return lastPart(post(call, "/v2/models/" + call.model() + "/infer", request).at("/outputs/0/data/0").asText());
  }

  private static String predictByRest(Call call) throws Exception {
    var request = Map.of("instances", List.of(Map.of("b64", call.picture())));
    List<Float> scores = new ArrayList<>();
    var answer = post(call, "/v1/models/" + call.model() + ":predict", request);
    answer.at("/predictions/0").forEach(score -> scores.add(score.floatValue()));
    return best(scores);
  }

  /** Sends a request as JSON, and returns the result. */
  private static JsonNode post(Call call, String path, Object request) throws Exception {
    var body = HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(request));
    var sent = HttpRequest.newBuilder(URI.create(call.url() + path)).POST(body);
    call.headers().forEach(sent::setHeader);
    var answer = HTTP.send(sent.build(), HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new Refused(answer.statusCode(), answer.body());
    }
    return JSON.readTree(answer.body());
  }

  /** Returns the label of "0.900000:2:apple". */
  private static String lastPart(String text) {
    return text.substring(text.lastIndexOf(':') + 1);
  }

  /** Returns the index of the highest score, which is the label of a digit. */
  private static String best(List<Float> scores) {
    int highest = 0;
    for (int index = 0; index < scores.size(); index++) {
      if (scores.get(index) > scores.get(highest)) {
        highest = index;
      }
    }
    return "" + highest;
  }
}
