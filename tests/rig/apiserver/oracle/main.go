// Command scc-oracle asks OpenShift's own code, without a cluster, which SCC admits
// each pod, as what, and what the others hold against it. It reads JSON questions
// until the end of its input, and answers with one line of JSON for each pod.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	securityv1 "github.com/openshift/api/security/v1"
	"github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccdefaults"
	"github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/sccmatching"
	sccsort "github.com/openshift/apiserver-library-go/pkg/securitycontextconstraints/util/sort"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	coreapi "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
)

// question holds pods of one namespace, and the SCCs that their service account may use.
type question struct {
	Namespace metav1.ObjectMeta
	SCCs      []*securityv1.SecurityContextConstraints
	Pods      []json.RawMessage
}

// answer names the SCC that admits a pod, each SCC's objections, and the pod as it was admitted.
type answer struct {
	AdmittedBy *string             `json:"admittedBy"`
	Verdicts   map[string][]string `json:"verdicts"`
	Pod        json.RawMessage     `json:"pod,omitempty"`
}

type provider = sccmatching.SecurityContextConstraintsProvider

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scc-oracle:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	buffered := bufio.NewWriter(out)
	questions, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(buffered)
	for {
		var asked question
		if err := questions.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		providers, err := inOrder(asked)
		if err != nil {
			return err
		}
		for i, sent := range asked.Pods {
			answered, err := judge(sent, providers)
			if err != nil {
				return fmt.Errorf("pods[%d]: %w", i, err)
			}
			if err := answers.Encode(answered); err != nil {
				return err
			}
		}
	}
}

// inOrder returns the SCCs ready for use in the namespace, in the order in which the plugin tries them.
func inOrder(asked question) ([]provider, error) {
	for _, scc := range asked.SCCs {
		sccdefaults.SetDefaults_SCC(scc)
	}
	sort.Sort(sccsort.ByPriority(asked.SCCs))
	var providers []provider
	for _, scc := range asked.SCCs {
		made, err := sccmatching.CreateProviderFromConstraint(&corev1.Namespace{ObjectMeta: asked.Namespace}, scc)
		if err != nil {
			return nil, fmt.Errorf("scc %s: %w", scc.Name, err)
		}
		providers = append(providers, made)
	}
	return providers, nil
}

// judge does for one pod what the plugin does on creation, but does not stop at the first SCC that admits it.
func judge(sent json.RawMessage, providers []provider) (*answer, error) {
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	decoded, _, err := legacyscheme.Codecs.UniversalDecoder().Decode(sent, &kind, nil)
	if err != nil {
		return nil, err
	}
	pod, ok := decoded.(*coreapi.Pod)
	if !ok {
		return nil, fmt.Errorf("not a pod: %T", decoded)
	}
	if pod.Spec.OS != nil && pod.Spec.OS.Name == coreapi.Windows {
		return nil, errors.New("the plugin leaves Windows pods alone")
	}
	answered := &answer{Verdicts: map[string][]string{}}
	required := pod.Annotations[securityv1.RequiredSCCAnnotation]
	if required != "" {
		answered.Verdicts[required] = []string{"not usable by user or serviceaccount"}
	}
	for _, scc := range providers {
		name := scc.GetSCCName()
		if required != "" && required != name {
			continue
		}
		assigned, objections := pod.DeepCopy(), []string{}
		path := field.NewPath(fmt.Sprintf("provider %s: ", name))
		for _, objection := range sccmatching.AssignSecurityContext(scc, assigned, path) {
			objections = append(objections, objection.Error())
		}
		answered.Verdicts[name] = objections
		if len(objections) > 0 || answered.AdmittedBy != nil {
			continue
		}
		answered.AdmittedBy = &name
		metav1.SetMetaDataAnnotation(&assigned.ObjectMeta, securityv1.ValidatedSCCAnnotation, name)
		answered.Pod, err = runtime.Encode(legacyscheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion), assigned)
		if err != nil {
			return nil, err
		}
	}
	return answered, nil
}
