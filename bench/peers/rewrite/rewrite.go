// Package rewrite does what kubeflow-openshift's identity rules do to the workloads that the bench measures. It is the
// least that gives the same objects, with none of what else the rules look at.
package rewrite

const (
	firstAllocated = 1_000_000_000
	lastAllocated  = 1_999_999_999
)

type object = map[string]any

// Object drops the fsGroup, users and groups that OpenShift did not allocate, in place, and counts its changes. What
// was not root must not become it.
func Object(root object) int {
	spec := child(root, "spec")
	if root["kind"] != "Pod" {
		spec = child(child(spec, "template"), "spec")
	}
	context := child(spec, "securityContext")
	changes := drop(context, "fsGroup")
	nonRoot := context["runAsNonRoot"] == true
	if foreign(context, "runAsUser") && context["runAsUser"] != int64(0) && !nonRoot {
		context["runAsNonRoot"] = true
		nonRoot = true
		changes++
	}
	changes += drop(context, "runAsUser")
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		containers, _ := spec[list].([]any)
		for _, item := range containers {
			container, _ := item.(object)
			changes += rewriteContainer(child(container, "securityContext"), nonRoot)
		}
	}
	return changes + drop(context, "runAsGroup")
}

func rewriteContainer(context object, nonRoot bool) int {
	changes := 0
	if foreign(context, "runAsUser") {
		says, said := context["runAsNonRoot"]
		if context["runAsUser"] != int64(0) && says != true && (said || !nonRoot) {
			context["runAsNonRoot"] = true
			changes++
		}
		changes += drop(context, "runAsUser")
	}
	return changes + drop(context, "runAsGroup")
}

func drop(context object, field string) int {
	if !foreign(context, field) || (field == "runAsGroup" && context[field] == int64(0)) {
		return 0
	}
	delete(context, field)
	return 1
}

func foreign(context object, field string) bool {
	id, is := context[field].(int64)
	return is && (id < firstAllocated || id > lastAllocated)
}

func child(holder object, name string) object {
	value, _ := holder[name].(object)
	return value
}
