// Command app is an app of your own: it calls pca and classify, and receives the event of each call.
//
// It needs the standard library and a sidecar; "From your own app" in the README starts both.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	sidecar = "http://127.0.0.1:" + os.Getenv("DAPR_HTTP_PORT") // dapr run sets it
	address = "127.0.0.1:" + os.Getenv("APP_PORT")              // --app-port
	waiting sync.Map                                            // a call's trace id: the channel for its event
)

// An event is what became of a call.
type event struct {
	Traceparent string
	Data        struct{ Service, Method, Outcome string }
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: go run main.go POINTS PICTURE")
	}
	if os.Getenv("DAPR_HTTP_PORT") == "" {
		fail("DAPR_HTTP_PORT is not set; start this by dapr run, as the README says")
	}
	// What the sidecar wants of the app: which topics, then to take their events.
	http.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"pubsubname": "pubsub", "topic": "results", "route": "/results"}]`)
	})
	http.HandleFunc("POST /results", func(w http.ResponseWriter, r *http.Request) {
		var received event
		if err := json.NewDecoder(r.Body).Decode(&received); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// Those of others' calls come too, and are acknowledged as well.
		if parts := strings.Split(received.Traceparent, "-"); len(parts) > 1 {
			if channel, ours := waiting.LoadAndDelete(parts[1]); ours {
				channel.(chan event) <- received
			}
		}
		fmt.Fprint(w, `{"status": "SUCCESS"}`)
	})
	go func() { fail(http.ListenAndServe(address, nil)) }()
	waitForSidecar(20 * time.Second)

	kind, plot, first := invoke("pca", "plot", "text/csv", os.Args[1])
	fmt.Printf("plot: %s, %d bytes\n", kind, len(plot))
	_, body, second := invoke("classify", "classify", "image/*", os.Args[2])
	var answer struct {
		Labels []struct {
			Label       string
			Probability float64
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		fail(err)
	}
	fmt.Printf("label: %s, p = %.3f\n", answer.Labels[0].Label, answer.Labels[0].Probability)

	for _, channel := range []chan event{first, second} {
		select {
		case it := <-channel:
			fmt.Printf("event: %s/%s %s\n", it.Data.Service, it.Data.Method, it.Data.Outcome)
		case <-time.After(30 * time.Second):
			fail("no event within 30 s; does --resources-path have the pubsub of the mesh?")
		}
	}
}

// invoke sends a file to a method of an app and returns the type and the body of the answer, and where its event comes.
func invoke(app, method, contentType, path string) (string, []byte, chan event) {
	content, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	url := fmt.Sprintf("%s/v1.0/invoke/%s/method/%s?timeout=20", sidecar, app, method)
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(content))
	if err != nil {
		fail(err)
	}
	trace, channel := random(16), make(chan event, 1)
	waiting.Store(trace, channel)
	request.Header.Set("content-type", contentType)
	request.Header.Set("traceparent", fmt.Sprintf("00-%s-%s-01", trace, random(8)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fail(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		fail(err)
	}
	if answer.StatusCode != http.StatusOK {
		fail(fmt.Sprintf("%s/%s: %s %s", app, method, answer.Status, body))
	}
	return answer.Header.Get("content-type"), body, channel
}

// waitForSidecar returns when the sidecar can be called; an app that listens is started before it is ready.
func waitForSidecar(limit time.Duration) {
	for deadline := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		answer, err := http.Get(sidecar + "/v1.0/healthz/outbound")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode < 300 {
				return
			}
			err = errors.New(answer.Status)
		}
		if time.Now().After(deadline) {
			fail(fmt.Sprintf("no sidecar at %s (%v); its log says why", sidecar, err))
		}
	}
}

// random returns the hexadecimal digits of so many random bytes.
func random(size int) string {
	digits := make([]byte, size)
	rand.Read(digits) // never fails
	return fmt.Sprintf("%x", digits)
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
