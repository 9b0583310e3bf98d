"""Runs in a pod of jobs: does a job that was started there anew, by the loop in one process.

alone.py JOB FOLDER keeps its objects in a folder.
"""

import sys
from pathlib import Path

from meshlens.batch import loop
from meshlens.batch.objects import FolderObjects
from meshlens.jobs.archive import Archive
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.settings import Settings

job, folder = sys.argv[1:]
settings = Settings()
record = Archive(settings.jobs_folder).record(job)
made = Kinds.of(settings.job_kinds).make(record.kind)
loop.run(made, record.identity, FolderObjects(Path(folder)))
