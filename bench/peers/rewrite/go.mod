module kubeflow-openshift-bench-rewrite

go 1.24.0
