# Two stages: build tools are not in the image. It runs as any UID with group 0, as OpenShift assigns one.
# BASE is Red Hat's UBI 9 with Python 3.12 (ubi9/python-312-minimal) by digest, for reproducible builds:
#   make image BASE=NAME@sha256:DIGEST
ARG BASE

FROM ${BASE} AS build
USER 0
COPY requirements.lock /build/
# What is uninstalled is never imported: the asynchronous half of `kubernetes` with what it needs, and optional parts of
# rich, cffi and pydantic. tests/deploy/test_image.py holds that nothing else is so.
RUN python3 -m venv /opt/webhook \
 && /opt/webhook/bin/pip install --no-cache-dir --no-compile --require-hashes --only-binary :all: -r /build/requirements.lock \
 && /opt/webhook/bin/pip uninstall --yes aiohappyeyeballs aiohttp aiohttp-retry aiosignal attrs frozenlist multidict \
    propcache yarl markdown-it-py mdurl pycparser pygments tzdata setuptools pip \
 && rm -rf /opt/webhook/lib/python3*/site-packages/kubernetes/aio \
 && find /opt/webhook -name __pycache__ -prune -exec rm -rf {} +
COPY webhook /opt/webhook/app/webhook
COPY certs /opt/webhook/app/certs

FROM ${BASE}
LABEL name="kubeflow-openshift" \
      summary="Makes unmodified Kubeflow manifests run under OpenShift's SCCs" \
      org.opencontainers.image.title="kubeflow-openshift" \
      org.opencontainers.image.description="Makes unmodified Kubeflow manifests run under OpenShift's SCCs" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 0
# Remove the base's pip and the wheel from which `venv` would install another. The layer below and the rpm database still
# list them. To avoid that, build both stages on ubi-minimal with the rpm python3.12; then one digest no longer pins all.
RUN find / -xdev -depth \( -path '*/site-packages/pip' -o -path '*/site-packages/pip-*' -o -path '*/bin/pip*' \
      -o -name 'pip-*.whl' \) -exec rm -rf {} +
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
