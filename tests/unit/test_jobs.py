"""Jobs of JupyterLab's scheduler, by its own parts: what becomes a report, and what is said."""

from __future__ import annotations

import shutil
from datetime import datetime
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_scheduler.environments import CondaEnvironmentManager
from jupyter_scheduler.executors import DefaultExecutionManager
from jupyter_scheduler.models import JobFeature
from jupyter_scheduler.orm import Job, create_tables
from jupyter_scheduler.scheduler import Scheduler
from tests import workbench_root
from tests.workbench_root import LEAD, SHOW

from analytics import study
from analytics.errors import ParameterError
from analytics.reporting import jobs

PERSON = "42010619800101001X"
DUE = int(datetime(2020, 3, 1, 7, 30, tzinfo=study.ZONE).timestamp() * 1000)


@pytest.fixture
def root(tmp_path, monkeypatch):
    place = workbench_root.make(tmp_path / "workbench")
    monkeypatch.setenv("WORKBENCH_ROOT", str(place))
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def scheduler(root, tmp_path):
    """JupyterLab's scheduler as `workbench lab` sets it up, but for its server."""
    database = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    create_tables(database)
    made = Scheduler(
        root_dir=str(root), environments_manager=CondaEnvironmentManager(), db_url=database
    )
    made.execution_manager_class = jobs.ReportJob
    made.staging_path = str(tmp_path / "staging")
    yield made
    made.db_session.kw["bind"].dispose()


def work(scheduler, notebook, **asked):  # noqa: ANN003
    """Run a job in this process: its record afterwards, and where its files wait."""
    asked = {"output_formats": ["ipynb", "html"], "create_time": DUE, **asked}
    with scheduler.db_session() as session:
        job = Job(
            name="ours", runtime_environment_name="here", input_filename=notebook.name, **asked
        )
        session.add(job)
        session.commit()
        number = job.job_id
    places = scheduler.get_staging_paths(scheduler.get_job(number, job_files=False))
    scheduler.copy_input_file(str(notebook), places["input"])
    one = jobs.ReportJob(number, str(scheduler.root_dir), scheduler.db_url, places)
    one.process()
    one.db_session.kw["bind"].dispose()
    return scheduler.get_job(number), places


def own(root, source):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id="only")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, root / "notebooks" / "mine.ipynb")
    return root / "notebooks" / "mine.ipynb"


def order(**parameters):  # noqa: ANN003
    asked = SimpleNamespace(create_time=DUE, parameters=parameters, output_formats=["html"])
    return jobs._order("risk_grading", asked, {})


def test_everything_wrong_with_the_parameters_is_in_the_status_and_nothing_ran(root, scheduler):
    asked = {"window_days": "many", "cumulative_cutof": "50", "as_of": "2031-01-01"}
    job, _ = work(scheduler, root / "notebooks" / "risk_grading.ipynb", parameters=asked)
    assert job.status == "FAILED"
    assert "window_days: Input should be a valid integer" in job.status_message
    assert "cumulative_cutof: unknown; did you mean 'cumulative_cutoff'?" in job.status_message
    assert not (root / "reports").exists()


def test_parameters_are_text_read_by_their_type_quoted_or_not():
    read = order(window_days="7", retrospective="True", as_of='"2020-02-20"').parameters
    assert (read.window_days, read.retrospective, str(read.as_of)) == (7, True, "2020-02-20")
    assert order(as_of="'2020-02-20'") == order(as_of="2020-02-20")


def test_a_job_that_comes_again_knows_the_day_on_which_it_was_due():
    assert str(order(as_of="{yesterday}").parameters.as_of) == "2020-02-29"
    assert str(order(as_of="{today}").parameters.as_of) == "2020-03-01"
    with pytest.raises(ParameterError, match="as_of"):
        order(as_of="{tomorrow}")


@pytest.mark.fault(
    "cell of a scheduled job raises with a person's number",
    "notebooks",
    "the number is in neither the job's status nor the server's log; record marked",
)
def test_a_failed_job_says_nothing_that_a_cell_said(root, scheduler, capfd):
    workbench_root.make(root, SHOW, f"raise ValueError('card {PERSON}')", LEAD)
    job, places = work(scheduler, root / "notebooks" / "risk_grading.ipynb")
    assert (job.status, "cell 4 raised ValueError" in job.status_message) == ("FAILED", True)
    assert PERSON not in job.status_message + "".join(capfd.readouterr())
    record = nbformat.read(places["ipynb"], as_version=4)
    assert record.metadata["workbench"]["outcome"] == "failed"
    assert [path.name for path in root.glob("reports/*/*/*.ipynb")] == ["risk_grading.failed.ipynb"]


def test_of_an_error_nobody_foresaw_its_kind_is_said(root, scheduler, monkeypatch, capfd):
    def fall(*_: object, **__: object) -> None:
        raise LookupError(PERSON)

    monkeypatch.setattr(jobs.run, "make_all", fall)
    job, _ = work(scheduler, root / "notebooks" / "risk_grading.ipynb")
    assert job.status_message == "nobody foresaw this: LookupError; please report it"
    said = "".join(capfd.readouterr())
    assert "make_all" in said
    assert PERSON not in said


def test_another_notebook_under_a_reports_name_is_refused(root, scheduler, tmp_path):
    """Whoever submits one would get a report of code that is not theirs."""
    other = shutil.copy(own(root, "1 + 1"), tmp_path / "risk_grading.ipynb")
    job, _ = work(scheduler, other)
    assert job.status == "FAILED"
    assert "holds other code than 'notebooks/risk_grading.ipynb'" in job.status_message
    assert not (root / "reports").exists()


@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning")  # theirs
def test_an_own_notebook_runs_as_the_scheduler_runs_it(root, scheduler):
    notebook = own(root, "open('beside.txt', 'w').write(str(days * 6))")
    job, places = work(scheduler, notebook, parameters={"days": "7"}, output_formats=["ipynb"])
    assert job.status == "COMPLETED", job.status_message
    ran = nbformat.read(places["ipynb"], as_version=4)
    assert ran.cells[-1].outputs[0]["data"]["text/plain"] == "2"
    assert "beside.txt" in job.packaged_files


def test_what_a_job_may_ask_for_is_what_is_done(tmp_path):
    usual = DefaultExecutionManager.supported_features(DefaultExecutionManager)
    assert jobs.ReportJob.supported_features(jobs.ReportJob) == {
        **usual,
        JobFeature.parameters: True,
    }
    bare = nbformat.v4.new_notebook()
    for name, able in (("risk_grading.ipynb", True), ("mine.ipynb", False)):
        nbformat.write(bare, tmp_path / name)
        assert jobs.ReportJob.validate(jobs.ReportJob, str(tmp_path / name)) is able
