// Compare objects with a cluster as Argo CD does, by default and with ServerSideDiff.
//
// A JSON list of objects comes on standard input; the cluster is KUBECONFIG's. Printed is, for each mode, the number of
// objects that differ, by kind.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kube-openapi/pkg/util/proto"
)

const manager = "argocd-controller"

type cluster struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

func (c cluster) resource(obj *unstructured.Unstructured) dynamic.ResourceInterface {
	kind := obj.GroupVersionKind()
	mapping := must(c.mapper.RESTMapping(kind.GroupKind(), kind.Version))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.client.Resource(mapping.Resource).Namespace(obj.GetNamespace())
	}
	obj.SetNamespace("") // upstream writes one for some kinds that have none
	return c.client.Resource(mapping.Resource)
}

// Run is the dry run of ServerSideDiff.
func (c cluster) Run(ctx context.Context, obj *unstructured.Unstructured, manager string) (string, error) {
	force := true
	options := v1.PatchOptions{DryRun: []string{v1.DryRunAll}, Force: &force, FieldManager: manager}
	body, err := json.Marshal(obj)
	if err != nil {
		return "", err
	}
	found, err := c.resource(obj).Patch(ctx, obj.GetName(), types.ApplyPatchType, body, options)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(found)
	return string(text), err
}

func main() {
	var objects []*unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		log.Fatal(err)
	}
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.QPS, config.Burst = 200, 200
	finder := discovery.NewDiscoveryClientForConfigOrDie(config)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder))
	here := cluster{dynamic.NewForConfigOrDie(config), mapper}
	parser := must(managedfields.NewGVKParser(must(proto.NewOpenAPIData(must(finder.OpenAPISchema()))), false))
	common := []diff.Option{
		diff.WithManager(manager), diff.WithGVKParser(parser), diff.IgnoreAggregatedRoles(true), diff.WithLogr(logr.Discard()),
	}
	modes := map[string][]diff.Option{
		"by default":          common,
		"with ServerSideDiff": append(common[:len(common):len(common)], diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(here)),
	}
	differ := map[string]map[string]int{}
	for mode, options := range modes {
		differ[mode] = map[string]int{}
		for _, obj := range objects {
			live := must(here.resource(obj).Get(context.Background(), obj.GetName(), v1.GetOptions{}))
			if must(diff.Diff(obj.DeepCopy(), live, options...)).Modified {
				differ[mode][obj.GetKind()]++
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(differ); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
