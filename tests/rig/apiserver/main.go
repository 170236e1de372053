// Command kube-apiserver is Kubernetes' API server with OpenShift's admission of
// pods by SecurityContextConstraints (SCC) where OpenShift has it: right before
// MutatingAdmissionWebhook. It takes kube-apiserver's flags and nothing else.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccadmission"
	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/admission"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/metrics/prometheus/workqueue"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kube-apiserver:", err)
		os.Exit(1)
	}
}

// run does what Kubernetes' own command does, whose options cannot be reached from outside.
func run(args []string) error {
	server := options.NewServerRunOptions()
	insertSCC(server.Admission.GenericAdmission)

	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags.Usage = func() {} // a mistyped flag is one line of log, not all the others
	sets := server.Flags()
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	globals := server.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := globals.Set(); err != nil {
		return err
	}
	features := globals.FeatureGateFor(compatibility.DefaultKubeComponent)
	if err := logsapi.ValidateAndApply(server.Logs, features); err != nil {
		return err
	}
	ctx := genericapiserver.SetupSignalContext()
	completed, err := server.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return utilerrors.NewAggregate(errs)
	}
	return app.Run(ctx, completed)
}

// insertSCC gives the plugin its place in the chain. What is registered and has a
// place is on, unless --disable-admission-plugins names it.
func insertSCC(chain *genericoptions.AdmissionOptions) {
	chain.Plugins.Register(sccadmission.PluginName, func(io.Reader) (admission.Interface, error) {
		return scc{sccadmission.NewConstraint()}, nil
	})
	order := slices.Clone(chain.RecommendedPluginOrder)
	webhooks := slices.Index(order, "MutatingAdmissionWebhook")
	chain.RecommendedPluginOrder = slices.Insert(order, webhooks, sccadmission.PluginName)
}
