package main

import (
	"fmt"
	"hash/fnv"

	securityv1 "github.com/openshift/api/security/v1"
	coreapi "k8s.io/kubernetes/pkg/apis/core"
)

// allocate annotates a namespace with the ranges that SCC assigns from, unless it brings
// a UID range of its own. In OpenShift a controller hands them out in turn; these have its
// size and form but follow from the name, so that every run agrees. Two names may share a range.
func allocate(namespace *coreapi.Namespace) {
	if _, ok := namespace.Annotations[securityv1.UIDRangeAnnotation]; ok {
		return
	}
	hash := fnv.New32a()
	hash.Write([]byte(namespace.Name))
	n := hash.Sum32() % 90000
	ids := fmt.Sprintf("%d/10000", 1000000000+int64(n)*10000)

	if namespace.Annotations == nil {
		namespace.Annotations = map[string]string{}
	}
	for annotation, value := range map[string]string{
		securityv1.UIDRangeAnnotation:           ids,
		securityv1.SupplementalGroupsAnnotation: ids,
		securityv1.MCSAnnotation:                fmt.Sprintf("s0:c%d,c%d", n%511+513, n%512+1),
	} {
		if _, ok := namespace.Annotations[annotation]; !ok {
			namespace.Annotations[annotation] = value
		}
	}
}
