"""A migration's operation that makes or drops database triggers."""

from typing import Any, Final

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython
from django.db.migrations.state import ProjectState, StateApps

_NO_MODELS: Final = StateApps([], {})


class RunTriggers(RunPython):
    """SQL alone: without the models of the moment, which Django would make anew for each operation."""

    def database_forwards(
        self, _app_label: str, schema_editor: BaseDatabaseSchemaEditor, _from: ProjectState, _to: ProjectState
    ) -> None:
        self.code(_NO_MODELS, schema_editor)

    def database_backwards(
        self, _app_label: str, schema_editor: BaseDatabaseSchemaEditor, _from: ProjectState, _to: ProjectState
    ) -> None:
        undo: Any = self.reverse_code
        undo(_NO_MODELS, schema_editor)
