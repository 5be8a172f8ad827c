"""
A form for a report's parameters, in a notebook of JupyterLab.

    from analytics.reporting import form
    form.show("risk_grading")

It is built from the model that the command line and the notebook are checked by: the same
fields, defaults, bounds and messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics import study as studies
from analytics.errors import SetupError, WorkbenchError
from analytics.reporting import run
from analytics.reporting.parameters import ReportParameters, model, parse

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_MOST = 10**9  # bound of a whole number that has none


@dataclass(frozen=True)
class Form:
    """
    A form that stands in a notebook.

    Parameters
    ----------
    report : str
        Name of the report.
    fields : dict of str to widget
        One for each parameter.
    button : widget
        Makes the report.
    told : widget
        What became of it: links to the pages, or what is wrong with which field.
    box : widget
        All of it, as shown.
    """

    report: str
    fields: dict[str, Any]
    button: Any
    told: Any
    box: Any

    def entries(self) -> dict[str, Any]:
        """Parameters as they stand in the form; an empty one takes its default."""
        entries = {name: field.value for name, field in self.fields.items()}
        return {name: value for name, value in entries.items() if value not in (None, "")}

    def parameters(self) -> ReportParameters:
        """
        Check the parameters as they stand.

        Raises
        ------
        ParameterError
            Listing everything that is wrong.
        """
        return parse(self.report, self.entries())

    def make(self, output: Path | None = None) -> list[Path]:
        """Make the report of these parameters, and say in the form what became of it."""
        self.button.disabled, self.told.value = True, "…"
        try:
            output = output or studies.root() / "reports"
            entries = self.entries()
            days = [str(entries.pop("as_of", ""))]
            (order,) = run.orders(
                [self.report], entries, days, languages=("zh", "en"), output=output
            )
            outcome = run.make(order)
            if outcome.error is not None:
                raise outcome.error
            self.told.value = "<br>".join(_link(page) for page in outcome.pages)
            return list(outcome.pages)
        except WorkbenchError as error:
            self.told.value = f"<pre>{escape(str(error))}</pre>"
            return []
        finally:
            self.button.disabled = False


def show(report: str) -> Form:
    """
    Build a report's form and display it.

    Parameters
    ----------
    report : str
        Name of the report.

    Returns
    -------
    Form
        With the fields as they stand, for use from code.

    Raises
    ------
    ParameterError
        If there is no such report; the nearest name is suggested.
    SetupError
        If the widgets are not installed.
    """
    try:
        import ipywidgets as widgets
        from IPython.display import display
    except ImportError:
        raise SetupError(
            "a form needs ipywidgets", remedy="pip install 'epidemic-workbench[lab]'"
        ) from None
    expected = model(report)
    fields = {name: _field(widgets, name, field) for name, field in expected.model_fields.items()}
    button = widgets.Button(description="生成 · Make", button_style="primary")
    told = widgets.HTML()
    heading = widgets.HTML(f"<b>{escape(report)}</b> {escape((expected.__doc__ or '').strip())}")
    made = Form(
        report, fields, button, told, widgets.VBox([heading, *fields.values(), button, told])
    )
    button.on_click(lambda _: made.make())
    display(made.box)  # type: ignore[no-untyped-call]
    return made


def _field(widgets: Any, name: str, field: FieldInfo) -> Any:
    look = {"description": name, "style": {"description_width": "10em"}}
    look |= {"layout": widgets.Layout(width="36em"), "description_tooltip": field.description or ""}
    if name == "study":
        return widgets.Dropdown(options=studies.names(), value=studies.chosen(), **look)
    if field.annotation is bool:
        return widgets.Checkbox(value=bool(field.default), indent=True, **look)
    if field.annotation is date:
        return widgets.DatePicker(**look)
    if field.annotation is int:
        least = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), None)
        most = next((limit.le for limit in field.metadata if hasattr(limit, "le")), None)
        bounds = {
            "min": -(10**9) if least is None else least,
            "max": 10**9 if most is None else most,
        }
        return widgets.BoundedIntText(value=field.default, **bounds, **look)
    return widgets.Text(value=str(field.default or ""), placeholder=field.description or "", **look)


def _link(page: Path) -> str:
    at = page.resolve()
    here = at.is_relative_to(studies.root().resolve())
    shown = at.relative_to(studies.root().resolve()).as_posix() if here else str(at)
    return (
        f'<a href="/files/{escape(shown)}" target="_blank">{escape(shown)}</a>' if here else shown
    )
