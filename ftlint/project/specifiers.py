"""What a requirement's text says about releases: an exact version, a range, a branch of a repository."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from ftlint.record import record

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

# Names under which people know a package that is published under another.
_ALIASES = {"llama-factory": "llamafactory", "llmtuner": "llamafactory", "pytorch": "torch"}
# Of addresses only, so texts, and compiled when first used.
_REVISION = r"@([^@#?]+)(?:[#?].*)?$"
_TAG = r"(?i:v?(\d+(?:\.\d+)+(?:[.-]?(?:rc|a|b|post|dev)\.?\d*)*)(?:-release)?)"
_WHEEL = r"/[A-Za-z0-9_.]+-(\d[^-/]*)-[^/]*\.whl(?:[#?].*)?$"
_SDIST = r"/[A-Za-z0-9_.-]+-(\d[^-/]*?)\.(?:tar\.gz|zip)(?:[#?].*)?$"


@record
class Claim:
    """The releases that one source allows, oldest first; `is_beyond`: perhaps one newer than our data."""

    releases: tuple[str, ...]
    is_beyond: bool = False


def normalised_name(name: str) -> str:
    """The package's name as our data spells it (PEP 503, and what people call it)."""
    name = name.replace("_", "-").replace(".", "-").strip("-").lower()
    while "--" in name:  # not by `re.sub`: a lock file may have a hundred thousand names
        name = name.replace("--", "-")
    return _ALIASES.get(name, name)


def names_of(package: str) -> tuple[str, ...]:
    """The normalised name and the others that stand for it."""
    return (package, *(alias for alias, name in _ALIASES.items() if name == package))


def is_version_or_specifier(text: str) -> bool:
    """Whether the text is `4.46.1`, `>=4.46,<5`, `==4.46.*` …"""
    return _specifier_set(text) is not None


def exact_specifier(version: str) -> str | None:
    """`==` and the version; None where it is none."""
    specifiers = _specifier_set(f"=={version.strip()}")
    return None if specifiers is None or _exact_version(specifiers) is None else f"=={version.strip()}"


def allows_one_of(text: str, releases: Iterable[str]) -> bool:
    """Whether a specifier contains one of those releases."""
    specifiers = _specifier_set(text)
    return specifiers is not None and any(specifiers.contains(release, prereleases=True) for release in releases)


def exact_release(text: str) -> str | None:
    """The one release of `==1.2.3`, where it is a final one; None for ranges, and for what comes before a release."""
    specifiers = _specifier_set(text)
    version = _exact_version(specifiers) if specifiers is not None else None
    return None if version is None or version.is_prerelease else version.public


def same_release(one: str, other: str) -> bool:
    """Whether two texts name one release: `2.5` and `2.5.0` do."""
    from packaging.version import Version

    return Version(one) == Version(other)


@lru_cache(maxsize=1024)  # thousands of small projects ask for the same few ranges
def claim_of_specifier(text: str, known: tuple[str, ...]) -> Claim | None:
    """What a version or specifier allows among the `known` releases (oldest first); None where it is neither.

    An exact version is believed even when we do not know it, and so is the lower bound of a range that begins after
    all we know. A range that only reaches beyond our data is judged by the releases we know.
    """
    from packaging.version import Version

    specifiers = _specifier_set(text)
    if specifiers is None:
        return None
    newest = Version(known[-1]) if known else None
    exact = _exact_version(specifiers)
    if exact is not None and not specifiers.contains(exact, prereleases=True):
        return Claim(())  # `==4.46.1,<4.46`
    if exact is not None:
        public = exact.public  # 2.5.1+cu121 behaves as 2.5.1
        return Claim((public,), is_beyond=newest is None or exact > newest)
    allowed = tuple(release for release in known if specifiers.contains(release))
    if allowed:
        return Claim(allowed)
    lowest = _lower_bound(specifiers)
    if lowest is not None and newest is not None and lowest > newest:
        return Claim((lowest.public,), is_beyond=True)
    return Claim(())


def claim_of_address(url: str, known: tuple[str, ...], default: tuple[str, ...]) -> Claim:
    """What `pip install git+https://…` or an archive's address allows.

    A release's tag or file name is that release, a branch is newer than our data, a commit or another archive may be
    anything: then it is the `default` window, and perhaps more.
    """
    named = re.search(_WHEEL, url) or re.search(_SDIST, url)
    revision = re.search(_REVISION, url.partition("://")[2].partition("/")[2])
    tag = re.fullmatch(_TAG, revision[1].rpartition("/")[2]) if revision else None
    version = named[1] if named else tag[1] if tag else None
    if version is not None:
        claim = claim_of_specifier(version.replace("%2B", "+"), known)
        if claim is not None:
            return claim
    is_branch = url.startswith("git+") and (revision is None or revision[1] in ("main", "master", "HEAD"))
    if is_branch and known:
        return Claim((known[-1],), is_beyond=True)
    return Claim(default, is_beyond=True)


def name_in_address(url: str) -> str | None:
    """The package that an address without a name most likely is: `#egg=`, the file's or the repository's name."""
    if egg := re.search(r"[#&]egg=([A-Za-z0-9_.-]+)", url):
        return normalised_name(egg[1])
    last = re.sub(r"[#?].*$", "", url).rstrip("/").rpartition("/")[2]
    if wheel := re.match(r"([A-Za-z0-9_.]+)-\d[^-]*-.*\.whl$", last):
        return normalised_name(wheel[1])
    if not url.startswith("git+"):
        return None
    repository = last.partition("@")[0].removesuffix(".git")
    return normalised_name(repository) if repository else None


def in_order(releases: set[str]) -> tuple[str, ...]:
    """Releases, oldest first."""
    from packaging.version import Version

    return tuple(sorted(releases, key=Version))


def _specifier_set(text: str) -> SpecifierSet | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = text.strip()
    if text[:1].isdigit() or re.match(r"v\d", text):
        text = f"=={text}"
    if re.search(r"\d{100}", text):
        return None  # no release has such a number, and Python refuses to read or print some
    try:
        return SpecifierSet(text) if text else None
    except InvalidSpecifier:
        return None


def _exact_version(specifiers: SpecifierSet) -> Version | None:
    """The one version of `==` or `===`, if there is one that is no prefix."""
    from packaging.version import InvalidVersion, Version

    for specifier in specifiers:
        if specifier.operator in ("==", "===") and not specifier.version.endswith(".*"):
            try:
                return Version(specifier.version)
            except InvalidVersion:
                return None
    return None


def _lower_bound(specifiers: SpecifierSet) -> Version | None:
    """The highest version that a range begins with."""
    from packaging.version import Version

    bounds = [
        Version(specifier.version.removesuffix(".*"))
        for specifier in specifiers
        if specifier.operator in (">=", ">", "~=", "==")
    ]
    return max(bounds, default=None)
