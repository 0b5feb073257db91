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
NO_FRESH = (
    "--fresh trains a zoo's recipes with other seeds, and these twins were trained elsewhere; leave out --fresh, or "
    "--twins"
)
TWO_SOURCES = "--zoo and --twins each say which networks to judge on; leave one out"


def check_options_with_twins(options: Mapping[str, object]) -> None:
    """HarnessError where one of these options, by name, is given beside --twins."""
    if options.get("zoo"):
        raise HarnessError(TWO_SOURCES)
    if options.get("fresh") is not None:
        raise HarnessError(NO_FRESH)
    for name in ("leaderboard", "baseline"):
        if options.get(name):
            raise HarnessError(f"{WITHOUT_RECORD} --{name}, or declare a zoo that trains them")


def check_arguments_with_twins(twins: object, zoo: object, findings: bool, fresh: object = None) -> None:
    """The same of judge's arguments."""
    if twins is not None:
        check_options_with_twins({"zoo": zoo, "fresh": fresh})
        if findings:
            raise HarnessError(WITHOUT_FINDINGS)
