// The peer: the same rewrite on sigs.k8s.io/controller-runtime, written as its users write webhooks.
//
// Objects are decoded as unstructured, so that fields this program does not know survive: a typed StatefulSet would
// gain a status in its patch and lose what is newer than its API. HTTP/2 is off, as kubebuilder's scaffold has it.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	rewrite "kubeflow-openshift-bench-rewrite"
)

func mutate(ctx context.Context, request admission.Request) admission.Response {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(request.Object.Raw); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	changes := rewrite.Object(object.Object)
	changed, err := object.MarshalJSON()
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	// One line per review, as we write one.
	ctrl.Log.Info("reviewed", "uid", request.UID, "kind", request.Kind.Kind, "namespace", request.Namespace,
		"name", request.Name, "operation", request.Operation, "changes", changes)
	return admission.PatchResponseFromRaw(request.Object.Raw, changed)
}

// noMapper maps nothing: the default one would ask an API server.
func noMapper(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	return meta.NewDefaultRESTMapper(nil), nil
}

func main() {
	host := flag.String("host", "127.0.0.1", "address to listen on")
	port := flag.Int("port", 9443, "HTTPS port")
	certificates := flag.String("certificates", "", "folder with tls.crt and tls.key")
	metrics := flag.String("metrics", "127.0.0.1:0", "address of /metrics")
	flag.Parse()

	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	options := webhook.Options{
		Host: *host, Port: *port, CertDir: *certificates,
		TLSOpts: []func(*tls.Config){func(config *tls.Config) { config.NextProtos = []string{"http/1.1"} }},
	}
	// The manager never speaks to an API server: it has no controllers, and nothing here reads its cache.
	running, err := ctrl.NewManager(&rest.Config{Host: "https://127.0.0.1:1"}, manager.Options{
		Metrics:        server.Options{BindAddress: *metrics},
		WebhookServer:  webhook.NewServer(options),
		MapperProvider: noMapper,
	})
	if err != nil {
		ctrl.Log.Error(err, "no manager")
		os.Exit(1)
	}
	running.GetWebhookServer().Register("/mutate", &webhook.Admission{Handler: admission.HandlerFunc(mutate)})
	if err := running.Start(ctrl.SetupSignalHandler()); err != nil {
		ctrl.Log.Error(err, "ended")
		os.Exit(1)
	}
}
