// Command caller makes the calls of standard input, all at once, by Dapr's SDK, by generated stubs and by
// net/http, and prints what came of each.
//
// It reads a JSON array of calls and prints one of answers, in their order. The sidecar is that of DAPR_GRPC_PORT.
// The stubs in caller/inference and caller/tfserving are generated from the project's .proto files.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"caller/inference"
	"caller/tfserving"
)

// call is a picture, and where to send it: to an app, or to a URL with headers.
type call struct {
	Protocol, App, URL, Model string
	Headers                   map[string]string
	Picture                   []byte
}

// answer is what the best label of the picture is, or the error; an answer by HTTP that is no result has a status
// and a body.
type answer struct {
	Label     string `json:"label,omitempty"`
	Exception string `json:"exception,omitempty"`
	Status    string `json:"status,omitempty"`
	Text      string `json:"text,omitempty"`
}

// refused is an answer by HTTP with another status than 200.
type refused struct {
	status int
	body   []byte
}

func (r refused) Error() string { return string(r.body) }

// sidecar is a client of it, and its connection that of the stubs.
var sidecar dapr.Client

var protocols = map[string]func(call) (string, error){
	"invoke":   invoke,
	"v2 gRPC":  inferByGRPC,
	"v2 REST":  inferByREST,
	"tfs gRPC": predictByGRPC,
	"tfs REST": predictByREST,
}

func main() {
	var calls []call
	if err := json.NewDecoder(os.Stdin).Decode(&calls); err != nil {
		log.Fatal(err)
	}
	// It would say on standard output that it connects.
	dapr.SetLogger(log.Default())
	var err error
	if sidecar, err = dapr.NewClient(); err != nil {
		log.Fatal(err)
	}
	defer sidecar.Close()
	answers := make([]answer, len(calls))
	var all sync.WaitGroup
	for index, each := range calls {
		all.Go(func() { answers[index] = read(protocols[each.Protocol](each)) })
	}
	all.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

func read(label string, err error) answer {
	if refusal, ok := errors.AsType[refused](err); ok {
		return answer{Status: strconv.Itoa(refusal.status), Text: refusal.Error()}
	}
	if err != nil {
		told := status.Convert(err)
		return answer{Exception: fmt.Sprintf("%T", err), Status: told.Code().String(), Text: told.Message()}
	}
	return answer{Label: label}
}

func invoke(to call) (string, error) {
	content := dapr.DataContent{Data: to.Picture, ContentType: "image/png"}
	body, err := sidecar.InvokeMethodWithContent(
		context.Background(), to.App, "classify?model="+to.Model, "post", &content)
	if err != nil {
		return "", err
	}
	var result struct{ Labels []struct{ Label string } }
	if err := json.Unmarshal(body, &result); err != nil {
		return "", err
	}
	return result.Labels[0].Label, nil
}

// proxied returns the context of a call to an app by the connection to the sidecar.
func proxied(to call) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "dapr-app-id", to.App)
}

func inferByGRPC(to call) (string, error) {
	stub := inference.NewGRPCInferenceServiceClient(sidecar.GrpcClientConn())
	result, err := stub.ModelInfer(proxied(to), &inference.ModelInferRequest{
		ModelName: to.Model,
		Inputs: []*inference.ModelInferRequest_InferInputTensor{{
			Name: "picture", Datatype: "BYTES", Shape: []int64{1},
			Contents: &inference.InferTensorContents{BytesContents: [][]byte{to.Picture}},
		}},
		Outputs: []*inference.ModelInferRequest_InferRequestedOutputTensor{{
			Name: "Identity",
			Parameters: map[string]*inference.InferParameter{
				"classification": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 1}},
			},
		}},
	})
	if err != nil {
		return "", err
	}
	// Four bytes say how long the first string is.
	return lastPart(string(result.RawOutputContents[0][4:])), nil
}

func predictByGRPC(to call) (string, error) {
	stub := tfserving.NewPredictionServiceClient(sidecar.GrpcClientConn())
	result, err := stub.Predict(proxied(to), &tfserving.PredictRequest{
		ModelSpec: &tfserving.ModelSpec{Name: to.Model},
		Inputs: map[string]*tfserving.TensorProto{"picture": {
			Dtype:       tfserving.DataType_DT_STRING,
			TensorShape: &tfserving.TensorShapeProto{Dim: []*tfserving.TensorShapeProto_Dim{{Size: 1}}},
			StringVal:   [][]byte{to.Picture},
		}},
	})
	if err != nil {
		return "", err
	}
	return best(result.Outputs["Identity"].FloatVal), nil
}

func inferByREST(to call) (string, error) {
	request := map[string]any{
		"inputs": []any{map[string]any{
			"name": "picture", "datatype": "BYTES", "shape": []int{1}, "data": [][]byte{to.Picture},
			"parameters": map[string]string{"content_type": "base64"},
		}},
		"outputs": []any{map[string]any{
			"name": "Identity", "parameters": map[string]int{"classification": 1},
		}},
	}
	var result struct{ Outputs []struct{ Data []string } }
	if err := post(to, "/v2/models/"+to.Model+"/infer", request, &result); err != nil {
		return "", err
	}
	return lastPart(result.Outputs[0].Data[0]), nil
}

func predictByREST(to call) (string, error) {
	request := map[string]any{"instances": []any{map[string][]byte{"b64": to.Picture}}}
	var result struct{ Predictions [][]float32 }
	if err := post(to, "/v1/models/"+to.Model+":predict", request, &result); err != nil {
		return "", err
	}
	return best(result.Predictions[0]), nil
}

// post sends a request as JSON, and reads the result of it.
func post(to call, path string, request, result any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	sent, err := http.NewRequest(http.MethodPost, to.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range to.Headers {
		sent.Header.Set(name, value)
	}
	received, err := http.DefaultClient.Do(sent)
	if err != nil {
		return err
	}
	defer received.Body.Close()
	text, err := io.ReadAll(received.Body)
	if err != nil {
		return err
	}
	if received.StatusCode != http.StatusOK {
		return refused{received.StatusCode, text}
	}
	return json.Unmarshal(text, result)
}

// lastPart returns the label of "0.900000:2:apple".
func lastPart(text string) string { return text[strings.LastIndex(text, ":")+1:] }

// best returns the index of the highest score, which is the label of a digit.
func best(scores []float32) string {
	highest := 0
	for index, score := range scores {
		if score > scores[highest] {
			highest = index
		}
	}
	return strconv.Itoa(highest)
}
