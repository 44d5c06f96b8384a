"""The catalogue of data sets: config/datasets.yaml."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from batterymi.config.names import DerivationName
from batterymi.config.parts import Name, Strict
from batterymi.text_safety import hide_credentials

# no slash and no leading dot, so that a name cannot lead out of its folder


def check_credentials(value: str) -> str:
    """Refuse a URL that holds credentials, since settings are copied into reports and manifests."""
    if hide_credentials(value) != value:
        raise ValueError("the URL holds a user name, password or token; keep these in ~/.netrc, which requests reads")
    return value


Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(check_credentials)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]


class Derivation(Strict):
    """A file that a function of the package derives from one folder of a public git repository."""

    repository: Url = Field(description="Address of the repository; https.", pattern=r"^https://")
    commit: str = Field(description="Its commit: 40 hexadecimal digits.", pattern=r"^[0-9a-f]{40}$")
    folder: str = Field(
        description="The folder inside that is fetched, and no other.",
        max_length=200,
        pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*$",
    )
    function: DerivationName = Field(description="What derives the file.")
    needs: tuple[Name, ...] = Field((), description="Other data sets that the function reads.")
    content_sha256: str = Field(
        description="Digest of the arrays in the derived file, however they are compressed.", pattern=r"^[0-9a-f]{64}$"
    )

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if {"..", ".git"} & {part.lower() for part in value.split("/")}:
            raise ValueError(f"'{value}' leads out of the repository's files")
        return value


class DataFile(Strict):
    """One file as its authors published it, or derived from what they published."""

    url: Url | None = Field(None, description="Where it is published; https, of one fixed version.")
    derived: Derivation | None = Field(None, description="What it is derived from, where no mirror has it.")
    sha256: str = Field(description="Its digest: 64 hexadecimal digits.", pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(description="Its size.", ge=1)

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if (self.url is None) == (self.derived is None):
            raise ValueError("give exactly one of url and derived")
        return self

    @property
    def origin(self) -> str:
        """Return the address that it comes from."""
        return self.derived.repository if self.derived else str(self.url)


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
