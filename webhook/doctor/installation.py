"""Diagnose the installation: registered, trusted, reachable, and protected by a NetworkPolicy."""

import base64
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from certs import authority
from webhook import VERSION
from webhook.doctor.state import SECRET, State
from webhook.objects.model import Object, lookup, mapping, sequence
from webhook.registration.configuration import NAME, configuration
from webhook.rules.registry import Rule
from webhook.settings.scopes import NAMESPACE, SCOPES, SCOPES_0_7

HOST: Final = f"{NAMESPACE}.{NAMESPACE}.svc"
PORT: Final = 8443
ISSUERS: Final = {
    # the prefix of an issuer's annotations: its overlay, and the command that has it write the CA bundle
    "service.beta.openshift.io/": ("openshift", "oc -n openshift-service-ca rollout restart deployment/service-ca"),
    "cert-manager.io/": ("cert-manager", "oc -n cert-manager rollout restart deployment/cert-manager-cainjector"),
}
CONFIGURE: Final = f"oc -n {NAMESPACE} edit configmap {NAMESPACE}"
COMPONENTS: Final[dict[str, Object]] = {
    "without-match-conditions": {"matchConditions": None},
    "all-ignore": {"failurePolicy": "Ignore"},
}
"""What components of deploy/ set in every entry."""
KEEPER: Final = ("self-managed", "python -m certs ensure --once")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found, and the one command that fixes it."""

    check: str
    says: str
    command: str | None = None
    """None if nothing is wrong; "" if no command fixes it."""


def registered(state: State, rules: Iterable[Rule]) -> Iterator[Diagnosis]:
    """Compare the webhook configuration with the one that this version registers."""
    overlay = _issuer(state)[0]
    entries = {each["name"]: each for each in entries_of(state)}
    if not entries:
        says = f"MutatingWebhookConfiguration {NAME} does not exist or is empty: the webhook is never asked"
        yield Diagnosis("registered", says, _apply(overlay))
        return
    found = {names: list(_differences(entries, wanted)) for names, wanted in _variants([*rules])}
    names = min(found, key=lambda names: len(found[names]))
    if different := ", ".join(found[names]):
        says = f"{NAME} is an older configuration or was edited. Different: {different}"
        yield Diagnosis("registered", says, _apply([*names, overlay][0]))
    else:
        says = f"{NAME} is as version {VERSION} registers it: {len(entries)} entries, overlay "
        yield Diagnosis("registered", says + (" and ".join(names) or overlay))


def _variants(rules: list[Rule]) -> Iterator[tuple[tuple[str, ...], list[Object]]]:
    """Yield what overlays and components register, each with the names of those that change the entries."""
    for kubeflow, scopes in (((), SCOPES), (("kubeflow-0.7",), SCOPES_0_7), (("openshift-4.2",), SCOPES_0_7[1:])):
        entries = configuration(rules, scopes, legacy=scopes not in (SCOPES, SCOPES_0_7))["webhooks"]
        for count in range(len(COMPONENTS) + 1):
            for chosen in itertools.combinations(COMPONENTS, count):
                fields = {key: value for name in chosen for key, value in COMPONENTS[name].items()}
                yield (*kubeflow, *chosen), [{**entry, **fields} for entry in entries]


def _differences(entries: Mapping[str, Object], wanted: list[Object]) -> Iterator[str]:
    """Yield the entries that are missing, unknown or different, each with its fields that differ."""
    by_name = {each["name"]: each for each in wanted}
    for name in {**by_name, **entries}:
        short, here, there = name.removesuffix(f".{NAMESPACE}.io"), entries.get(name), by_name.get(name)
        if here is None or there is None:
            yield f"{short} ({'missing' if here is None else 'unknown'})"
        elif fields := [key for key in (*there, *DEFAULTED) if _comparable(here, key) != _comparable(there, key)]:
            yield f"{short} ({', '.join(fields)})"


DEFAULTED: Final = ("namespaceSelector", "objectSelector", "matchConditions")
"""Fields whose value selects nothing where an entry leaves them out."""


def _comparable(entry: Object, key: str) -> Any:
    """Return a field without what the API server and the issuer of the certificate add."""
    value = entry.get(key) or None
    if key != "clientConfig":
        return value
    return {"port": 443, **mapping(entry, (key, "service"))}


def trusted(state: State, now: dt.datetime) -> Iterator[Diagnosis]:
    """Compare the CA bundles with the serving certificate in the Secret."""
    bundles = [_certificates(lookup(each, ("clientConfig", "caBundle"))) for each in entries_of(state)]
    overlay, renew = _issuer(state)
    if empty := sum(not bundle for bundle in bundles):
        says = f"{empty} of {len(bundles)} entries have no caBundle: the API server does not trust the webhook"
        yield Diagnosis("trusted", says, renew)
    if not state.has("secrets"):
        return
    replace = renew if overlay == KEEPER[0] else f"oc -n {NAMESPACE} delete secret {SECRET}"
    data = mapping(state.one("secrets"), ("data",))
    chain = _certificates(data.get("tls.crt") or data.get("serving.pem"))
    if not chain:
        absent = renew if overlay == KEEPER[0] else _apply(overlay)
        yield Diagnosis("trusted", f"Secret {SECRET} has no serving certificate", absent)
    elif chain[0].not_valid_after_utc < now:
        says = f"the serving certificate expired at {chain[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        yield Diagnosis("trusted", says, replace)
    elif HOST not in authority.hosts_of(chain[0]):
        yield Diagnosis("trusted", f"the serving certificate is not for {HOST}", replace)
    elif wrong := sum(bool(bundle) and not _verifies(bundle, chain, now) for bundle in bundles):
        says = f"the caBundle of {wrong} of {len(bundles)} entries does not verify the serving certificate"
        yield Diagnosis("trusted", says, replace)
    elif bundles and not empty:
        says = f"every caBundle verifies the serving certificate, valid until {chain[0].not_valid_after_utc:%Y-%m-%d}"
        yield Diagnosis("trusted", says)


def _certificates(text: Any) -> tuple[authority.Certificate, ...]:
    try:
        return authority.certificates(base64.b64decode(text or "", validate=True))
    except ValueError:
        return ()


def _verifies(
    bundle: tuple[authority.Certificate, ...], chain: Iterable[authority.Certificate], now: dt.datetime
) -> bool:
    """Check whether a CA bundle verifies the first certificate of a chain, directly or through the others."""
    leaf, *others = chain
    trust = [ca for ca in bundle if ca.not_valid_after_utc > now]
    for _ in others:
        trust += [each for each in others if any(authority.issued(ca, each) for ca in trust) and each not in trust]
    return leaf in trust or any(authority.issued(ca, leaf) for ca in trust)


def reachable(state: State) -> Iterator[Diagnosis]:
    """Check that the Service leads to pods that are ready."""
    overlay, server = _issuer(state)[0], state.one("servers")
    missing = [kind for kind, key in (("Service", "services"), ("Deployment", "servers")) if not state.one(key)]
    if missing:
        says = f"{' and '.join(missing)} {NAMESPACE} in namespace {NAMESPACE} do not exist"
        yield Diagnosis("reachable", says, _apply(overlay))
        return
    endpoints = [each for piece in state.objects["endpointslices"] for each in piece.get("endpoints") or ()]
    ready = sum(lookup(each, ("conditions", "ready")) is not False for each in endpoints)
    available, wanted = lookup(server, ("status", "availableReplicas")) or 0, lookup(server, ("spec", "replicas"))
    says = f"{available} of {wanted} replicas available, {ready} ready endpoints"
    if ready and available:
        yield Diagnosis("reachable", says)
        return
    conditions = lookup(server, ("status", "conditions")) or ()
    why = [str(each.get("message")) for each in conditions if each.get("type") == "ReplicaFailure"]
    command = f"oc -n {NAMESPACE} describe pods -l app.kubernetes.io/name={NAMESPACE}"
    if wanted == 0:
        command = f"oc -n {NAMESPACE} scale deployment/{NAMESPACE} --replicas=2"
    yield Diagnosis("reachable", ". ".join([f"no replica can be called: {says}", *why]), command)


def protected(state: State) -> Iterator[Diagnosis]:
    """Check that a NetworkPolicy selects the webhook's pods and admits callers of its port."""
    default = {"app.kubernetes.io/name": NAMESPACE}
    labels = lookup(state.one("servers"), ("spec", "template", "metadata", "labels")) or default
    specs = [each["spec"] for each in state.objects["networkpolicies"]]
    ours = [spec for spec in specs if selects(spec["podSelector"], labels) and "Ingress" in spec["policyTypes"]]
    rules = [rule for spec in ours for rule in spec.get("ingress") or () if _opens(rule)]
    command = _apply(_issuer(state)[0])
    if not ours:
        says = "no NetworkPolicy selects the webhook's pods: every pod may call them"
        yield Diagnosis("network policy", says, command)
    elif not any(_admits(rule, state) for rule in rules):
        says = f"the NetworkPolicy admits no caller of port {PORT} that exists: the API server is shut out"
        yield Diagnosis("network policy", says, command)
    else:
        says = f"a NetworkPolicy selects the webhook's pods and admits callers of port {PORT}"
        yield Diagnosis("network policy", f"{says}. Nothing here shows whether the network enforces it")


