"""The configuration file: what each key does, and that a mistake is named by file, line and field."""

from pathlib import Path

import pytest

from webhook.rules import OPTIONS, RULES
from webhook.settings.configuration import BadConfiguration, load
from webhook.settings.model import PATTERNS, Settings

WHOLE = """\
allocated: 1000000000-1999999999        # ids that OpenShift gives namespaces
rules:                                  # every rule by ID; true, false, or its settings
  istio-injection: {namespaces: all}
  fs-group: false
  run-as-user: true
exempt:                                 # left alone entirely
  namespaces: ["openshift-*", "team"]
  serviceAccounts: ["kubeflow/minio"]   # granted more by the administrator
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def loaded(file: Path, content: str) -> Settings:
    file.write_text(content)
    return load(file, OPTIONS)


def test_without_a_file_the_defaults_count() -> None:
    assert load(None, OPTIONS) == Settings()
    assert Settings().allocated == range(1_000_000_000, 2_000_000_000)
    assert Settings().exempt_namespaces == ("openshift-*", "kube-*")


@pytest.mark.parametrize(
    "content", ["", "\n", "# nothing\n", "---\n", "{}", "null", "rules:\nexempt:\n", "rules: {}\nexempt: {}"]
)
def test_a_file_that_says_nothing_changes_no_default(file: Path, content: str) -> None:
    assert loaded(file, content) == Settings()


def test_every_key_of_the_contract_is_understood(file: Path) -> None:
    settings = loaded(file, WHOLE)
    assert settings.allocated == range(1_000_000_000, 2_000_000_000)
    assert settings.rules == {"istio-injection": {"namespaces": "all"}, "fs-group": False, "run-as-user": True}
    assert settings.exempt_namespaces == ("openshift-*", "team")
    assert settings.exempt_service_accounts == {"kubeflow/minio"}


@pytest.mark.parametrize("content", ["\ufeff" + WHOLE, WHOLE.replace("\n", "\r\n"), "---\n" + WHOLE])
def test_the_files_form_does_not_matter(file: Path, content: str) -> None:
    file.write_text(content, newline="")
    assert load(file, OPTIONS).exempt_service_accounts == {"kubeflow/minio"}


def test_the_range_holds_both_its_ends(file: Path) -> None:
    settings = loaded(file, "allocated: 5-7")
    assert [settings.allocates(identity) for identity in (4, 5, 6, 7, 8)] == [False, True, True, True, False]


def test_a_rule_is_on_as_the_file_says_else_as_it_is_by_default(file: Path) -> None:
    settings = loaded(file, "rules: {fs-group: false, run-as-user: true, istio-injection: {}}")
    assert not settings.enables("fs-group", default=True)
    assert settings.enables("run-as-user", default=False)
    assert settings.enables("istio-injection", default=False), "who sets its options wants it"
    assert settings.enables("run-as-group", default=True)
    assert not settings.enables("run-as-group", default=False)


def test_a_rules_option_is_what_the_file_says_else_its_default(file: Path) -> None:
    settings = loaded(file, "rules: {istio-injection: {namespaces: none}}")
    assert settings.option("istio-injection", "namespaces", "profiles") == "none"
    assert loaded(file, "rules: {istio-injection: true}").option("istio-injection", "namespaces", "all") == "all"
    assert Settings().option("istio-injection", "namespaces", "profiles") == "profiles"


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_can_be_switched_and_every_value_of_its_options_chosen(file: Path, rule: str) -> None:
    for wanted in ("true", "false"):
        assert loaded(file, f"rules: {{{rule}: {wanted}}}").rules == {rule: wanted == "true"}
    for name, values in RULES[rule].options.items():
        for value in values if values != PATTERNS else ():
            settings = loaded(file, f"rules: {{{rule}: {{{name}: '{value}'}}}}")
            assert settings.option(rule, name, "") == value


def test_a_list_of_patterns_chooses_where_a_rule_acts(file: Path) -> None:
    def chosen(content: str, *images: str) -> bool:
        return loaded(file, f"rules: {{user-namespace: {content}}}").chooses("user-namespace", "images", images)

    assert chosen("true", "any")
    assert chosen("{namespaces: [team]}", "any")
    assert chosen("{images: }", "any")
    assert chosen("{images: ['*/jupyter-*', mysql]}", "busybox", "quay.io/a/jupyter-scipy:1")
    assert not chosen("{images: ['jupyter-*']}", "quay.io/a/jupyter-scipy:1")
    assert not chosen("{images: []}", "mysql")
    assert not chosen("{images: ['*']}")


def test_exempt_namespaces_are_patterns_and_service_accounts_are_names(file: Path) -> None:
    settings = loaded(file, "exempt: {namespaces: [team-*], serviceAccounts: [kubeflow/minio, 'auth/*']}")
    assert settings.exempts("team-a")
    assert not settings.exempts("openshift-monitoring"), "the file's list is the whole list"
    assert settings.exempts("kubeflow", "minio")
    assert not settings.exempts("kubeflow", "default")
    assert not settings.exempts("auth", "dex")
    assert not settings.exempts("kubeflow")
    assert not loaded(file, "exempt: {namespaces: []}").exempts("kube-system")


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().allocated = range(1)  # type: ignore[misc] # that it cannot be done is the point


MISTAKES = {
    "unknown key": (
        "allocated: 1-2\nalocated: 1-2\n",
        2,
        "alocated",
        "alocated: unknown key (did you mean allocated?)",
    ),
    "unknown key, near none": (
        "users: 1-2\n",
        1,
        "users",
        "unknown key; expected one of allocated, everyone, exempt, rules",
    ),
    "not a map": ("- 1\n", 1, "the file", "a map"),
    "text": ("just text\n", 1, "the file", "a map"),
    "rules a list": ("# one\nrules: [fs-group]\n", 2, "rules", "a map"),
    "rules text": ("rules: all\n", 1, "rules", "a map"),
    "unknown rule": (
        "rules:\n  fs-group: true\n  fs-groups: true\n",
        3,
        "rules.fs-groups",
        "key (did you mean fs-group?)",
    ),
    "unknown rule, near none": (
        "rules: {security: true}\n",
        1,
        "rules.security",
        "unknown key; expected one of access-mode",
    ),
    "rule neither true nor false": ("rules:\n\n  fs-group: maybe\n", 3, "rules.fs-group", "true or false"),
    "rule null": ("rules:\n  fs-group:\n", 2, "rules.fs-group", "true or false"),
    "rule with options null": ("rules:\n  istio-injection:\n", 2, "rules.istio-injection", "true or false"),
    "rule a number": ("rules: {fs-group: 1}\n", 1, "rules.fs-group", "true or false"),
    "rule text with options": ("rules: {istio-injection: all}\n", 1, "rules.istio-injection", "a map"),
    "options where there are none": ("rules:\n  fs-group: {a: b}\n", 2, "rules.fs-group", "true or false"),
    "unknown option": (
        "rules:\n  istio-injection:\n    namespace: all\n",
        3,
        "rules.istio-injection.namespace",
        "(did you mean namespaces?)",
    ),
    "option of no known value": (
        "rules:\n  istio-injection:\n    namespaces: some\n",
        3,
        "rules.istio-injection.namespaces",
        "profiles, all, none",
    ),
    "option a list": ("rules: {istio-injection: {namespaces: [all]}}", 1, "rules.istio-injection.namespaces", "all"),
    "patterns text": (
        "rules:\n  user-namespace:\n    namespaces: team\n",
        3,
        "rules.user-namespace.namespaces",
        "a list of names",
    ),
    "patterns a map": (
        "rules: {user-namespace: {images: {a: b}}}\n",
        1,
        "rules.user-namespace.images",
        "a list of names",
    ),
    "patterns of numbers": (
        "rules:\n  user-namespace:\n    images:\n    - 1\n",
        3,
        "rules.user-namespace.images",
        "a list of names",
    ),
    "a list in place of the options": ("rules:\n  user-namespace: [team]\n", 2, "rules.user-namespace", "a mapping"),
    "range a number": ("\n\nallocated: 5\n", 3, "allocated", "a range like"),
    "range null": ("allocated:\n", 1, "allocated", "a range like"),
    "range a list": ("allocated: [1, 2]\n", 1, "allocated", "a range like"),
    "range backwards": ("allocated: 7-5\n", 1, "allocated", "a range like"),
    "range from zero": ("allocated: 0-5\n", 1, "allocated", "a range like"),
    "range of three": ("allocated: 1-2-3\n", 1, "allocated", "a range like"),
    "range without an end": ("allocated: 1-\n", 1, "allocated", "a range like"),
    "range as OpenShift writes it": ("allocated: 1000000000-1999999999/10000\n", 1, "allocated", "a range like"),
    "range of 5,000 digits": (f"allocated: 1-{'9' * 5000}\n", 1, "allocated", "a range like"),
    "exempt a list": ("exempt:\n- team\n", 1, "exempt", "a map"),
    "unknown exemption": ("exempt:\n  users: [me]\n", 2, "exempt.users", "expected one of namespaces"),
    "namespaces text": ("exempt:\n  namespaces: team\n", 2, "exempt.namespaces", "a list of names"),
    "namespaces a map": ("exempt:\n  namespaces: {a: b}\n", 2, "exempt.namespaces", "a list of names"),
    "namespaces of numbers": ("exempt:\n  namespaces:\n  - 1\n", 2, "exempt.namespaces", "a list of names"),
    "service accounts text": ("exempt:\n  serviceAccounts: a/b\n", 2, "exempt.serviceAccounts", "a list of names"),
    "service accounts of null": ("exempt:\n  serviceAccounts: [~]\n", 2, "exempt.serviceAccounts", "a list of names"),
    "service account without namespace": ("exempt: {serviceAccounts: [minio]}\n", 1, "exempt.serviceAccounts", "/"),
    "option with a broken regular expression": (
        "rules:\n  writable-directory:\n    images:\n      a(: /b\n",
        4,
        "rules.writable-directory.images.a(",
        "not a regular expression",
    ),
    "key twice": ("rules: {}\nallocated: 1-2\nrules: {}\n", 3, "rules", "duplicate key"),
}


@pytest.mark.parametrize(("content", "line", "field", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_by_file_line_and_field(file: Path, content: str, line: int, field: str, why: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        loaded(file, content)
    message = str(refused.value)
    assert message.startswith(f"{file}:{line}: ")
    assert field in message
    assert why in message
    assert "\n" not in message


BROKEN = {
    "YAML": (b"rules: {\n", 2),
    "tab": (b"rules:\n\tfs-group: true\n", 2),
    "tag": (b"\nrules: !!python/object:os.system x\n", 2),
    "not UTF-8": (b"\n\xff\n", 2),
    "two documents": (b"rules: {}\n---\nrules: {}\n", 1),
    "alias of nothing": (b"rules: *all\n", 1),
    "not a number": (b"allocated: .nan\n", 1),
}


@pytest.mark.parametrize(("content", "line"), BROKEN.values(), ids=BROKEN)
def test_broken_yaml_is_named_by_file_and_line(file: Path, content: bytes, line: int) -> None:
    file.write_bytes(content)
    with pytest.raises(BadConfiguration) as refused:
        load(file, OPTIONS)
    assert str(refused.value).startswith(f"{file}:{line}: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_or_a_folder_is_named(file: Path, tmp_path: Path) -> None:
    for path in (file, tmp_path):
        with pytest.raises(BadConfiguration) as refused:
            load(path, OPTIONS)
        assert str(path) in str(refused.value)
