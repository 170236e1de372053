// Rewrites the JSON objects on standard input, one after the other: what a test holds against the rules, with nothing
// to download.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	rewrite "kubeflow-openshift-bench-rewrite"
)

func main() {
	input, output := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	input.UseNumber()
	for {
		var value any
		if err := input.Decode(&value); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		object := integers(value).(map[string]any)
		rewrite.Object(object)
		if err := output.Encode(object); err != nil {
			log.Fatal(err)
		}
	}
}

// integers makes of numbers what Kubernetes' decoder makes of them.
func integers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			value[key] = integers(item)
		}
	case []any:
		for index, item := range value {
			value[index] = integers(item)
		}
	case json.Number:
		if integer, err := value.Int64(); err == nil {
			return integer
		}
	}
	return value
}
