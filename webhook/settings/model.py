"""Settings: what the configuration file may set, frozen."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

from webhook.settings.nearest import nearest

OPENSHIFT_RANGE: Final = range(1_000_000_000, 2_000_000_000)
"""What OpenShift gives namespaces by default (cluster-policy-controller: 1000000000-1999999999/10000)."""

COMPONENTS: Final = (
    *("auth", "cert-manager", "istio-system", "knative-eventing", "knative-serving", "kserve", "kubeflow"),
    *("kubeflow-system", "oauth2-proxy", "seldon-system"),
)
"""Namespaces of Kubeflow's components, 0.7 to 26.03. Tenants cannot write there."""

MOST_REPEATS: Final = 2
"""Of `*`, `+`, `{n,}` in a regular expression: on n characters it takes n**3/6 steps then, 30 ms on 256."""

LONGEST_ID: Final = 10  # digits of 2**31 - 1, the largest id there is


class SettingsError(Exception):
    """The configuration file has an invalid value at `at`."""

    def __init__(self, at: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator may configure. The defaults fit an unchanged OpenShift."""

    allocated: range = OPENSHIFT_RANGE
    everyone: tuple[str, ...] = ("restricted-v2",)
    """The SCCs that every account may use, in the order in which OpenShift tries them."""
    rules: Mapping[str, bool | Mapping[str, Any]] = field(default_factory=dict)
    exempt_namespaces: tuple[str, ...] = ("openshift-*", "kube-*")
    exempt_service_accounts: frozenset[str] = frozenset()

    def allocates(self, identity: int) -> bool:
        """Check whether OpenShift allocates this UID or GID to namespaces."""
        return identity in self.allocated

    def enables(self, rule: str, *, default: bool) -> bool:
        """Check whether a rule is on: by the file, else by its default."""
        return self.rules.get(rule, default) is not False

    def option(self, rule: str, name: str, default: str) -> str:
        """Return a rule's option as the file sets it, else its default."""
        return str(self._options(rule).get(name, default))

    def table(self, rule: str, name: str) -> Mapping[str, str]:
        """Return the entries that the file adds to a rule's own table."""
        table: Mapping[str, str] = self._options(rule).get(name) or {}
        return table

    def chooses(self, rule: str, name: str, found: Iterable[str]) -> bool:
        """Check whether a rule's list of patterns matches one of some names; a list that the file does not set does."""
        patterns = self._options(rule).get(name)
        return patterns is None or any(_matcher(tuple(patterns)).match(each) for each in found)

    def _options(self, rule: str) -> Mapping[str, Any]:
        chosen = self.rules.get(rule)
        return chosen if isinstance(chosen, Mapping) else {}

    def exempts(self, namespace: str, service_account: str | None = None) -> bool:
        """Check whether a namespace, or a service account in it, is exempt."""
        if _matcher(self.exempt_namespaces).match(namespace):
            return True
        return service_account is not None and f"{namespace}/{service_account}" in self.exempt_service_accounts


@lru_cache(3)  # of the settings that count
def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or "(?!)")


Options = Mapping[str, tuple[str, ...]]
"""A rule's options, each with its allowed values, the default first; empty for a map of strings."""
PATTERNS: Final = ("*",)
"""In place of the allowed values: the option is a list of patterns, as of exempt namespaces."""


def parse(document: Any, rules: Mapping[str, Options], sccs: Collection[str]) -> Settings:
    """Return the settings that a configuration file describes.

    `rules` has every rule's ID and options, `sccs` the names of the SCCs that are known. Raises SettingsError.
    """
    top = _require_mapping(document, (), {"allocated", "everyone", "rules", "exempt"})
    exempt = _require_mapping(top.get("exempt"), ("exempt",), {"namespaces", "serviceAccounts"})
    settings = Settings(rules=_rules(top.get("rules"), rules))
    accounts = _require_string_list(exempt, ("exempt", "serviceAccounts"), ())
    everyone = _require_string_list(top, ("everyone",), settings.everyone)
    if not everyone or not set(everyone) <= set(sccs):
        raise SettingsError(("everyone",), f"expected some of {', '.join(sorted(sccs))}, got {', '.join(everyone)}")
    if wrong := [account for account in accounts if account.count("/") != 1]:
        raise SettingsError(("exempt", "serviceAccounts"), f"expected NAMESPACE/NAME, got {wrong[0]}")
    return Settings(
        allocated=_range(top["allocated"]) if "allocated" in top else settings.allocated,
        everyone=everyone,
        rules=settings.rules,
        exempt_namespaces=_require_string_list(exempt, ("exempt", "namespaces"), settings.exempt_namespaces),
        exempt_service_accounts=frozenset(accounts),
    )


def _require_mapping(value: Any, at: tuple[str | int, ...], keys: set[str]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsError(at, "expected a mapping")
    for key in value:
        if key not in keys:
            meant = nearest(str(key), keys) or f"; expected one of {', '.join(sorted(keys))}"
            raise SettingsError((*at, key), f"unknown key{meant}")
    return value


def _rules(value: Any, known: Mapping[str, Options]) -> Mapping[str, bool | Mapping[str, Any]]:
    chosen: dict[str, bool | Mapping[str, Any]] = {}
    for rule, wanted in _require_mapping(value, ("rules",), set(known)).items():
        at = ("rules", rule)
        if isinstance(wanted, bool):
            chosen[rule] = wanted
            continue
        if wanted is None or not known[rule]:
            raise SettingsError(at, "expected true or false")
        for name, option in _require_mapping(wanted, at, set(known[rule])).items():
            allowed = known[rule][name]
            if not allowed:
                _require_string_map(option, (*at, name))
            elif allowed == PATTERNS:
                _require_string_list(wanted, (*at, name), ())
            elif option not in allowed:
                raise SettingsError((*at, name), f"expected one of {', '.join(allowed)}")
        chosen[rule] = wanted
    return chosen


def _range(value: Any) -> range:
    first, dash, last = str(value).partition("-")
    short = len(first) <= LONGEST_ID and len(last) <= LONGEST_ID
    if not (dash and short and first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last)):
        raise SettingsError(("allocated",), "expected a range like 1000000000-1999999999")
    return range(int(first), int(last) + 1)


def _require_string_map(value: Any, at: tuple[str | int, ...]) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise SettingsError(at, "expected a mapping of string to string")
    for key in value:
        try:
            re.compile(key)  # exact keys, of a namespace, a kind and a name, are regular expressions too
        except (re.error, OverflowError) as error:
            raise SettingsError((*at, key), f"not a regular expression: {error}") from None
        plain = re.sub(r"\\.|\[\^?\]?[^]]*\]", "x", key)  # in these, * and + are characters
        if re.search(r"\)\s*([*+]|\{\d*,)", plain) or len(re.findall(r"[*+]|\{\d*,", plain)) > MOST_REPEATS:
            problem = f"may be too slow on a hostile image name: use at most {MOST_REPEATS} of * and +, none after )"
            raise SettingsError((*at, key), problem)


def _require_string_list(holder: Mapping[str, Any], at: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    value = holder.get(at[-1])
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(at, "expected a list of names")
    return tuple(value)
