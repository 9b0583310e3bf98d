// Command call sends points to pca and a picture to classify, by proxied gRPC.
//
// It calls OnInvoke on its own sidecar, with the app's name in the metadata: the only way that passes the
// deadline on to the app and has the sidecar retry.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	common "github.com/dapr/dapr/pkg/proto/common/v1"
	runtime "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/anypb"
)

// The sidecars limit the size of messages; gRPC's default limit, 4 MiB, is lower.
const maxMessage = 32 << 20

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run . ../points/iris.csv ../../services/classify/samples/coffee.jpg")
	}
	port := os.Getenv("DAPR_GRPC_PORT")
	if port == "" {
		port = "3511"
	}
	connection, err := grpc.NewClient("127.0.0.1:"+port,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	mesh := runtime.NewAppCallbackClient(connection)

	plot := invoke(mesh, "pca", "plot", "text/csv", os.Args[1])
	fmt.Printf("plot: %s, %d bytes\n", plot.ContentType, len(plot.Data.Value))

	var answer struct {
		Labels []struct {
			Label       string
			Probability float64
		}
	}
	picture := invoke(mesh, "classify", "classify", "image/jpeg", os.Args[2])
	if err := json.Unmarshal(picture.Data.Value, &answer); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("label: %s, p = %.3f\n", answer.Labels[0].Label, answer.Labels[0].Probability)
}

// invoke sends a file to a method of an app and returns the answer.
func invoke(mesh runtime.AppCallbackClient, app, method, contentType, path string) *common.InvokeResponse {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "dapr-app-id", app)
	answer, err := mesh.OnInvoke(ctx, &common.InvokeRequest{
		Method:      method,
		Data:        &anypb.Any{Value: content},
		ContentType: contentType,
	})
	if err != nil {
		log.Fatalf("%s of %s: %v", method, app, err)
	}
	return answer
}
