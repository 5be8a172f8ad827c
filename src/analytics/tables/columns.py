"""
The vocabulary contracts are written in: kinds of column, and what a contract says.

A contract is a pandera model. Each column is declared by one function below, named after
its kind; the kind decides how text from a department's file is read. Metadata carry the
rest: label (zh), meaning (en), unit, whom it identifies, which purposes may see it, and
the code list it refers to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Literal

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from analytics.codes import Purpose

Text = Series[str]
Date = Series[pd.Timestamp]
Moment = Series[pd.Timestamp]
Integer = Series[pd.Int64Dtype]
Number = Series[float]
YesNo = Series[pd.BooleanDtype]

Kind = Literal[
    "text",  # free words
    "code",  # an identifier given by the department, kept exactly
    "name",  # a person's name; "NA" is a name
    "document",  # kind of identity document, see DOCUMENTS
    "id_number",  # number of that document
    "phone",
    "address",
    "region",  # GB/T 2260 code of any level, or a region's name
    "date",
    "moment",  # date and time of day, Asia/Shanghai
    "integer",
    "number",
    "yes_no",
    "category",
]
Identifies = Literal["none", "direct", "quasi"]
Archived = Literal["clear", "pseudonym", "withheld"]

DOCUMENTS = (
    "resident_id",  # 居民身份证, GB 11643
    "residence_permit",  # 港澳台居民居住证, GB 11643 with 81/82/83
    "mainland_permit_hk_mo",  # 港澳居民来往内地通行证
    "mainland_permit_tw",  # 台湾居民来往大陆通行证
    "passport",
    "permanent_resident",  # 外国人永久居留身份证
)
SEXES = ("male", "female")


@dataclass(frozen=True)
class Column:
    """
    What a contract says about one column.

    Attributes
    ----------
    name, label, meaning : str
        Column name, its heading in Chinese, and its meaning in English.
    kind : str
        How text in it is read; one of `Kind`.
    unit : str
        Unit, empty where it has none.
    identifies : {"none", "direct", "quasi"}
        Whether it tells who somebody is, alone (direct) or with others (quasi).
    archived : {"clear", "pseudonym", "withheld"}
        What the archive keeps of it; withheld values are in the vault only.
    purposes : frozenset of Purpose
        Purposes that may see it.
    reference : str
        Code list its values come from, or feed and column it refers to.
    required : bool
        Whether a row without it is refused.
    choices : tuple of str
        Closed vocabulary; empty where open.
    minimum, maximum : float or None
        Range of a number, ends included.
    future : bool
        Whether a date may lie after the delivery.
    """

    name: str
    label: str
    meaning: str
    kind: Kind
    unit: str
    identifies: Identifies
    archived: Archived
    purposes: frozenset[Purpose]
    reference: str
    required: bool
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    future: bool


@dataclass(frozen=True)
class Contract:
    """
    What a department promises to deliver as one feed.

    Attributes
    ----------
    feed : str
        Name, also of the delivered file: ``<feed>.csv``.
    department : str
        Who delivers it.
    label, meaning : str
        Title in Chinese, what one row is in English.
    key : tuple of str
        Natural key: a later row with the same key is a correction.
    columns : tuple of Column
    order : tuple of tuple of str
        Pairs of columns whose first may not lie after the second.
    model : type
        The pandera model.
    """

    feed: str
    department: str
    label: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    order: tuple[tuple[str, str], ...]
    model: type[pa.DataFrameModel]

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def personal(self) -> bool:
        """Whether any column tells directly who somebody is."""
        return any(column.identifies == "direct" for column in self.columns)


def _column(kind: Kind, label: str, meaning: str, **more: Any) -> Any:
    required = more.pop("required", False)
    choices = tuple(more.pop("choices", ()))
    minimum, maximum = more.pop("minimum", None), more.pop("maximum", None)
    metadata = {
        "kind": kind,
        "label": label,
        "unit": more.pop("unit", ""),
        "identifies": more.pop("identifies", "none"),
        "archived": more.pop("archived", "clear"),
        "purposes": more.pop("purposes", None),
        "reference": more.pop("reference", ""),
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "future": more.pop("future", False),
    }
    if more:
        raise TypeError(f"a column has no {', '.join(sorted(more))}")
    return pa.Field(
        nullable=not required,
        coerce=True,
        isin=list(choices) or None,
        ge=minimum,
        le=maximum,
        description=meaning,
        metadata=metadata,
    )


def text(label: str, meaning: str, **more: Any) -> Any:
    """Free words; withheld from the archive where they may name somebody."""
    return _column("text", label, meaning, **more)


def code(label: str, meaning: str, **more: Any) -> Any:
    """Take an identifier as the department gave it."""
    return _column("code", label, meaning, **more)


def name() -> Any:
    """Return a person's name column."""
    return _column("name", "姓名", "person's name", identifies="direct", archived="withheld")


