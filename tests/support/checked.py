"""Manifests that `check` reports on: one saved with a warning, one that stays rejected, one of an unknown kind."""

TEMPLATE = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: NAME
  namespace: kubeflow
spec:
  template:
    spec:
      serviceAccountName: ACCOUNT
      securityContext:
        fsGroup: 999
      containers:
      - name: main
        image: example
        securityContext:
          runAsUser: 999
      volumes:
      - name: data
        VOLUME
"""
MYSQL = TEMPLATE.replace("NAME", "mysql").replace("VOLUME", "persistentVolumeClaim: {claimName: data}")
AGENT = TEMPLATE.replace("NAME", "agent").replace("VOLUME", "hostPath: {path: /}")
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: canary, namespace: kubeflow}
spec:
  template:
    spec: {containers: [{name: main, image: example}]}
"""
