"""The catalogue of data sets: config/datasets.yaml."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from batterymi.config.parts import Strict
from batterymi.text_safety import hide_credentials

# no slash and no leading dot, so that a name cannot lead out of its folder


def check_credentials(value: str) -> str:
    """Refuse a URL that holds credentials, since settings are copied into reports and manifests."""
    if hide_credentials(value) != value:
        raise ValueError("the URL holds a user name, password or token; keep these in ~/.netrc, which requests reads")
    return value


Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(check_credentials)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]


class DataFile(Strict):
    """One file as its authors published it."""

    url: Url = Field(description="Where it is published; https, of one fixed version.")
    sha256: str = Field(description="Its digest: 64 hexadecimal digits.", pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(description="Its size.", ge=1)


class Dataset(Strict):
    """A data set: its files, its licence and the works to cite."""

    title: str = Field(description="What it is.", min_length=1)
    homepage: Url = Field(description="Where its authors present it.")
    licence: str = Field(description="Its licence, and that of what it is made from.", min_length=1)
    citation: tuple[str, ...] = Field(min_length=1, description="Works to cite.")
    files: dict[FileName, DataFile] = Field(min_length=1, description="Its files by name.")

    @field_validator("citation")
    @classmethod
    def _check_citations(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not work.strip() for work in value):
            raise ValueError("a citation is blank")
        return value