def document() -> Any:
    """Kind of identity document; a missing one is read off the number."""
    return _column("document", "证件类型", "kind of identity document", choices=DOCUMENTS)


def id_number(*, required: bool = False) -> Any:
    """Return the number of a person's identity document."""
    return _column(
        "id_number",
        "证件号码",
        "number of the identity document; 15-digit numbers are upgraded to 18",
        identifies="direct",
        archived="pseudonym",
        required=required,
    )


def phone(label: str = "手机号码", meaning: str = "phone number", **more: Any) -> Any:
    """Phone number."""
    return _column("phone", label, meaning, identifies="direct", archived="pseudonym", **more)


def address(label: str = "住址", meaning: str = "address") -> Any:
    """Address below county; a missing county code is read off it."""
    return _column("address", label, meaning, identifies="direct", archived="withheld")


def region(label: str, meaning: str, **more: Any) -> Any:
    """GB/T 2260 code; delivered as code or name."""
    return _column("region", label, meaning, reference="GB/T 2260", **more)


def date(label: str, meaning: str, **more: Any) -> Any:
    """Day."""
    return _column("date", label, meaning, **more)


def birth_date() -> Any:
    """Day of birth."""
    return _column("date", "出生日期", "day of birth", identifies="quasi")


def moment(label: str, meaning: str, **more: Any) -> Any:
    """Date and time of day."""
    return _column("moment", label, meaning, unit="Asia/Shanghai", **more)


def integer(label: str, meaning: str, **more: Any) -> Any:
    """Whole number."""
    return _column("integer", label, meaning, **more)


def number(label: str, meaning: str, **more: Any) -> Any:
    """Real number."""
    return _column("number", label, meaning, **more)


def temperature() -> Any:
    """Body temperature."""
    return number("体温", "body temperature", unit="°C", minimum=30, maximum=45)


def yes_no(label: str, meaning: str, **more: Any) -> Any:
    """Yes, no or unknown; unknown is not no."""
    return _column("yes_no", label, meaning, **more)


def category(label: str, meaning: str, choices: Iterable[str | StrEnum], **more: Any) -> Any:
    """
    One word of a closed vocabulary.

    Parameters
    ----------
    label : str
        Chinese heading.
    meaning : str
        In English.
    choices : iterable of str
        The vocabulary; any other word is set aside as ``unknown_word``.
    **more
        As for every kind of column.
    """
    return _column("category", label, meaning, choices=[str(word) for word in choices], **more)


def sex() -> Any:
    """Sex as registered."""
    return category("性别", "sex as registered", SEXES, identifies="quasi")


def _read(name: str, field: Any, purposes: frozenset[Purpose]) -> Column:
    said = dict(field.metadata)
    own = said.pop("purposes")
    return Column(
        name=name,
        meaning=field.description,
        required=not field.nullable,
        purposes=purposes if own is None else frozenset(own),
        **said,
    )


@cache
def read(model: type[pa.DataFrameModel]) -> Contract:
    """Read a contract off its pandera model; one of `FEEDS` or `AREAS`."""
    schema, config = model.to_schema(), model.__config__
    said = dict((config.metadata if config else None) or {})
    purposes = frozenset(said.get("purposes", ()))
    return Contract(
        feed=model.__name__.lower(),
        department=said["department"],
        label=said["label"],
        meaning=(model.__doc__ or "").strip().removesuffix("."),
        key=tuple(said["key"]),
        columns=tuple(_read(str(n), c, purposes) for n, c in schema.columns.items()),
        order=tuple((a, b) for a, b in said.get("order", ())),
        model=model,
    )


def about(
    department: str,
    label: str,
    *,
    key: tuple[str, ...],
    purposes: Iterable[Purpose] = tuple(Purpose),
    order: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    """
    Say whose a feed is and what a row of it is; a contract's metadata.

    Parameters
    ----------
    department : str
        That delivers it.
    label : str
        Chinese name of the feed.
    key : tuple of str
        Columns by which two rows are versions of one.
    purposes : iterable of Purpose
        That may see its columns; all by default.
    order : tuple of (str, str)
        Pairs of columns of which the first may not be later than the second.
    """
    return {
        "department": department,
        "label": label,
        "key": key,
        "purposes": tuple(purposes),
        "order": order,
    }
