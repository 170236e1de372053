module kubeflow-openshift-bench-load

go 1.25.0
