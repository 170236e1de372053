# Two stages: what builds does not ship. Any UID with group 0 runs it, as OpenShift assigns one.
# Red Hat's UBI 9 with Python 3.12. podman knows the short name; pin a digest: --build-arg BASE=NAME@sha256:DIGEST
ARG BASE=ubi9/python-312-minimal

FROM ${BASE} AS build
USER 0
COPY requirements.lock /build/
RUN python3 -m venv /opt/webhook \
 && /opt/webhook/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /build/requirements.lock \
 && /opt/webhook/bin/pip uninstall --yes pip \
 && find /opt/webhook -name __pycache__ -prune -exec rm -rf {} +
COPY webhook /opt/webhook/app/webhook
COPY certs /opt/webhook/app/certs

FROM ${BASE}
LABEL org.opencontainers.image.title="kubeflow-openshift" \
      org.opencontainers.image.description="Makes unmodified Kubeflow manifests run under OpenShift's SCCs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=1001:0 /opt/webhook /opt/webhook
ENV PATH=/opt/webhook/bin:$PATH \
    PYTHONPATH=/opt/webhook/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
USER 1001
EXPOSE 8443 8080
ENTRYPOINT ["python3", "-m", "webhook"]
CMD ["serve"]
