"""completion: a script that completes the command line in a shell."""

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from webhook.cli.exit_codes import Commands, ExitCode

EPILOG: Final = """\
examples:
  source <(kubeflow-openshift completion bash)
  source <(kubeflow-openshift completion zsh)
  kubeflow-openshift completion fish > ~/.config/fish/completions/kubeflow-openshift.fish

exit codes:
  0  the script is printed
  2  bad usage
"""
BASH: Final = """\
_kubeflow_openshift() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
    [ "$word" = = ] && word=
    [ "$before" = = ] && before=${{COMP_WORDS[COMP_CWORD-2]}}
    [ "$COMP_CWORD" = 1 ] && before=
    case "$COMP_CWORD:${{COMP_WORDS[1]}}:$before:$word" in
        1:*) words='{top}' ;;
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _kubeflow_openshift kubeflow-openshift
"""
ZSH: Final = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
Completed = dict[str, list[argparse.Action]]
"""The arguments of each command."""


def add_parser(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command `completion`."""
    del config  # it reads none
    parser = commands.add_parser(
        "completion", help="print a script that completes commands and options in a shell", epilog=EPILOG
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that reads the script")
    parser.set_defaults(command=run, commands=commands.choices)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    commands = {name: list(parser._actions) for name, parser in options.commands.items()}  # noqa: SLF001 - argparse has no public list
    script = "\n".join(_fish(commands)) + "\n" if options.shell == "fish" else _bash(commands)
    sys.stdout.write((ZSH if options.shell == "zsh" else "") + script)
    return ExitCode.FINE


def _choices(action: argparse.Action) -> str:
    """Return the values of an argument, if they are known."""
    from webhook.rules import RULES

    return " ".join(sorted(RULES) if action.dest == "id" else action.choices or ())


def _bash(commands: Completed) -> str:
    cases = []
    for name, actions in commands.items():
        valued = {
            f"*:{name}:{a.option_strings[-1]}:*": _choices(a) for a in actions if a.option_strings and a.nargs != 0
        }
        cases += [f"{pattern}) words='{choices}' ;;" for pattern, choices in valued.items()]
        options = " ".join(option for action in actions for option in action.option_strings)
        values = " ".join(_choices(action) for action in actions if not action.option_strings)
        cases += [f"*:{name}:*:-*) words='{options}' ;;", f"*:{name}:*) words='{values}' ;;"]
    top = " ".join([*commands, "--help", "--version"])
    return BASH.format(top=top, cases="\n".join(" " * 8 + case for case in cases))


def _fish(commands: Completed) -> Iterator[str]:
    for name, actions in commands.items():
        yield f"complete -c kubeflow-openshift -n __fish_use_subcommand -xa {name}"
        for action in actions:
            values = f" -xa '{_choices(action)}'" if _choices(action) else " -r" if action.nargs != 0 else ""
            long = "".join(f" -l {option[2:]}" for option in action.option_strings if option.startswith("--"))
            if long or _choices(action):
                yield f"complete -c kubeflow-openshift -n '__fish_seen_subcommand_from {name}'{long}{values}"
