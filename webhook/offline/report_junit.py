"""Format the verdicts of `check` as JUnit XML."""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from webhook.offline.check import NotJudged, TemplateVerdict
from webhook.offline.reasons import reasons
from webhook.offline.report import name

NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(templates: Sequence[TemplateVerdict], not_judged: Sequence[NotJudged], seconds: float) -> str:
    """Return a suite per file, a test per pod template, a failure if it stays rejected, an error if it is not judged.

    The time is measured once; each test has the same share of it.
    """
    root = ET.Element("testsuites", name="admission by OpenShift")
    for file in dict.fromkeys([each.file for each in templates] + [each.file for each in not_judged]):
        suite = ET.SubElement(root, "testsuite", name=_clean(file))
        for template in (each for each in templates if each.file == file):
            _add_template(suite, template)
        for each in (each for each in not_judged if each.file == file):
            case = ET.SubElement(suite, "testcase", name=_clean(f"{each.kind} {each.name}".strip() or "the file"))
            ET.SubElement(case, "error", message=_clean(each.why)).text = _clean(str(each))
        for case in suite:
            case.set("classname", _clean(file))
        _add_totals(suite, seconds * len(suite) / (len(templates) + len(not_judged)))
    _add_totals(root, seconds)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_template(suite: ET.Element, template: TemplateVerdict) -> None:
    case = ET.SubElement(suite, "testcase", name=_clean(f"{name(template)} {template.path}"))
    if not template.after.admitted_by:
        why = reasons(template.after)
        ET.SubElement(case, "failure", message=_clean(why[0])).text = _clean("\n".join(why))
    if template.warnings:
        ET.SubElement(case, "system-out").text = _clean("\n".join(template.warnings))


def _add_totals(element: ET.Element, seconds: float) -> None:
    totals = {"tests": "testcase", "failures": "failure", "errors": "error"}
    for key, tag in totals.items():
        element.set(key, str(len(list(element.iter(tag)))))
    element.set("time", f"{seconds:.3f}")


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot have."""
    return NOT_XML.sub("?", text)
