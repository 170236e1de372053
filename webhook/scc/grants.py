"""Find who may use which SCC, from bindings, roles, and the users and groups listed in SCCs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from webhook.objects.model import Object, lookup, mapping, sequence
from webhook.scc.defaults import SCCS, SINCE, Scc, of_version

OF_SCC: Final = "system:openshift:scc:"
EVERYTHING: Final = "*"


@dataclass(slots=True)
class Grants:
    """SCC names by NAMESPACE/SERVICEACCOUNT, user or group; `*` is every SCC."""

    sccs: dict[str, Scc] = field(default_factory=lambda: dict(SCCS))
    everyone: tuple[str, ...] = ("restricted-v2",)
    granted: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, everyone: Iterable[str]) -> "Grants":
        """Return the grants of a cluster where everyone may use these SCCs, with the default SCCs that it has.

        OpenShift lets everyone use restricted-v2 since it has that; where it is restricted alone, it is older.
        """
        everyone = tuple(everyone)
        older = "restricted" in everyone and not SINCE.keys() & everyone
        return cls(of_version(SINCE["restricted-v2"] - 1) if older else dict(SCCS), everyone)

    def usable(self, namespace: str, account: str) -> list[Scc]:
        """Return the SCCs that a service account may use."""
        groups = ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        names = set(self.everyone).union(*(self.granted.get(who, ()) for who in (f"{namespace}/{account}", *groups)))
        return [scc for name, scc in self.sccs.items() if name in names or EVERYTHING in names]

    def grant(self, who: str, names: Iterable[str]) -> None:
        """Allow an account or group to use SCCs."""
        self.granted.setdefault(who, set()).update(names)


def read(objects: Iterable[Object], grants: Grants) -> None:
    """Add the SCCs and grants in manifests. Raises UnknownShape."""
    objects = list(objects)
    roles: dict[tuple[str, str, str], set[str]] = {}
    for obj in objects:
        kind, name = str(obj.get("kind")), str(lookup(obj, ("metadata", "name")))
        if kind == "SecurityContextConstraints":
            grants.sccs[name] = obj
            for user in obj.get("users") or ():
                grants.grant(_account(str(user)), [name])
            for group in obj.get("groups") or ():
                grants.grant(str(group), [name])
        elif kind in ("Role", "ClusterRole"):
            roles[kind, _namespace(obj) if kind == "Role" else "", name] = _sccs_of_role(obj)
    for obj in objects:
        if str(obj.get("kind")) not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        reference = mapping(obj, ("roleRef",))
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        names = roles.get((kind, _namespace(obj) if kind == "Role" else "", name)) or _known_role(name)
        for subject in sequence(obj, ("subjects",)) if names else ():
            grants.grant(_subject(subject, _namespace(obj)), names)


def _known_role(name: str) -> set[str]:
    """Return the SCCs that one of OpenShift's default roles grants."""
    if name == "cluster-admin":
        return {EVERYTHING}
    return {name.removeprefix(OF_SCC)} if name.startswith(OF_SCC) else set()


def _sccs_of_role(role: Object) -> set[str]:
    found: set[str] = set()
    for rule in sequence(role, ("rules",)):
        needed = (("apiGroups", "security.openshift.io"), ("resources", "securitycontextconstraints"), ("verbs", "use"))
        if all({value, EVERYTHING} & set(_strings(rule.get(key))) for key, value in needed):
            found |= set(_strings(rule.get("resourceNames"))) or {EVERYTHING}
    return found


def _subject(subject: Object, namespace: str) -> str:
    name = str(subject.get("name"))
    if subject.get("kind") == "ServiceAccount":
        return f"{subject.get('namespace') or namespace}/{name}"
    return _account(name)


def _account(user: str) -> str:
    """Return a service account's user name as NAMESPACE/NAME."""
    prefix = "system:serviceaccount:"
    return user.removeprefix(prefix).replace(":", "/", 1) if user.startswith(prefix) else user


def _namespace(obj: Object) -> str:
    return str(lookup(obj, ("metadata", "namespace")) or "")


def _strings(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
