// Apply objects to a cluster as Flux's kustomize-controller does, or compare them with it.
//
// The argument is apply or compare. A JSON list of objects comes on standard input; the cluster is KUBECONFIG's. Printed
// is the number of objects by what became of them: created, configured, unchanged.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func main() {
	var objects []*unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		log.Fatal(err)
	}
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.QPS, config.Burst = 200, 200
	owner := ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"}
	cluster := must(client.New(config, client.Options{}))
	for _, obj := range objects {
		if !must(cluster.IsObjectNamespaced(obj)) {
			obj.SetNamespace("") // upstream writes one for some kinds that have none
		}
	}
	manager := ssa.NewResourceManager(cluster, nil, owner)
	seen, ctx := map[string]int{}, context.Background()
	if os.Args[1] == "apply" {
		for _, entry := range must(manager.ApplyAll(ctx, objects, ssa.DefaultApplyOptions())).Entries {
			seen[string(entry.Action)]++
		}
	} else {
		for _, obj := range objects {
			entry, _, _, err := manager.Diff(ctx, obj, ssa.DefaultDiffOptions())
			if err != nil {
				log.Fatal(err)
			}
			seen[string(entry.Action)]++
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
