"""What does not go with twins that were trained elsewhere."""

from collections.abc import Mapping

from harness.errors import HarnessError

NOT_ASKED = "it is asked of networks that a zoo trains, and these twins were trained elsewhere"
WITHOUT_RECORD = (
    "a record says how each network was trained, which is not known of twins that were trained elsewhere; leave out"
)
WITHOUT_FINDINGS = (
    "findings ask for further networks, trained by a zoo's recipes, and these twins were trained elsewhere; leave out "
    "findings=True"
)
TWO_SOURCES = "--zoo and --twins each say which networks to judge on; leave one out"


def check_options_with_twins(options: Mapping[str, object]) -> None:
    """HarnessError where one of these options, by name, is given beside --twins."""
    if options.get("zoo"):
        raise HarnessError(TWO_SOURCES)
    for name in ("leaderboard", "baseline"):
        if options.get(name):
            raise HarnessError(f"{WITHOUT_RECORD} --{name}")


def check_arguments_with_twins(twins: object, zoo: object, findings: bool) -> None:
    """The same of judge's arguments."""
    if twins is not None:
        check_options_with_twins({"zoo": zoo})
        if findings:
            raise HarnessError(WITHOUT_FINDINGS)
