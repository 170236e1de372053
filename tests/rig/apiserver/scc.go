package main

import (
	"context"
	"os"
	"time"
	_ "unsafe" // for go:linkname

	securityv1 "github.com/openshift/api/security/v1"
	"github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccadmission"
	"github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccdefaults"
	listers "github.com/openshift/client-go/security/listers/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	coreapi "k8s.io/kubernetes/pkg/apis/core"
)

// once makes SCC leave alone what a webhook changed after it, as OpenShift 4.2 did:
// Kubernetes 1.14 had no reinvocation.
var once = os.Getenv("SCC_ADMIT_ONCE") != ""

// required are the SCCs without which the plugin rejects every pod: a private variable of it.
//
//go:linkname required github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccadmission.standardSCCNames
var required sets.String

func init() {
	if once { // 4.2 had none of these, and its plugin did not wait for them
		required.Delete("hostnetwork-v2", "nonroot-v2", "restricted-v2")
	}
}

// constraint names the parts of OpenShift's plugin, whose type is private, that the server looks for.
type constraint interface {
	admission.MutationInterface
	admission.ValidationInterface
	initializer.WantsAuthorizer
	initializer.WantsExternalKubeInformerFactory
	sccadmission.WantsSecurityInformer
}

// scc is OpenShift's plugin with what other parts of OpenShift would bring it:
// ranges for each namespace, and a cache of the SCC objects.
type scc struct{ constraint }

// Admit precedes the plugin's own.
func (s scc) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if once && a.GetReinvocationContext().IsReinvoke() {
		return nil
	}
	if namespace, ok := a.GetObject().(*coreapi.Namespace); ok && a.GetOperation() == admission.Create {
		allocate(namespace)
	}
	return s.constraint.Admit(ctx, a, o)
}

// SetDynamicClient is called by the server; it is what makes a plugin a WantsDynamicClient.
func (s scc) SetDynamicClient(client dynamic.Interface) {
	resource := securityv1.GroupVersion.WithResource("securitycontextconstraints")
	informer := dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(resource).Informer()
	utilruntime.Must(informer.SetTransform(typed))
	s.SetSecurityInformers(objects{informer})

	// An informer that starts before the resource exists backs off, for up to half a minute; so
	// does a single request to a server that starts, for five seconds.
	go func() {
		ctx := context.Background()
		_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
			return err == nil, nil
		})
		informer.Run(ctx.Done())
	}()
}

// typed is an object of the dynamic informer as the plugin wants it, with the defaults
// that OpenShift's API sets and a custom resource does not.
func typed(object any) (any, error) {
	read, ok := object.(*unstructured.Unstructured)
	if !ok { // a tombstone
		return object, nil
	}
	constraints := &securityv1.SecurityContextConstraints{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(read.Object, constraints); err != nil {
		return nil, err
	}
	sccdefaults.SetDefaults_SCC(constraints)
	return constraints, nil
}

// objects lends the informer the interface of OpenShift's generated one.
type objects struct{ cache.SharedIndexInformer }

func (o objects) Informer() cache.SharedIndexInformer { return o.SharedIndexInformer }

func (o objects) Lister() listers.SecurityContextConstraintsLister {
	return listers.NewSecurityContextConstraintsLister(o.GetIndexer())
}