def _opens(rule: Object) -> bool:
    ports = sequence(rule, ("ports",)) or [{}]
    return any(
        each.get("port") in (None, PORT, "https") or (each.get("endPort", 0) >= PORT >= each["port"]) for each in ports
    )


def _admits(rule: Object, state: State) -> bool:
    spaces = [mapping(each, ("metadata", "labels")) for each in state.objects.get("namespaces", ())]
    peers = [each.get("namespaceSelector") for each in rule.get("from") or () if "ipBlock" not in each]
    elsewhere = len(peers) < len(rule.get("from") or ()) or not spaces
    return not rule.get("from") or elsewhere or any(selects(peer, each) for peer in peers if peer for each in spaces)


def selects(selector: Object, labels: Mapping[str, Any]) -> bool:
    """Check whether a label selector selects something with these labels."""
    exact = mapping(selector, ("matchLabels",)).items() <= dict(labels).items()
    return exact and all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _holds(requirement: Object, labels: Mapping[str, Any]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool((key in labels) == (operator == "Exists"))
    return bool((labels.get(key) in requirement["values"]) == (operator == "In"))


def entries_of(state: State) -> list[Object]:
    """Return the entries of the registered webhook configuration."""
    return state.one("configurations").get("webhooks") or []


def _issuer(state: State) -> tuple[str, str]:
    """Return the overlay of the certificate's issuer, and the command that has it write the CA bundle."""
    seen = [state.one(key) for key in ("configurations", "services", "secrets")]
    marks = [" ".join(mapping(each, ("metadata", "annotations"))) for each in seen]
    for prefix, (overlay, renew) in ISSUERS.items():
        if any(prefix in each for each in marks):
            return overlay, renew if prefix in marks[0] else _apply(overlay)
    return KEEPER if any(seen) else ("openshift", "")


def _apply(overlay: str) -> str:
    return f"oc apply -k deploy/overlays/{overlay}"
